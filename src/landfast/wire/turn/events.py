"""What a TURN client tells: what to send, and what has happened. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from landfast.model.facts import Endpoint
from landfast.wire.turn.machine import Step


class Ask(Enum):
    """What a client asks a server for."""

    ALLOCATE = "allocate"
    REFRESH = "refresh"
    MOVE = "move"
    """To take the allocation along to a new 5-tuple (RFC 8016)."""
    RELEASE = "release"
    PERMIT = "permit"
    BIND = "bind"
    ECHO = "echo"
    """Nothing but an answer: a Binding request (RFC 8489)."""


@dataclass(frozen=True)
class Transmit:
    """Send this: one datagram, or the next bytes of the stream."""

    data: bytes


@dataclass(frozen=True)
class Allocated:
    """The allocation stands. `mapped` is where the server sees us; `lifetime` in seconds; `mobile`: it can `move`."""

    relayed: Endpoint
    mapped: Endpoint | None
    lifetime: int
    mobile: bool


@dataclass(frozen=True)
class Refreshed:
    """It stands for `lifetime` seconds more."""

    lifetime: int


@dataclass(frozen=True)
class Moved:
    """It follows us to the new 5-tuple; the relayed address is the same."""

    lifetime: int


@dataclass(frozen=True)
class Permitted:
    """Data from and to this address passes from now on, until it is forgotten."""

    address: str


@dataclass(frozen=True)
class Bound:
    """Data to this peer goes by a channel from now on: 4 bytes of overhead instead of 36 or more."""

    peer: Endpoint


@dataclass(frozen=True)
class Arrived:
    """A peer's data."""

    peer: Endpoint
    data: bytes


@dataclass(frozen=True)
class Refused:
    """The server said no; `messages.Code` tells what the codes mean. `alternate`: which server to ask instead (300).

    `signed`: whether that was proved to come from the server. What is not proved is told only after nothing else came.
    Of a refresh, an allocation that stands is not yet the worse: it is asked for again until it expires.
    `elsewhere`: of a peer, and perhaps only because the server does not know us by this address (a NAT has changed it):
    coturn says 400 then, behind a stale nonce. It is asked for again when the allocation has moved.
    """

    ask: Ask
    code: int
    reason: str = ""
    peer: Endpoint | None = None
    alternate: Endpoint | None = None
    signed: bool = True
    elsewhere: bool = False


@dataclass(frozen=True)
class Unanswered:
    """The server said nothing, to a request that was repeated as RFC 8489 says."""

    ask: Ask
    peer: Endpoint | None = None


@dataclass(frozen=True)
class Ended:
    """There is no allocation any more, as far as can be known here; the client is of no further use.

    `by`: `RELEASED`, `REFUSED`, `UNANSWERED`, `GONE`, `EXPIRED`, `LOST`, or `CLOSE` when there never was one.
    """

    by: Step


Event = Allocated | Refreshed | Moved | Permitted | Bound | Arrived | Refused | Unanswered | Ended
