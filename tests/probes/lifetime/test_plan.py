from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.probes.lifetime.plan import CLOSE, Plan, moments, plan, usual

MAPPINGS = st.integers(24, 256)
LONGEST = st.floats(5, 300)


def silences(made: Plan, state: str) -> list[float]:
    return sorted(trial.silent for trial in made.trials if trial.state == state)


@given(LONGEST, MAPPINGS, st.sampled_from([0.0, 80.0]))
def test_no_more_sockets_are_opened_than_were_allowed(longest: float, mappings: int, oldest: float) -> None:
    made = plan(longest, mappings, oldest=oldest)
    assert made.mappings <= mappings
    assert (made.outbound > 0) == (oldest > 0)
    assert made.inbound > 0


@given(LONGEST, MAPPINGS)
def test_silences_go_from_nothing_to_the_longest(longest: float, mappings: int) -> None:
    made = plan(longest, mappings)
    for state in {trial.state for trial in made.trials}:
        found = silences(made, state)
        assert 0 < found[0] < longest / 100
        assert found[-1] == pytest.approx(longest)
        assert len(set(found)) == len(found)


@given(LONGEST, st.integers(3, 150))
def test_moments_are_so_many_in_order(longest: float, count: int) -> None:
    found = moments(longest / 26, longest, count)
    assert len(found) == count
    assert found == sorted(found)


@pytest.mark.parametrize("state", ["unreplied", "replied", "stream"])
@pytest.mark.parametrize("seconds", [20, 30, 35, 60, 120])
def test_the_lifetimes_that_manufacturers_choose_are_enclosed_to_a_hundredth(state: str, seconds: int) -> None:
    found = silences(plan(130, 200), state)
    assert seconds - CLOSE in found
    assert seconds + CLOSE in found


@given(st.floats(10, 70))
def test_any_usual_lifetime_of_an_unreplied_binding_is_measured_to_a_twentieth(seconds: float) -> None:
    found = silences(plan(130, 200), "unreplied")
    alive = max(silent for silent in found if silent < seconds)
    dead = min(silent for silent in found if silent >= seconds)
    assert abs((alive + dead) / 2 - seconds) <= 0.05 * seconds


@given(st.floats(10, 60))
def test_a_fifth_of_the_sockets_still_tells_a_lifetime_to_a_quarter(seconds: float) -> None:
    first = plan(130, 200).trials[:40]
    found = sorted(trial.silent for trial in first if trial.state == "unreplied")
    alive = max(silent for silent in found if silent < seconds)
    dead = min(silent for silent in found if silent >= seconds)
    assert abs((alive + dead) / 2 - seconds) <= 0.25 * seconds


def test_usual_values_come_with_the_commonest_first() -> None:
    assert usual(61)[:5] == [10, 20, 40, 50, 5]
    assert set(usual(13)) == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}


def test_with_few_sockets_what_is_replied_is_not_asked() -> None:
    assert silences(plan(130, 40), "replied") == []
    assert len(silences(plan(130, 40), "stream")) == 18
