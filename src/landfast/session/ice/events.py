"""What an agent tells: what the owner of its sockets shall do, and what its user may want to know. Pure.

What comes with each datagram is a tuple, because that is made four times as quickly as a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.machine import State

Socket = int
"""The name of a socket, or of the connection to a relay; the agent chooses it and never uses it twice."""


class Transport(StrEnum):
    """How a socket carries bytes."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Path(NamedTuple):
    """Where a datagram came from or goes: one of our sockets, or the relay behind it, and the other side's address."""

    socket: Socket
    remote: Endpoint


# To do.


@dataclass(frozen=True)
class Resolve:
    """Find the addresses of a name; tell with `resolved`."""

    name: str


@dataclass(frozen=True)
class Open:
    """Open a socket; tell with `opened`, or with `closed` when it cannot be.

    `local`: this host's address to bind, None for the system's choice. `remote`: of a TCP or TLS connection, and of a
    UDP socket that speaks with one server. `name`: whom the certificate must name (TLS).
    """

    socket: Socket
    transport: Transport
    local: str | None = None
    remote: Endpoint | None = None
    name: str | None = None


class Transmit(NamedTuple):
    """Send a datagram, or the next bytes of a stream. What cannot be sent at once is dropped, not kept."""

    socket: Socket
    data: bytes
    remote: Endpoint


@dataclass(frozen=True)
class Close:
    """Close a socket at once, without waiting for what it may still hold."""

    socket: Socket


# To know.


class Received(NamedTuple):
    """Data of the application, in the order of its arrival. DTLS and SRTP authenticate it, not ICE."""

    data: bytes


@dataclass(frozen=True)
class CandidateGathered:
    """One of our candidates, to be signalled to the peer. `ufrag`: of the generation that it belongs to."""

    candidate: Candidate
    ufrag: str


@dataclass(frozen=True)
class GatheringDone:
    """There will be no more candidates of this generation until the network changes (RFC 8838, section 13)."""

    ufrag: str


@dataclass(frozen=True)
class StateChanged:
    """The state of the transport, in the words of W3C's RTCIceTransportState."""

    old: State
    new: State


class Why(StrEnum):
    """What made an agent send another way than before."""

    ANSWERED = "answered"
    """It is the best so far, and nothing is nominated yet (RFC 8445, section 12.1.1 lets data use it)."""
    NOMINATED = "nominated"
    FOLLOWED = "followed"
    """The peer spoke from an address that has proved itself, while the old one had missed its turn."""
    REBOUND = "rebound"
    """Our own socket was lost: its address is gone, or consent on it has ended."""
    FALLBACK = "fallback"
    """The old way is silent, and this one answers."""
    BETTER = "better"
    """A way through fewer relays works."""
    RETURNED = "returned"
    """The old way was given up too early: it answers."""
    RESTARTED = "restarted"


@dataclass(frozen=True)
class PairSelected:
    """Data goes this way from now on."""

    local: Candidate
    remote: Candidate
    why: Why


@dataclass(frozen=True)
class ServerRefused:
    """A STUN or TURN server said no, for good. `code` as RFC 8656 lists them; 486 and 508: the budget is used up."""

    server: str
    code: int
    reason: str


@dataclass(frozen=True)
class ServerUnanswered:
    """A STUN or TURN server could not be reached: `why` in a few words."""

    server: str
    why: str


@dataclass(frozen=True)
class ConsentRevoked:
    """The peer forbade us to send (403, RFC 7675, section 5.2)."""


@dataclass(frozen=True)
class PeerReturned:
    """The selected pair answers again after checks of it were lost: so was what was sent meanwhile."""


@dataclass(frozen=True)
class RestartWaits:
    """A restart has only found ways through more relays than the pair that data takes, which works: it stays until that
    is silent, or until a way as short is found. Where a port budget is used up, no new flow is let through."""


@dataclass(frozen=True)
class RoleChanged:
    """A conflict of roles was resolved (RFC 8445, section 7.3.1.1)."""

    controlling: bool


Command = Resolve | Open | Transmit | Close
Event = (
    Received
    | CandidateGathered
    | GatheringDone
    | StateChanged
    | PairSelected
    | ServerRefused
    | ServerUnanswered
    | ConsentRevoked
    | PeerReturned
    | RestartWaits
    | RoleChanged
)
