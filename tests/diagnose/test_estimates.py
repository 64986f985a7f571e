from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.diagnose.estimates import budget, enough_dead, inbound_refreshes, lifetime, longest_packets, oldest
from landfast.diagnose.evidence import Evidence
from landfast.model.facts import BindingTried, Fact, MappingsAsked, RoundTrips
from tests.diagnose import stories
from tests.diagnose.stories import X


@given(st.floats(6.0, 100.0))
@settings(deadline=None)
def test_a_lifetime_lies_between_what_lived_and_what_was_dead(seconds: float) -> None:
    measured = lifetime(Evidence(stories.lifetime(seconds)), "stream")
    assert measured
    assert measured.dead
    assert measured.alive < seconds <= measured.dead
    assert measured.seconds == pytest.approx(seconds, rel=0.05)


def test_what_lives_for_as_long_as_was_asked_has_no_end() -> None:
    measured = lifetime(Evidence(stories.lifetime(500.0)), "stream")
    assert measured
    assert (measured.dead, measured.seconds) == (None, None)
    assert measured.alive > 120


def test_states_are_told_apart() -> None:
    evidence = Evidence([*stories.lifetime(20.0, "unreplied"), *stories.lifetime(60.0)])
    short, long = lifetime(evidence, "unreplied"), lifetime(evidence, "stream")
    assert short
    assert long
    assert short.alive < 20
    assert long.alive > 50
    assert lifetime(evidence, "replied") is None


def test_an_age_is_no_lifetime() -> None:
    evidence = Evidence(stories.age(60.0))
    assert lifetime(evidence, "stream") is None
    measured = oldest(evidence)
    assert measured
    assert (measured.alive, measured.dead) == (55.0, 60.0)


def test_whether_inbound_packets_refresh_is_unknown_without_a_lifetime() -> None:
    fed = [BindingTried(60.0, X, "stream", 5.0, 40.0, True, True, "inbound")]
    assert inbound_refreshes(Evidence(fed)) is None
    assert inbound_refreshes(Evidence([*fed, *stories.lifetime(20.0)])) is True


@pytest.mark.parametrize(
    ("sent", "lost", "enough"), [(20, 0, 3), (100, 19, 4), (100, 50, 6), (0, 0, 3), (20, 20, 29), (10**20, 10**20, 66)]
)
def test_a_path_that_loses_packets_needs_more_of_them(sent: int, lost: int, enough: int) -> None:
    trips = RoundTrips(1.0, X, ("192.168.1.10", 1), sent, (0.1,) * min(sent - lost, 1000))
    assert enough_dead(Evidence([trips])) == pytest.approx(enough, rel=0.1)


def test_three_packets_do_not_convince_on_a_path_that_loses_a_tenth() -> None:
    lossy = RoundTrips(1.0, X, ("192.168.1.10", 1), 100, (0.1,) * 81)
    few: list[Fact] = [BindingTried(9.0, X, "stream", 8.0, 9.0, True, True)]
    few += [BindingTried(9.0 + each, X, "stream", 12.0, 12.0, False, True) for each in range(3)]
    quiet, lost = lifetime(Evidence(few), "stream"), lifetime(Evidence([*few, lossy]), "stream")
    assert quiet
    assert lost
    assert (quiet.dead, lost.dead) == (12.0, None)


def test_the_budget_is_the_one_that_was_asked_last() -> None:
    first, last = (MappingsAsked(at, X, 128, mapped, True) for at, mapped in ((1.0, 60), (2.0, 64)))
    assert budget(Evidence([last, first])) == last


def test_lengths_are_told_for_each_direction() -> None:
    found = longest_packets(Evidence([*stories.lengths(1400), *stories.lengths(1280, up=False)]))
    assert [(each.direction, each.passes, each.dies) for each in found] == [("up", 1400, 1420), ("down", 1280, 1348)]
