from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.peers.attempt import (
    GRACE,
    PATIENCE,
    STALE,
    Attempt,
    Broke,
    Command,
    EchoReturned,
    EchoSent,
    Happening,
    Output,
    PeerDone,
    PeerReady,
    State,
    StopAsked,
)
from landfast.peers.report import (
    Began,
    ChecksStarted,
    Closed,
    Connected,
    Echoes,
    GatheringFinished,
    GatheringStarted,
    Ready,
    Reason,
    StateChanged,
)

LIMIT, HOLD = 8.0, 5.0


def play(*happenings: Happening | float) -> list[Output]:
    """The outputs of an attempt that starts at 0; a number lets the time come that far."""
    attempt = Attempt(LIMIT, HOLD)
    outputs = attempt.start(0)
    for happening in happenings:
        outputs += attempt.handle_timer(happening) if isinstance(happening, float) else attempt.handle(happening)
    return outputs


BEGUN: list[Output] = [Ready(0), Began(1), Command.BEGIN]


def ended(at: float, reason: Reason, detail: str = "") -> list[Output]:
    return [Command.SAY_DONE, Closed(at, reason, detail), Command.CLOSE]


def echoes(start: float, end: float) -> list[Happening]:
    """One sent and returned at once each second."""
    return [kind(at) for at in _steps(start, end) for kind in (EchoSent, EchoReturned)]


def _steps(start: float, end: float) -> list[float]:
    return [start + n for n in range(int(end - start) + 1)]


def test_one_that_connects_and_holds_lingers_for_the_other() -> None:
    story = play(PeerReady(1), *echoes(2, 7), 7.0, PeerDone(7.5))
    assert story == [
        *BEGUN,
        Connected(2),
        Echoes(7, 6, 6, 7, 1),
        Command.SAY_DONE,
        Closed(7.5, Reason.HELD),
        Command.CLOSE,
    ]
    alone = play(PeerReady(1), *echoes(2, 7), 7.0, 7.0 + GRACE)
    assert alone[-2:] == [Closed(7 + GRACE, Reason.HELD), Command.CLOSE]


def test_one_whose_peer_was_done_before_does_not_linger() -> None:
    story = play(PeerReady(1), *echoes(2, 7), PeerDone(6.9), 7.0)
    assert story[-2:] == [Closed(7, Reason.HELD), Command.CLOSE]


def test_the_limit_runs_from_when_both_are_ready() -> None:
    assert play(PeerReady(1), 8.9) == BEGUN
    assert play(PeerReady(1), 9.0) == [*BEGUN, *ended(9, Reason.NOT_CONNECTED)]


def test_a_peer_that_was_ready_before_us_does_not_shorten_the_limit() -> None:
    assert play(PeerReady(-3))[1] == Began(0)


def test_an_open_channel_is_not_connected_until_an_echo_is_back() -> None:
    story = play(PeerReady(1), StateChanged(2, "channel", "open"), EchoSent(2), 9.0)
    assert story == [*BEGUN, StateChanged(2, "channel", "open"), *ended(9, Reason.NOT_CONNECTED)]


def test_what_the_stack_does_is_passed_on() -> None:
    seen: list[Happening] = [GatheringStarted(1), GatheringFinished(2, ("host 10.0.0.1",)), ChecksStarted(3)]
    assert play(PeerReady(1), *seen) == [*BEGUN, *seen]


def test_a_stack_that_gives_up_ends_the_attempt_at_once() -> None:
    failed = StateChanged(5, "connection", "failed")
    assert play(PeerReady(1), failed) == [*BEGUN, failed, *ended(5, Reason.FAILED, "connection failed")]


def test_disconnected_is_no_end() -> None:
    story = play(PeerReady(1), *echoes(2, 3), StateChanged(3.5, "ice", "disconnected"), *echoes(4, 7), 7.0, PeerDone(7))
    assert Closed(7, Reason.HELD) in story


def test_a_connection_that_closes_while_it_shall_hold_is_lost() -> None:
    closed = StateChanged(3, "connection", "closed")
    story = play(PeerReady(1), *echoes(2, 3), closed)
    assert story == [*BEGUN, Connected(2), closed, Echoes(3, 2, 2, 3, 1), *ended(3, Reason.LOST, "connection closed")]


def test_echoes_that_stay_away_are_a_loss_whatever_the_stack_believes() -> None:
    story = play(PeerReady(1), *echoes(2, 4), 7.0)
    assert story[-4:] == [Echoes(7, 3, 3, 4, 3), *ended(7, Reason.LOST, "no echo for 3.0 s")]
    assert STALE < 3


def test_a_stall_that_is_over_by_the_end_is_held() -> None:
    story = play(PeerReady(1), *echoes(2, 3), *echoes(6.5, 6.5), 7.0)
    assert Echoes(7, 3, 3, 6.5, 3.5) in story
    assert Command.SAY_DONE in story
    assert not any(isinstance(output, Closed) for output in story)


def test_nobody_is_waited_for_for_ever() -> None:
    assert play(PATIENCE) == [Ready(0), *ended(PATIENCE, Reason.NO_PEER)]
    assert play(PeerReady(1), PeerDone(2)) == [*BEGUN, *ended(2, Reason.PEER_LEFT)]


def test_stopping_and_defects_end_everything_but_a_success() -> None:
    assert play(StopAsked(1)) == [Ready(0), *ended(1, Reason.STOPPED)]
    assert play(PeerReady(1), Broke(2, "why")) == [*BEGUN, *ended(2, Reason.BROKEN, "why")]
    held = play(PeerReady(1), *echoes(2, 7), 7.0, StopAsked(7.1))
    assert held[-2:] == [Closed(7.1, Reason.HELD), Command.CLOSE]


KINDS = [PeerReady, PeerDone, EchoSent, EchoReturned, StopAsked, GatheringStarted, ChecksStarted]
MOMENTS = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.sampled_from([*KINDS, "timer"])
        | st.tuples(st.sampled_from(["ice", "channel"]), st.sampled_from(["checking", "open", "failed", "closed"])),
    ),
    max_size=40,
)


@given(MOMENTS)
def test_every_attempt_ends_once_and_says_why(moments: list[tuple[float, object]]) -> None:
    attempt = Attempt(LIMIT, HOLD)
    now = 0.0
    outputs = attempt.start(now)
    for later, what in moments:
        now += later
        if what == "timer":
            outputs += attempt.handle_timer(now)
        elif isinstance(what, tuple):
            outputs += attempt.handle(StateChanged(now, *what))
        else:
            outputs += attempt.handle(what(now))  # type: ignore[operator]
    while attempt.deadline is not None:
        outputs += attempt.handle_timer(attempt.deadline)
    assert attempt.state is State.CLOSED
    assert [output for output in outputs if isinstance(output, Closed)] == outputs[-2:-1]
    assert outputs[-1] is Command.CLOSE
    assert outputs.count(Command.SAY_DONE) == 1
    assert outputs.count(Command.BEGIN) <= 1
    held = outputs[-2].reason is Reason.HELD  # type: ignore[union-attr]
    assert held <= any(isinstance(output, Connected) for output in outputs)
    assert attempt.handle(PeerReady(now)) == attempt.handle_timer(now + 1e9) == []
