"""A network as data: hosts, routers, links and everything about them that breaks WebRTC. Pure; nothing is built here.

The words on a router are those of RFC 4787 (mapping, filtering, port allocation, pooling, timers, hairpin), of RFC 6888
(budgets) and, for the gateway's source policy, of the vendors' manuals (drop limit, period). All times are seconds
unless the name says otherwise. Unknown keys and impossible combinations are errors; `parse.py` adds file and line.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network, IPv6Address
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from landfast.model.nat import Filtering, Mapping, Pooling

INTERNET = "internet"
SERVER = "server"
NOWHERE = "nowhere"
"""Not a host: where the cables end that lead nowhere."""
# A router's end of a cable is called after who stands behind it, so not as other interfaces or directories of sysctl.
_INTERFACES = ("lo", "wan", "lan", "all", "default")
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
_OR_FALSE = BeforeValidator(lambda given: None if given is False else given)
"""TOML has no None: `nat = false`."""
# An interface name has at most 15 characters (IFNAMSIZ), and routers name the cable towards them.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,14}$")]


def _no_number(value: Any) -> Any:
    """Python takes 5 for 0.0.0.5."""
    if isinstance(value, int):
        raise ValueError("an address is written as text")
    return value


# Addresses: of a LAN, of an interface with its prefix, of IPv6.
Lan = Annotated[IPv4Network, BeforeValidator(_no_number)]
Own = Annotated[IPv4Interface, BeforeValidator(_no_number)]
Address6 = Annotated[IPv6Address, BeforeValidator(_no_number)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def but(self, **changes: Any) -> Self:
        """A validated copy with some fields changed."""
        return type(self).model_validate({**self.model_dump(), **changes})


class Ports(StrEnum):
    """Port allocation (RFC 4787, section 4.2.1)."""

    PRESERVING = "preserving"
    RANDOM = "random"
    BLOCK = "block"


class Nat(_Part):
    """How a router translates IPv4. The defaults are Linux's masquerade, the commonest home router."""

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    ports: Ports = Ports.PRESERVING
    block: tuple[Port, Port] | None = None
    """First and last external port, for `ports = "block"`."""
    pooling: Pooling = Pooling.PAIRED
    pool: Annotated[int, Field(ge=1, le=20)] = 1
    """External addresses in use at one time."""
    udp_timeout: Annotated[int, Field(ge=1)] = 30
    """A mapping that has had no answer dies after this silence (nf_conntrack_udp_timeout's default)."""
    udp_stream_timeout: Annotated[int, Field(ge=1)] = 120
    """A mapping with traffic both ways dies after this silence (nf_conntrack_udp_timeout_stream's default)."""
    refresh: Literal["both", "outbound"] = "both"
    """Which direction refreshes a mapping (RFC 4787, REQ-6)."""
    max_age: Annotated[int, Field(ge=1)] | None = None
    """A mapping dies at this age whatever the traffic."""
    hairpin: bool = False
    translates: Literal["all", "lan"] = "all"
    """Which sources are translated: every one, or only those of the router's own LAN (the MiFi)."""

    @model_validator(mode="after")
    def _buildable(self) -> Self:
        # What this kernel's NAT cannot express is refused, not approximated.
        symmetric = self.mapping is Mapping.ADDRESS_AND_PORT_DEPENDENT
        if (self.ports is Ports.BLOCK) != (self.block is not None):
            raise ValueError('`block` and `ports = "block"` go together')
        if self.block and self.block[0] > self.block[1]:
            raise ValueError(f"block {self.block[0]}-{self.block[1]} ends before it begins")
        if symmetric and self.ports is Ports.PRESERVING:
            raise ValueError('mapping "address-and-port-dependent" needs ports "random" or "block"')
        if self.mapping is Mapping.ADDRESS_DEPENDENT and self.ports is not Ports.RANDOM:
            raise ValueError('mapping "address-dependent" needs ports "random"')
        if self.pooling is Pooling.ARBITRARY and not (symmetric and self.pool > 1):
            raise ValueError('pooling "arbitrary" needs a pool of 2 or more and mapping "address-and-port-dependent"')
        if self.hairpin and self.filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT:
            raise ValueError('hairpin needs filtering "endpoint-independent" or "address-dependent"')
        if self.udp_stream_timeout < self.udp_timeout:
            raise ValueError("udp_stream_timeout may not be shorter than udp_timeout")
        if self.max_age and self.filtering is not Filtering.ADDRESS_AND_PORT_DEPENDENT:
            raise ValueError('max_age needs filtering "address-and-port-dependent"')
        return self


class Budget(_Part):
    """How many UDP sessions or mappings one subscriber may hold (RFC 6888, REQ-4), and how more are refused."""

    of: Literal["sessions", "mappings"] = "sessions"
    limit: Annotated[int, Field(ge=1, le=60000)]
    refusal: Literal["drop", "reject"] = "drop"


