from __future__ import annotations

import pytest

from landfast import clock
from landfast.trials.arms import ARMS
from landfast.trials.attempt import Place, Terms, Watcher, attempt
from landfast.trials.place import Laboratory
from landfast.trials.plan import Slot
from landfast.trials.result import Attempt, Gateway
from landfast.trials.robot import Robot
from landfast.trials.watch import Watch
from tests.trials.places import FakePlace, Meter

pytestmark = pytest.mark.anyio


async def made(place: FakePlace, arm: str = "off") -> Attempt:
    return await attempt(Slot(3, 1, 3, arm), ARMS[arm], place, Terms(), clock.monotonic() - 100)


def test_the_meter_and_the_fake_places_are_what_an_attempt_needs() -> None:
    places: list[type[Place]] = [Laboratory, Robot, FakePlace]
    watchers: list[type[Watcher]] = [Watch, Meter]
    for needed, offered in ((Place, places), (Watcher, watchers)):
        for kind in offered:
            assert {name for name in vars(needed) if not name.startswith("_")} - {"robot", "watch"} <= set(dir(kind))


async def test_what_the_peers_and_the_meter_say_becomes_the_attempt() -> None:
    found = await made(FakePlace())
    assert (found.number, found.arm, found.connected, found.gathered_s) == (3, "off", False, 5.0)
    assert [(change.old, change.new) for change in found.address_changes] == [("203.0.113.10", "203.0.113.11")]
    assert found.notes == ("not connected",)
    assert 100 <= found.began_s < 101
    assert found.gateway_resets is None


async def test_a_good_attempt_has_nothing_to_note() -> None:
    found = await made(FakePlace(), "on")
    assert (found.connected, found.held, found.address_changed, found.notes) == (True, True, False, ())


async def test_the_carrier_is_asked_before_and_after_and_only_the_difference_counts() -> None:
    found = await made(FakePlace(gateway=Gateway(100, 7)))
    assert (found.gateway_violations, found.gateway_resets) == (12, 1)


async def test_a_network_that_does_not_become_quiet_is_noted_and_does_not_stop_the_trial() -> None:
    place = FakePlace()
    place.watch.noisy = True
    assert "did not become quiet" in (await made(place, "on")).notes[0]


async def test_what_was_before_is_forgotten_but_for_the_last_moments() -> None:
    place = FakePlace()
    found = await made(place)
    [before] = place.watch.forgotten
    assert before < clock.monotonic()
    assert found.lasted_s >= 0


async def test_without_capture_foreign_packets_are_unknown() -> None:
    place = FakePlace()
    place.watch.capturing = False
    assert (await made(place)).foreign_source_packets is None
