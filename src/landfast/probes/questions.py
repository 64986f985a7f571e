"""What can be asked of a network, as data: whom, how often, and what it costs. Pure; the asking is one file a question.

`name` is what `--only` calls it. `mappings` is the most NAT mappings that the asking holds at once, `seconds` about how
long it takes on a network that answers, without the round trips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from landfast.model.facts import Endpoint
from landfast.model.iceservers import TurnServer

SENDS = 5
"""How often a question is sent before silence counts: at 10 % loss each way once in 4000 questions by chance
(`diagnose.nat.CONVINCING_SILENCE`)."""


@dataclass(frozen=True)
class Reflector:
    """A landfast reflector: its STUN endpoints, each address with each port, and its control (HTTP over TCP)."""

    control: Endpoint
    stun: tuple[Endpoint, ...]
    stun6: tuple[Endpoint, ...] = ()
    ahead: float | None = None
    """Seconds from our clock's time to its own; None where it did not say."""


@dataclass(frozen=True)
class Interfaces:
    """Interfaces, ways out, foreign sources that could leave, rules that cover them; whether this is a container."""

    name: ClassVar[str] = "interfaces"
    mappings: ClassVar[int] = 0
    seconds: ClassVar[float] = 0.2


@dataclass(frozen=True)
class Leak:
    """Send from each foreign source while capturing; then, if `towards` answers STUN, let a real ICE agent gather from
    it. `towards` is anything routed outside: a documentation address (RFC 5737) where there is no server."""

    towards: Endpoint
    sends: int = 3
    name: ClassVar[str] = "leak"
    mappings: ClassVar[int] = 8
    seconds: ClassVar[float] = 1.0


@dataclass(frozen=True)
class Translation:
    """Mapping (RFC 5780, section 4.3): on each of `sockets` sockets `server`, its other port, its other address,
    `server` again; then, on fresh ones, filtering (section 4.4). What a server does not have is not asked."""

    server: Endpoint
    interface: str = ""
    sockets: int = 3
    sends: int = SENDS
    other: Endpoint | None = None
    """The server's other address, its other port or both, where that is known; else OTHER-ADDRESS tells it, which a
    server with one address may not send (RFC 5780, section 7.4)."""
    name: ClassVar[str] = "nat"
    mappings: ClassVar[int] = 16
    seconds: ClassVar[float] = 0.4


@dataclass(frozen=True)
class RoundTrip:
    """Plain requests, each sent once, `count` of them `apart` seconds from each other."""

    server: Endpoint
    interface: str = ""
    count: int = 20
    apart: float = 0.05
    name: ClassVar[str] = "round-trip"
    mappings: ClassVar[int] = 1
    seconds: ClassVar[float] = 1.0


@dataclass(frozen=True)
class Ports:
    """Up to `most` sockets each ask for a mapping. What they took is freed: the sockets are closed, and nothing else
    is known to give mappings back."""

    server: Endpoint
    interface: str = ""
    most: int = 256
    name: ClassVar[str] = "ports"

    @property
    def mappings(self) -> int:
        """All of them."""
        return self.most

    seconds: ClassVar[float] = 1.5


@dataclass(frozen=True)
class Lifetime:
    """How long a binding lives: unreplied, replied and as a stream, refreshed by inbound packets or not, and whether it
    dies at an age in spite of keepalive. At most `mappings` sockets at once."""

    reflector: Reflector
    interface: str = ""
    longest: float = 130.0
    """Seconds. RFC 4787, REQ-5: never less than 2 minutes; what lives longer is not short."""
    mappings: int = 200
    oldest: float = 0.0
    """Seconds to go on looking for the absolute age when all else is known; 0: end then."""
    name: ClassVar[str] = "lifetime"

    @property
    def seconds(self) -> float:
        """Until the longest is over, at most."""
        return max(self.longest + 3.0, self.oldest)


@dataclass(frozen=True)
class PathMtu:
    """Padded requests of `lengths` bytes with Don't Fragment, up and down."""

    server: Endpoint
    interface: str = ""
    lengths: tuple[int, ...] = (576, 1200, 1280, 1350, 1400, 1420, 1450, 1472, 1492, 1500)
    name: ClassVar[str] = "mtu"
    mappings: ClassVar[int] = 1
    seconds: ClassVar[float] = 0.3


@dataclass(frozen=True)
class SixWays:
    """A nonce over IPv6, asked for over the control connection."""

    reflector: Reflector
    name: ClassVar[str] = "ipv6"
    mappings: ClassVar[int] = 1
    seconds: ClassVar[float] = 0.5


@dataclass(frozen=True)
class Relay:
    """Every step to a relayed byte through one TURN server. `authority`: a file with another root certificate."""

    server: TurnServer
    authority: str = ""
    name: ClassVar[str] = "relay"
    mappings: ClassVar[int] = 3
    seconds: ClassVar[float] = 1.0


@dataclass(frozen=True)
class CarrierNat:
    """Routers on the way, and whether gateways speak a port-mapping protocol (asked only, never mapped)."""

    towards: Endpoint
    hops: int = 5
    name: ClassVar[str] = "carrier"

    @property
    def mappings(self) -> int:
        """A socket for each distance; those that do not live until a NAT take none there."""
        return self.hops

    seconds: ClassVar[float] = 1.0


@dataclass(frozen=True)
class Nat64:
    """The addresses of ipv4only.arpa (RFC 7050), by the system's own resolver."""

    name: ClassVar[str] = "nat64"
    mappings: ClassVar[int] = 0
    seconds: ClassVar[float] = 1.0


@dataclass(frozen=True)
class Opens:
    """A real ICE agent gathers and checks, as a connection opens, `times` times, while the public address and a
    bystander TCP flow are watched. Where foreign sources leave, each takes 5 s longer."""

    server: Endpoint
    times: int = 3
    name: ClassVar[str] = "opens"
    mappings: ClassVar[int] = 20
    seconds: ClassVar[float] = 20.0


@dataclass(frozen=True)
class Settled:
    """Wait, up to `patience` seconds, until the network answers again: our own questions may have ended its session."""

    server: Endpoint
    patience: float = 10.0
    name: ClassVar[str] = "settled"
    mappings: ClassVar[int] = 1
    seconds: ClassVar[float] = 0.1


Question = (
    Interfaces
    | Leak
    | Translation
    | RoundTrip
    | Ports
    | Lifetime
    | PathMtu
    | SixWays
    | Relay
    | CarrierNat
    | Nat64
    | Opens
    | Settled
)
