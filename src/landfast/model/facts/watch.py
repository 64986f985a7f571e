"""Facts of a meter that watches a host while somebody else connects. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from landfast.model.facts.endpoint import Endpoint


@dataclass(frozen=True)
class WatchBegan:
    """A meter is ready. `capturing` is False where the host does not let it capture: foreign sources are then unknown,
    not 0."""

    at: float
    interface: str
    capturing: bool


@dataclass(frozen=True)
class PublicAddressChanged:
    """The address that the world sees us at is another one than before. A new port alone is no such change."""

    at: float
    old: str
    new: str


@dataclass(frozen=True)
class ForeignSourcePacket:
    """A packet left an interface with a source that is not an address of that interface."""

    at: float
    interface: str
    source: str
    destination: str
    protocol: int
    """IANA's number: 17 is UDP."""


@dataclass(frozen=True)
class IceCheckSent:
    """A connectivity check left: a STUN Binding request with USERNAME (RFC 8445, section 7.2.2)."""

    at: float
    interface: str
    source: Endpoint
    destination: Endpoint


@dataclass(frozen=True)
class CaptureDropped:
    """The kernel could not keep every packet for a capture: counts from it are too low. `packets`: how many more."""

    at: float
    interface: str
    packets: int


@dataclass(frozen=True)
class EchoAnswered:
    """A server sent back what we wrote on a long-lived TCP connection. `sent` is when it was written."""

    at: float
    sent: float


@dataclass(frozen=True)
class EchoReconnected:
    """The long-lived TCP connection had died and stands again."""

    at: float
    problem: str
    """What had ended it, in the kernel's words."""


@dataclass(frozen=True)
class ConnectionTried:
    """A real WebRTC connection was opened, from `began` on. `seconds`: until it stood; None when it never did."""

    at: float
    began: float
    stack: str
    seconds: float | None
