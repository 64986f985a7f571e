from __future__ import annotations

import pytest

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.timeline import (
    FOLLOWS,
    Change,
    changes,
    follows_an_opening,
    follows_one_of,
    leaked,
    undisturbed,
)
from landfast.model.facts import (
    BindingTried,
    ConnectionTried,
    Fact,
    ForeignSourcePacket,
    ForeignSourceTried,
    Gathered,
    MappedAddress,
    PublicAddressChanged,
)
from tests.diagnose.stories import OTHER, OWN, PUBLIC, X


def change(at: float) -> Change:
    return Change(at, at, PUBLIC, OTHER, (PublicAddressChanged(at, PUBLIC, OTHER),))


def test_a_watcher_and_a_socket_both_see_changes() -> None:
    flow = [MappedAddress(at, X, (OWN, 1), (to, 1)) for at, to in ((1.0, PUBLIC), (2.0, OTHER))]
    told = PublicAddressChanged(0.5, "203.0.113.9", PUBLIC)
    seen, asked = changes(Evidence([*flow, told]))
    assert (seen.ended, seen.old, seen.new) == (0.5, "203.0.113.9", PUBLIC)
    assert (asked.began, asked.ended, asked.because) == (1.0, 2.0, tuple(flow))


@pytest.mark.parametrize(("at", "follows"), [(9.9, False), (10.0, True), (10.0 + FOLLOWS, True), (21.0, False)])
def test_a_cause_comes_first_and_not_long_before(at: float, follows: bool) -> None:
    packet = ForeignSourcePacket(10.0, "wlan0", "10.42.0.1", X[0], 17)
    assert follows_one_of(change(at), (packet,)) is follows


def test_an_agent_sends_all_the_time_that_it_gathers() -> None:
    gathered = Gathered(10.0, "aioice", 5.0, 3, 8)
    assert follows_one_of(change(6.0), (gathered,))
    assert not follows_one_of(change(4.0), (gathered,))


@pytest.mark.parametrize(("at", "follows"), [(9.0, False), (11.0, True), (15.0 + FOLLOWS, True), (26.0, False)])
def test_an_opening_lasts_until_seconds_after_its_end(at: float, follows: bool) -> None:
    opening = ConnectionTried(15.0, 10.0, "aiortc", None)
    assert follows_an_opening(change(at), Evidence([opening])) is follows


def test_what_left_is_what_was_seen_leaving() -> None:
    seen: list[Fact] = [ForeignSourceTried(1.0, "10.42.0.1", "wlan0", 3, 1), Gathered(2.0, "aioice", 1.0, 3, 8)]
    unseen: list[Fact] = [ForeignSourceTried(3.0, "10.42.0.1", "wlan0", 3, 0), Gathered(4.0, "aioice", 1.0, 3, None)]
    assert leaked(Evidence([*seen, *unseen])) == tuple(seen)


def test_bindings_that_lived_through_a_change_are_left_out() -> None:
    before, across, after = (BindingTried(at, X, "stream", 5.0, 8.0, True, True) for at in (10.0, 25.0, 40.0))
    assert undisturbed(Evidence([before, across, after, PublicAddressChanged(20.0, PUBLIC, OTHER)])) == (before, after)
