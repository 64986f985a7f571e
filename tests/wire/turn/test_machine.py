from __future__ import annotations

from landfast.wire.turn.machine import TABLE, State, Step


def test_every_state_can_end_and_the_end_is_final() -> None:
    ends = {State.ENDED}
    while more := {state for (state, _), then in TABLE.items() if then in ends} - ends:
        ends |= more
    assert ends == set(State)
    assert not any(state is State.ENDED for state, _ in TABLE)


def test_every_state_but_the_first_is_reached_and_every_step_happens_somewhere() -> None:
    assert set(TABLE.values()) == set(State) - {State.IDLE}
    assert {step for _, step in TABLE} == set(Step)


def test_everything_that_is_alive_can_be_closed_and_a_lost_connection_ends_it() -> None:
    for state in set(State) - {State.ENDED}:
        assert TABLE[state, Step.LOST] is State.ENDED
        if state is not State.CLOSING:
            assert TABLE[state, Step.CLOSE] in (State.CLOSING, State.ENDED)


def test_neither_silence_nor_a_refusal_ends_an_allocation_that_stands() -> None:
    for step in (Step.REFUSED, Step.UNANSWERED):
        assert (State.STANDING, step) not in TABLE
        assert TABLE[State.MOVING, step] is State.STANDING
