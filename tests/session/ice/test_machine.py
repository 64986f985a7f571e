from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.machine import TABLE, State, Step


@given(st.lists(st.sampled_from(Step)))
def test_closed_is_the_only_end(steps: list[Step]) -> None:
    state = State.NEW
    for step in [*steps, Step.CLOSE]:
        state = TABLE.get((state, step), state)
    assert state is State.CLOSED
    assert not any((State.CLOSED, step) in TABLE for step in Step)


def test_an_answer_after_consent_has_ended_brings_the_session_back() -> None:
    assert TABLE[State.FAILED, Step.ANSWER] is State.COMPLETED


def test_a_restart_of_a_session_that_works_does_not_show() -> None:
    assert not any((state, Step.START) in TABLE for state in (State.CONNECTED, State.COMPLETED, State.DISCONNECTED))
