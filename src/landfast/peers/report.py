"""What a peer's program prints while it lives: one event a line, in JSON. Shared by all stacks and by who reads them.

`at` is seconds on the machine's monotonic clock, whichever process saw it. `fold` makes one `Outcome` of a whole life.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """How a peer's life ended."""

    HELD = "held"
    """Connected, and echoes still came back when the time to hold was over."""
    NOT_CONNECTED = "not-connected"
    """No echo within the limit."""
    FAILED = "failed"
    """The stack gave up before it was connected."""
    LOST = "lost"
    """It was connected; then the stack gave up, or echoes did not come back any more."""
    PEER_LEFT = "peer-left"
    NO_PEER = "no-peer"
    """The other peer never came."""
    STOPPED = "stopped"
    BROKEN = "broken"
    """A defect, or a signalling server that refuses; `detail` tells."""


@dataclass(frozen=True)
class Ready:
    """The stack is up and waits for the other peer: what comes now is no start-up time any more."""

    at: float


@dataclass(frozen=True)
class Began:
    """Both peers are ready. The limit runs from here."""

    at: float


@dataclass(frozen=True)
class GatheringStarted:
    """The stack gathers candidates (W3C webrtc-pc, RTCIceGatheringState)."""

    at: float


@dataclass(frozen=True)
class GatheringFinished:
    """All candidates are there, or the stack waits no longer. `candidates` as "type address", in the stack's order."""

    at: float
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChecksStarted:
    """The stack has both descriptions and checks connectivity (RTCIceConnectionState "checking")."""

    at: float


@dataclass(frozen=True)
class StateChanged:
    """A state of W3C's: `what` is "connection", "ice" or "channel"."""

    at: float
    what: str
    state: str


@dataclass(frozen=True)
class Connected:
    """The first echo came back over the data channel: both directions work."""

    at: float


@dataclass(frozen=True)
class Echoes:
    """The echoes of the time that was held. `last` is when the last came back, `longest_stall` in seconds."""

    at: float
    sent: int
    received: int
    last: float
    longest_stall: float


@dataclass(frozen=True)
class Closed:
    """The end."""

    at: float
    reason: Reason
    detail: str = ""


Event = (
    Ready | Began | GatheringStarted | GatheringFinished | ChecksStarted | StateChanged | Connected | Echoes | Closed
)
_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__args__}


def encode(event: Event) -> str:
    """One line of JSON, without the newline."""
    return json.dumps({"event": type(event).__name__, **asdict(event)}, separators=(",", ":"))


def decode(line: str | bytes) -> Event:
    """The event of a line. Raises ValueError for anything that `encode` did not write."""
    try:
        said: dict[str, Any] = json.loads(line)
        kind: Any = _KINDS[said.pop("event")]
        if set(said) != {field.name for field in fields(kind)}:
            raise ValueError(f"fields {sorted(said)}")
        if "reason" in said:
            said["reason"] = Reason(said["reason"])
        event: Event = kind(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
        )
        return event
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError(f"not a peer's event: {line[:200]!r} ({problem})") from None


@dataclass(frozen=True)
class Outcome:
    """A peer's life. Times are monotonic seconds; None is what never happened."""

    ready: float | None = None
    began: float | None = None
    gathering_started: float | None = None
    gathering_finished: float | None = None
    checks_started: float | None = None
    connected: float | None = None
    echoes: Echoes | None = None
    closed: Closed | None = None

    @property
    def held(self) -> bool:
        """Connected, and to the end."""
        return self.closed is not None and self.closed.reason is Reason.HELD


_MOMENTS = {
    Ready: "ready",
    Began: "began",
    GatheringStarted: "gathering_started",
    GatheringFinished: "gathering_finished",
    ChecksStarted: "checks_started",
    Connected: "connected",
}


def fold(events: Iterable[Event]) -> Outcome:
    """The outcome of a peer's events; of moments that repeat the first counts."""
    outcome = Outcome()
    for event in events:
        if isinstance(event, Echoes):
            outcome = replace(outcome, echoes=event)
        elif isinstance(event, Closed):
            outcome = replace(outcome, closed=event)
        elif (name := _MOMENTS.get(type(event))) and getattr(outcome, name) is None:
            moment: dict[str, Any] = {name: event.at}
            outcome = replace(outcome, **moment)
    return outcome


def candidates(sdp: str) -> tuple[str, ...]:
    """ "type address" of each candidate line of a description (RFC 8839, section 5.1), once each."""
    words = [line.split() for line in sdp.splitlines() if line.startswith("a=candidate:")]
    return tuple(dict.fromkeys(f"{line[7]} {line[4]}" for line in words if len(line) > 7))