class Gateway(_Part):
    """A carrier's policy on packets whose source is not the address it gave.

    The defaults are those of Cisco StarOS's `ip source-violation`: drop limit 10, period 120 s.
    """

    limit: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Violations that end the session; 0 drops the packets and never ends it."""
    period: Annotated[Seconds | None, _OR_FALSE] = 120
    """The count is halved at each period's end; None keeps it."""
    outage: Annotated[float, Field(ge=0)] = 3
    """How long nothing passes after a reset."""
    new_address: bool = True


class Link(_Part):
    """What a cable does to packets, the same in both directions."""

    delay_ms: Annotated[float, Field(ge=0, le=5000)] = 0
    """One way."""
    jitter_ms: Annotated[float, Field(ge=0, le=1000)] = 0
    """The delay is anything from `delay_ms - jitter_ms` to `delay_ms + jitter_ms`; packets keep their order."""
    reorder: Fraction = 0
    """The share of packets that is not delayed, and so overtakes others."""
    loss: Fraction = 0
    rate_kbit: Annotated[int, Field(ge=8)] | None = None
    """Of whole frames. What comes faster waits up to 200 ms, then it is lost."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.jitter_ms > self.delay_ms:
            raise ValueError(f"jitter_ms {self.jitter_ms:g} is more than delay_ms {self.delay_ms:g}")
        if self.reorder and not self.delay_ms:
            raise ValueError("reorder needs a delay_ms: what is not delayed overtakes nothing")
        return self


class Router(_Part):
    """A router: its uplink is called `wan`, its LAN is the bridge `lan`."""

    via: str = INTERNET
    lan: Lan | None = None
    nat: Annotated[Nat | None, _OR_FALSE] = Nat()
    input: Literal["drop", "accept"] = "drop"
    """What happens to unasked UDP for the router's own address: accepted, it leaves entries that spoil mappings."""
    reverse_path_filter: bool = False
    """Drops packets from the LAN whose source the LAN could not be reached at (RFC 3704)."""
    budget: Budget | None = None
    gateway: Gateway | None = None
    udp: Literal["open", "blocked", "rejected"] = "open"
    ipv6: Literal["off", "on", "one-way"] = "off"
    """`one-way`: towards the internet passes, back is dropped."""
    mtu: Annotated[int, Field(ge=1280, le=1500)] = 1500
    mtu_signalled: bool = True
    """False: larger packets vanish without Packet Too Big (RFC 2923, a black hole)."""
    link: Link = Link()

    @model_validator(mode="after")
    def _effective(self) -> Self:
        """What would have no effect is refused."""
        if self.budget and not self.nat:
            raise ValueError("a budget needs `nat`")
        if self.gateway and self.gateway.new_address and not self.has_pool:
            raise ValueError(f"gateway.new_address needs `nat` and via {INTERNET!r}; else say `new_address = false`")
        if self.nat and self.nat.pool > 1 and not self.has_pool:
            raise ValueError(f"nat.pool of {self.nat.pool} needs via {INTERNET!r}")
        if self.lan and not 8 <= self.lan.prefixlen <= 24:
            raise ValueError(f"lan {self.lan} is not between a /8 and a /24")
        return self

    @property
    def has_pool(self) -> bool:
        """Whether it has public addresses to translate to and to change."""
        return self.nat is not None and self.via == INTERNET


class Interface(_Part):
    """A host's interface: towards a router or the internet (`via`), or leading nowhere with an address of its own."""

    via: str | None = None
    address: Own | None = None
    link: Link = Link()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.via is None) == (self.address is None):
            raise ValueError("an interface has either `via` (a router or the internet) or an `address` of its own")
        return self


class Bridge(_Part):
    """A docker-like bridge; `masquerade` is Docker's own rule, `-s SUBNET ! -o BRIDGE -j MASQUERADE`."""

    address: Own = IPv4Interface("172.17.0.1/16")
    masquerade: bool = True


class Host(_Part):
    """A host. Its first interface with `via` has the default route."""

    interfaces: Annotated[dict[Name, Interface], Field(min_length=1)]
    bridges: dict[Name, Bridge] = {}
    routing: Literal["weak", "strong"] = "weak"
    """RFC 1122, section 3.3.4.2: Linux is weak; a strong host (Windows, macOS) sends by an interface only its own."""
    foreign_ipv6: Address6 | None = None
    """An IPv6 address on an interface that leads nowhere, as a second provider's or a VPN's."""


class Occasion(StrEnum):
    """What may happen to a network while traffic flows; quic-network-simulator's names where it has them."""

    CHANGE_PUBLIC_ADDRESS = "change-public-address"
    REBIND_PORT = "rebind-port"
    FLUSH = "flush"
    SUSPEND_RADIO = "suspend-radio"
    LINK_DOWN = "link-down"
    ADDRESS_REPLACED = "address-replaced"
    BLOCK_UDP = "block-udp"
    ONE_WAY_IPV6 = "one-way-ipv6"
    HANDOFF = "handoff"


ON_HOSTS = frozenset({Occasion.LINK_DOWN, Occasion.ADDRESS_REPLACED, Occasion.HANDOFF})
ENDING = frozenset({Occasion.SUSPEND_RADIO, Occasion.LINK_DOWN, Occasion.BLOCK_UDP, Occasion.ONE_WAY_IPV6})
"""These may end; the others are done in a moment."""


