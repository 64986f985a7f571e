"""One attempt to connect, as one peer decides it. Pure: a stack says what happened, the attempt says what to do.

    WAITING ──peer ready──▶ CONNECTING ──first echo──▶ HOLDING ──time is over──▶ LINGERING ──peer done──▶ CLOSED
       │ no peer in PATIENCE   │ limit, stack gives up    │ stack gives up             │ GRACE is over
       └───────────────────────┴──────────────────────────┴────────────────────────────┴──────────────▶ CLOSED

A peer that has held lingers and goes on answering echoes, since the other's time may end a little later than its own.
Stopping and defects lead to CLOSED from everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import ClassVar

from landfast.peers.report import (
    Began,
    ChecksStarted,
    Closed,
    Connected,
    Echoes,
    Event,
    GatheringFinished,
    GatheringStarted,
    Ready,
    Reason,
    StateChanged,
)

PATIENCE = 30.0
"""Seconds to wait for the other peer: a cold start of Chromium on two busy cores takes up to 6 s."""
GRACE = 2.0
"""Seconds to linger. The two begin to hold within a round trip and an echo of each other, and say so over signalling,
which needs a second to find out that its connection died."""
STALE = 1.0
"""Seconds. An echo that old at the end is no sign of a connection: one is due every ECHO_EVERY and a round trip."""
ECHO_EVERY = 0.05
"""Seconds between two echoes: the rate of a robot's control messages."""


class Command(Enum):
    """What the attempt tells its stack."""

    BEGIN = auto()
    SAY_DONE = auto()
    CLOSE = auto()


@dataclass(frozen=True)
class PeerReady:
    """The other peer said that it is ready."""

    at: float


@dataclass(frozen=True)
class PeerDone:
    """The other peer said that it is done."""

    at: float


@dataclass(frozen=True)
class EchoSent:
    """An echo went out."""

    at: float


@dataclass(frozen=True)
class EchoReturned:
    """One of our echoes came back."""

    at: float


@dataclass(frozen=True)
class StopAsked:
    """Somebody wants the program to end."""

    at: float


@dataclass(frozen=True)
class Broke:
    """Something went wrong that no network can be blamed for."""

    at: float
    detail: str


@dataclass(frozen=True)
class DeadlineCame:
    """The deadline has come."""

    at: float


Seen = GatheringStarted | GatheringFinished | ChecksStarted | StateChanged
Happening = PeerReady | PeerDone | EchoSent | EchoReturned | StopAsked | Broke | DeadlineCame | Seen
Output = Event | Command


class State(Enum):
    """See the drawing above."""

    WAITING = auto()
    CONNECTING = auto()
    HOLDING = auto()
    LINGERING = auto()
    CLOSED = auto()


