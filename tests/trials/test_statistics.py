from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.trials.statistics import fisher, judge, summarise, total, wilson
from tests.trials.stories import story


@pytest.mark.parametrize(
    ("count", "low", "high"), [(8, 0.490, 0.943), (0, 0.0, 0.278), (10, 0.722, 1.0)], ids=["8", "0", "10"]
)
def test_wilsons_interval_of_ten_is_the_published_one(count: int, low: float, high: float) -> None:
    found = wilson(count, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (low, high)


def test_the_documents_table_has_the_published_p() -> None:
    assert fisher((8, 10), (0, 10)) == pytest.approx(0.000714, rel=1e-3)


@given(st.integers(1, 30), st.data())
def test_an_interval_holds_its_proportion_and_fisher_does_not_mind_the_order(of: int, data: st.DataObject) -> None:
    first, second = data.draw(st.integers(0, of)), data.draw(st.integers(0, of))
    found = wilson(first, of)
    assert 0 <= found.low <= first / of <= found.high <= 1
    assert fisher((first, of), (second, of)) == pytest.approx(fisher((second, of), (first, of)))
    assert fisher((first, of), (first, of)) == pytest.approx(1)


def test_nothing_tried_says_nothing() -> None:
    found = wilson(0, 0)
    assert (found.low, found.high) == (0, 1)


def test_an_unknown_part_makes_the_sum_unknown() -> None:
    assert total([1, 2]) == 3
    assert total([1, None]) is None
    assert total([]) == 0


def test_an_arm_is_summed_up_from_its_attempts() -> None:
    off, on = summarise(story())
    assert (off.name, off.attempts, off.connected.count, off.changed.count) == ("off", 10, 0, 10)
    assert (off.foreign_source_packets, off.gateway_resets, off.longest_bystander_stall_s) == (30, 10, 3.2)
    assert off.time_to_connect_s is None
    assert (on.name, on.connected.count, on.changed.count, on.time_to_connect_s) == ("on", 10, 0, 0.4)


def test_the_cure_is_proved_by_the_documents_result() -> None:
    verdict = judge(summarise(story()))
    assert verdict.proved is True
    assert verdict.p_value is not None
    assert verdict.p_value < 0.001


def test_without_a_fault_there_is_nothing_to_prove() -> None:
    attempts = [replace(attempt, address_changes=()) for attempt in story()]
    verdict = judge(summarise(attempts))
    assert verdict.proved is False
    assert "nothing to cure" in verdict.because


def test_one_change_under_the_remedy_is_no_cure() -> None:
    attempts = story()
    changes = attempts[0].address_changes
    attempts[-1] = replace(attempts[-1], address_changes=changes)
    assert judge(summarise(attempts)).proved is False


def test_a_remedy_with_which_one_attempt_does_not_connect_is_no_cure() -> None:
    attempts = story()
    attempts[-1] = replace(attempts[-1], connected=False)
    verdict = judge(summarise(attempts))
    assert verdict.proved is False
    assert "9 of 10 connected" in verdict.because


def test_too_few_attempts_prove_nothing() -> None:
    verdict = judge(summarise(story(groups=2, attempts=2)))
    assert verdict.proved is False
    assert "Not proved yet" in verdict.because


@pytest.mark.parametrize("arms", [("off",), ("on",), ("limit-0", "strong-host")])
def test_a_trial_that_does_not_compare_off_with_on_proves_nothing_and_disproves_nothing(arms: tuple[str, ...]) -> None:
    assert judge(summarise(story(arms=arms))).proved is None