class Event(_Part):
    """Something that happens to a router or host: at a time, at the n-th mapping, at the first STUN, or when asked."""

    what: Occasion
    on: str
    at: Annotated[float, Field(ge=0)] | None = None
    """Seconds after the network stands."""
    mappings: Annotated[int, Field(ge=1)] | None = None
    """When the router has seen this many different inner (address, port)."""
    first_stun: bool = False
    lasts: Seconds | None = None
    """For suspend-radio, link-down, block-udp and one-way-ipv6; without it they stay."""

    @model_validator(mode="after")
    def _effective(self) -> Self:
        if self.lasts and self.what not in ENDING:
            raise ValueError(f"{self.what} does not last; these may: {', '.join(sorted(ENDING))}")
        return self

    @property
    def triggers(self) -> list[str]:
        """What lets it happen by itself."""
        said = {"at": self.at is not None, "mappings": self.mappings is not None, "first_stun": self.first_stun}
        return [name for name, given in said.items() if given]


class Network(_Part):
    """A whole network. Beside what it declares there are always `internet` and, on it, `server`."""

    name: str = ""
    title: str
    observed_on: Annotated[list[str], Field(min_length=1)]
    """Where such a network was seen: products, papers, measurements."""
    routers: dict[Name, Router] = {}
    hosts: dict[Name, Host]
    events: list[Event] = []

    @model_validator(mode="after")
    def _connected(self) -> Self:
        for name in ("robot", "operator"):
            if name not in self.hosts:
                raise ValueError(f"hosts: missing host {name!r}; there are {', '.join(self.hosts) or 'none'}")
        for kind, names, taken in (("routers", self.routers, {}), ("hosts", self.hosts, self.routers)):
            if wrong := set(names) & {INTERNET, SERVER, NOWHERE, *_INTERFACES, *taken}:
                raise ValueError(f"{kind}.{min(wrong)}: the name is taken")
        uplinks = {INTERNET, *self.routers}
        for place, via in self._vias():
            if via not in uplinks:
                raise ValueError(f"{place}.via: {via!r} is not one of {', '.join(sorted(uplinks))}")
        for name in self.routers:
            try:
                self.path(name)
            except ValueError as problem:
                raise ValueError(f"routers.{name}.via: {problem}") from None
        for name, host in self.hosts.items():
            if not any(interface.via for interface in host.interfaces.values()):
                raise ValueError(f"hosts.{name}.interfaces: at least one needs a `via`")
        return self

    @model_validator(mode="after")
    def _happening(self) -> Self:
        for number, event in enumerate(self.events):
            try:
                self.admits(event)
            except ValueError as problem:
                raise ValueError(f"events.{number}.on: {problem}") from None
            allowed = ["at"] if event.what in ON_HOSTS else ["at", "mappings", "first_stun"]
            if len(event.triggers) != 1 or event.triggers[0] not in allowed:
                raise ValueError(f"events.{number}.what: {event.what} needs one of {', '.join(allowed)}")
        return self

    def _vias(self) -> list[tuple[str, str]]:
        pairs = [(f"routers.{name}", router.via) for name, router in self.routers.items()]
        for name, host in self.hosts.items():
            pairs += [(f"hosts.{name}.interfaces.{i}", face.via) for i, face in host.interfaces.items() if face.via]
        return pairs

    def path(self, router: str) -> list[str]:
        """The routers from this one up to the internet, this one first. Raises ValueError for a ring."""
        found: list[str] = []
        while router != INTERNET:
            if router in found:
                raise ValueError(f"routers form a ring: {' -> '.join([*found, router])}")
            found.append(router)
            router = self.routers[router].via
        return found

    def admits(self, event: Event) -> None:
        """Raises ValueError, naming what is allowed, for an event that this network cannot have."""
        places = self.hosts if event.what in ON_HOSTS else self.routers
        allowed = sorted(name for name in places if self.may(event.what, name))
        if event.on not in allowed:
            raise ValueError(
                f"{event.what} cannot happen on {event.on!r}, only on: {', '.join(allowed) or 'nothing here'}"
            )

    def may(self, what: Occasion, name: str) -> bool:
        """Whether it would have an effect, and only its own."""
        if what in ON_HOSTS:
            uplinks = [face.via for face in self.hosts[name].interfaces.values() if face.via]
            if what is Occasion.HANDOFF:
                return len(uplinks) > 1
            # A gateway knows the addresses that it gave: a new one of the host's own making would be foreign to it.
            upper = self.routers.get(uplinks[0])
            knows = upper and (upper.gateway or (upper.budget and upper.budget.of == "mappings"))
            return what is Occasion.LINK_DOWN or not knows
        router = self.routers[name]
        if what is Occasion.CHANGE_PUBLIC_ADDRESS:
            return router.has_pool
        if what in (Occasion.REBIND_PORT, Occasion.FLUSH):
            return router.nat is not None
        return what is not Occasion.ONE_WAY_IPV6 or router.ipv6 != "off"

    def has_ipv6(self, via: str) -> bool:
        """Whether hosts behind `via` get IPv6."""
        return all(self.routers[name].ipv6 != "off" for name in self.path(via))