class Attempt:
    """`start`, then `handle` what happens and `handle_timer` at `deadline`, until `state` is CLOSED."""

    def __init__(self, limit: float, hold: float) -> None:
        self.state = State.WAITING
        self.deadline: float | None = None
        self.reason: Reason | None = None
        self._limit, self._hold = limit, hold
        self._started = 0.0
        self._sent = 0
        self._returned: list[float] = []
        self._peer_done = False

    def start(self, now: float) -> list[Output]:
        """The stack is up."""
        self._started = now
        self.deadline = now + PATIENCE
        return [Ready(now)]

    def handle(self, happening: Happening) -> list[Output]:
        """Take what happened; what to print and to do, in order."""
        if self.state is State.CLOSED:
            return []
        step = self._steps.get((self.state, type(happening))) or self._anywhere.get(type(happening))
        passed_on: list[Output] = [happening] if isinstance(happening, Seen) else []
        return passed_on + (step(self, happening) if step else [])

    def handle_timer(self, now: float) -> list[Output]:
        """Time has passed."""
        if self.deadline is None or now < self.deadline:
            return []
        return self.handle(DeadlineCame(now))

    def _begin(self, happening: Happening) -> list[Output]:
        began = max(happening.at, self._started)  # the other may have been ready before us
        self.state = State.CONNECTING
        self.deadline = began + self._limit
        return [Began(began), Command.BEGIN]

    def _count(self, happening: Happening) -> list[Output]:
        if isinstance(happening, EchoSent):
            self._sent += 1
        else:
            self._returned.append(happening.at)
        return []

    def _connected(self, happening: Happening) -> list[Output]:
        self._count(happening)
        self.state = State.HOLDING
        self.deadline = happening.at + self._hold
        return [Connected(happening.at)]

    def _given_up(self, happening: Happening) -> list[Output]:
        if not isinstance(happening, StateChanged) or happening.state not in ("failed", "closed"):
            return []
        reason = Reason.FAILED if self.state is State.CONNECTING else Reason.LOST
        return self._end(happening.at, reason, f"{happening.what} {happening.state}")

    def _hold_over(self, happening: Happening) -> list[Output]:
        silence = happening.at - self._returned[-1]
        if silence > STALE:
            return self._end(happening.at, Reason.LOST, f"no echo for {silence:.1f} s")
        self.reason = Reason.HELD
        outputs = [*self._echoes(happening.at), Command.SAY_DONE]
        self.state = State.LINGERING
        self.deadline = happening.at + GRACE
        return [*outputs, *self._close(happening)] if self._peer_done else outputs

    def _peer_is_done(self, _happening: Happening) -> list[Output]:
        self._peer_done = True  # its time to hold ended a little earlier than ours
        return []

    def _peer_left(self, happening: Happening) -> list[Output]:
        return self._end(happening.at, Reason.PEER_LEFT)

    def _no_peer(self, happening: Happening) -> list[Output]:
        return self._end(happening.at, Reason.NO_PEER)

    def _limit_over(self, happening: Happening) -> list[Output]:
        return self._end(happening.at, Reason.NOT_CONNECTED)

    def _stop(self, happening: Happening) -> list[Output]:
        return self._end(happening.at, Reason.STOPPED)

    def _broke(self, happening: Happening) -> list[Output]:
        return self._end(happening.at, Reason.BROKEN, happening.detail if isinstance(happening, Broke) else "")

    def _end(self, at: float, reason: Reason, detail: str = "") -> list[Output]:
        """End before the time; the other peer shall not wait for nothing."""
        self.reason = reason
        echoes = self._echoes(at)
        self.state, self.deadline = State.CLOSED, None
        return [*echoes, Command.SAY_DONE, Closed(at, reason, detail), Command.CLOSE]

    def _close(self, happening: Happening) -> list[Output]:
        assert self.reason
        self.state, self.deadline = State.CLOSED, None
        return [Closed(happening.at, self.reason), Command.CLOSE]

    def _echoes(self, now: float) -> list[Output]:
        if self.state is not State.HOLDING:
            return []
        stalls = [after - before for before, after in pairwise([*self._returned, now])]
        return [Echoes(now, self._sent, len(self._returned), self._returned[-1], max(stalls))]

    _Step = Callable[["Attempt", Happening], list[Output]]
    _steps: ClassVar[dict[tuple[State, type[Happening]], _Step]] = {
        (State.WAITING, PeerReady): _begin,
        (State.WAITING, PeerDone): _peer_left,
        (State.WAITING, DeadlineCame): _no_peer,
        (State.CONNECTING, EchoSent): _count,
        (State.CONNECTING, EchoReturned): _connected,
        (State.CONNECTING, StateChanged): _given_up,
        (State.CONNECTING, PeerDone): _peer_left,
        (State.CONNECTING, DeadlineCame): _limit_over,
        (State.HOLDING, EchoSent): _count,
        (State.HOLDING, EchoReturned): _count,
        (State.HOLDING, StateChanged): _given_up,
        (State.HOLDING, PeerDone): _peer_is_done,
        (State.HOLDING, DeadlineCame): _hold_over,
        (State.LINGERING, PeerDone): _close,
        (State.LINGERING, DeadlineCame): _close,
        (State.LINGERING, StopAsked): _close,
        (State.LINGERING, Broke): _close,
    }
    _anywhere: ClassVar[dict[type[Happening], _Step]] = {StopAsked: _stop, Broke: _broke}
