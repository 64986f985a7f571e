"""Facts about what answers across a network: STUN, silence, lifetimes, lengths. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from landfast.model.facts.endpoint import Endpoint


@dataclass(frozen=True)
class MappedAddress:
    """A STUN server answered with the address it saw us at (RFC 8489, XOR-MAPPED-ADDRESS)."""

    at: float
    server: Endpoint
    local: Endpoint
    mapped: Endpoint


@dataclass(frozen=True)
class NoReply:
    """A STUN server did not answer a request, sent once; `sent` is when."""

    at: float
    server: Endpoint
    local: Endpoint
    sent: float


@dataclass(frozen=True)
class ChangedResponse:
    """A server was asked to answer from another of its addresses or ports (RFC 5780, CHANGE-REQUEST).

    The socket `local` asked `asked` and sent nothing to `responder`, ever: to the NAT that is a stranger. Only answers
    that came from `responder` are counted. `at` is when the asking ended.
    """

    at: float
    local: Endpoint
    asked: Endpoint
    responder: Endpoint
    sent: int
    received: int


@dataclass(frozen=True)
class RoundTrips:
    """Plain requests to one server, each sent once. `seconds` has one number for each answer, in order of arrival."""

    at: float
    server: Endpoint
    local: Endpoint
    sent: int
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class MappingsAsked:
    """So many sockets each asked for a mapping of its own, with repetitions; `mapped` of them were answered.

    `kept`: whether a socket that had been answered before still was, while the others were not; None when nobody asked.
    """

    at: float
    server: Endpoint
    asked: int
    mapped: int
    kept: bool | None


State = Literal["unreplied", "replied", "stream"]
"""What a binding had seen before it was left alone: one packet out; one answered; answered again after 2 s and more,
which Linux calls a stream (nf_conntrack_udp_timeout_stream)."""


@dataclass(frozen=True)
class BindingTried:
    """A binding was left alone for `silent` seconds, then a server sent to it, once for each socket; did that arrive?

    `age`: seconds since the socket's first packet. `refreshed_by`: what passed in the meantime, if it was not left
    alone. `path_works`: whether other packets of that moment arrived, so that silence means the binding.
    """

    at: float
    server: Endpoint
    state: State
    silent: float
    age: float
    arrived: bool
    path_works: bool
    refreshed_by: Literal["nothing", "inbound", "outbound"] = "nothing"


@dataclass(frozen=True)
class LongPackets:
    """IP packets of `length` bytes that may not be fragmented, to a server (`up`) or from it. `told`: whether somebody
    said that they were too long (ICMP); `small` packets arrived around them."""

    at: float
    server: Endpoint
    up: bool
    length: int
    sent: int
    received: int
    told: bool
    small: int


@dataclass(frozen=True)
class Ipv6Tried:
    """Requests over IPv6, and what the server said over another way of having seen: each direction by itself.

    `up`: the server saw one; None when it could not be asked. `down`: an answer came back; None when it never had one
    to send, as far as is known.
    """

    at: float
    server: Endpoint
    local: Endpoint
    sent: int
    up: bool | None
    down: bool | None


@dataclass(frozen=True)
class ServerProbed:
    """What a server can be asked, found out by asking it: how many addresses and ports answer, and in which ways.

    `offers`: `other-address`, `other-port` (RFC 5780), `response-port`, `later`, `nonce`, `padding`.
    """

    at: float
    server: Endpoint
    answers: bool
    offers: tuple[str, ...]


@dataclass(frozen=True)
class TcpTried:
    """A TCP connection to a server was opened, or not: where UDP is silent, it tells a dead server from blocked UDP."""

    at: float
    server: Endpoint
    ok: bool
    problem: str
    """In the kernel's words; empty when it was opened."""


@dataclass(frozen=True)
class HopSeen:
    """A router `distance` hops away said who it is (ICMP time exceeded); None when nobody said anything."""

    at: float
    distance: int
    address: str | None


@dataclass(frozen=True)
class PortMappingAsked:
    """A gateway was asked whether it speaks NAT-PMP (RFC 6886), PCP (RFC 6887) or UPnP; no mapping was made."""

    at: float
    gateway: str
    protocol: Literal["nat-pmp", "pcp", "upnp"]
    answered: bool
    external: str | None
    """The external address that it told."""


@dataclass(frozen=True)
class Nat64Seen:
    """The name ipv4only.arpa has IPv6 addresses here: `prefix` is the NAT64's (RFC 7050)."""

    at: float
    prefix: str
