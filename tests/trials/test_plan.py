from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import RequestError
from landfast.trials.plan import MAX_ATTEMPTS, Slot, plan


def test_the_documents_trial_is_four_groups_of_five_that_alternate() -> None:
    slots = plan(["off", "on"])
    assert [slot.number for slot in slots] == list(range(1, 21))
    assert [slot.arm for slot in slots] == 5 * ["off"] + 5 * ["on"] + 5 * ["off"] + 5 * ["on"]
    assert slots[7] == Slot(8, 2, 3, "on")


@given(st.lists(st.text(max_size=5), min_size=1, max_size=6, unique=True), st.integers(1, 12), st.integers(1, 20))
def test_every_arm_is_tried_and_none_a_whole_group_more_than_another(
    arms: list[str], groups: int, attempts: int
) -> None:
    if groups < len(arms):
        with pytest.raises(RequestError):
            plan(arms, groups, attempts)
        return
    slots = plan(arms, groups, attempts)
    times = [sum(slot.arm == arm for slot in slots) for arm in arms]
    assert sum(times) == groups * attempts
    assert max(times) - min(times) <= attempts


@pytest.mark.parametrize(
    ("arms", "groups", "attempts"),
    [([], 4, 5), (["on", "on"], 4, 5), (["off"], 0, 5), (["off"], 1, 0), (["off"], 1, MAX_ATTEMPTS + 1)],
)
def test_what_cannot_be_a_trial_is_refused(arms: list[str], groups: int, attempts: int) -> None:
    with pytest.raises(RequestError):
        plan(arms, groups, attempts)
