"""Facts → a network of the laboratory that does what was measured: a customer's carrier on a laptop. Pure.

What the facts show is declared, what they leave open is Linux's default and named in a comment, and so is what the
laboratory cannot do. No address of the network that was measured is told, but those of the host's own interfaces that
matter: a source is foreign by its address.

    robot ── wlan0 ── router ── carrier ── internet        the carrier only where a second NAT was seen
      └ eth1: foreign sources                              the outermost router does everything that was measured
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network
from math import isfinite, sqrt
from statistics import median
from typing import Any

from landfast.diagnose.estimates import Lifetime, budget, inbound_refreshes, lifetime, longest_packets, oldest
from landfast.diagnose.evidence import SHARED, Evidence, Translated, address
from landfast.diagnose.findings import findings
from landfast.diagnose.nat import SHORTEST_LIFETIME
from landfast.diagnose.rules.translation import private_hops
from landfast.lab import write
from landfast.lab.network import Nat, Network
from landfast.lab.topology import POOLS, PUBLIC, SERVERS
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    ForeignSourcePossible,
    ForeignSourceTried,
    InterfaceSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    MappingsAsked,
    RoundTrips,
)
from landfast.model.findings import Finding
from landfast.model.nat import Filtering, Mapping, Pooling

NEAR = 1.0
"""Milliseconds there and back that the laboratory's own routers take, about, and that are no cable's."""

MANY = 20
"""Requests from which on a share of lost ones is a measurement, be it a rough one."""

_DRAFT = dict[str, Any]
_ROUTER, _CARRIER, _ROBOT = "router", "carrier", "robot"
_NAME = re.compile(r"[a-z]")
_NAME_LENGTH = 12  # a bridge's port is called after it, and has 15 characters at most
_TAKEN = {"lo", "all", "default", "foreign6"}
_BRIDGES = ("docker", "br-", "virbr", "lxcbr", "lxdbr", "cni")
_BETWEEN = IPv4Network("100.64.0.0/24")  # of RFC 6598's
_LONGEST_TIMER = 86400
_OF_A_NAT = {"budget", "gateway"}


@dataclass(frozen=True)
class Exported:
    """A network, and what to know about it: what stayed unknown, and what it cannot do."""

    network: Network
    comments: tuple[str, ...]


def network(facts: Iterable[Fact], observed_on: str = "measured by landfast doctor") -> Exported:
    """The network that these facts of one uplink describe. Whatever they are, it can be built."""
    return _Draft(Evidence(facts), observed_on).exported()


def toml(exported: Exported) -> str:
    """As a file that `landfast lab` reads."""
    return write.toml(exported.network, exported.comments)


@dataclass
class _Draft:
    evidence: Evidence
    observed_on: str
    comments: list[str] = field(default_factory=list)
    found: dict[str, Finding] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.found = {finding.code: finding for finding in findings(self.evidence.facts)}

    def exported(self) -> Exported:
        egress = self._egress()
        robot, taken = self._robot(egress)
        routers = self._routers(taken)
        robot["interfaces"][egress] = {"via": next(iter(routers), "internet"), "link": self._link()}
        said = {
            "title": f"As measured: {', '.join(self.found) or 'nothing that breaks WebRTC'}",
            "observed_on": [self.observed_on],
            "routers": routers,
            "hosts": {_ROBOT: robot, "operator": {"interfaces": {"eth0": {"via": "internet"}}}},
            "events": self._events(routers),
        }
        return Exported(Network.model_validate(said), tuple(self.comments))

    def _note(self, what: str) -> None:
        self.comments.append(what)

    # The robot

    def _egress(self) -> str:
        routes = sorted((route.metric, route.interface) for route in self.evidence.of(DefaultRouteSeen))
        return _named(routes[0][1] if routes else "wlan0", set())

    def _robot(self, egress: str) -> tuple[_DRAFT, list[IPv4Network]]:
        """The host with its foreign sources and room for its way out; the networks that are taken by them."""
        interfaces: _DRAFT = {egress: {}}
        bridges: _DRAFT = {}
        robot: _DRAFT = {"interfaces": interfaces, "bridges": bridges}
        taken: list[IPv4Network] = []
        for fact in self._foreign():
            source = address(fact.source)
            if source is None or source.version == 6:
                if source is not None and not source.is_unspecified:
                    robot["foreign_ipv6"] = str(source)
                continue
            own = self._with_prefix(fact)
            name = _named(fact.interface, {*interfaces, *bridges})
            taken.append(own.network)
            if fact.interface.startswith(_BRIDGES):
                bridges[name] = {"address": str(own), "masquerade": fact.covered_by is not None}
            elif fact.covered_by is None:
                interfaces[name] = {"address": str(own)}
        return robot, taken

    def _foreign(self) -> list[ForeignSourcePossible]:
        """One for each interface, without what was tried and did not leave."""
        tried = self.evidence.of(ForeignSourceTried)
        stayed = {fact.source for fact in tried if fact.left == 0} - {fact.source for fact in tried if fact.left}
        found: dict[tuple[str, bool], ForeignSourcePossible] = {}
        for fact in self.evidence.of(ForeignSourcePossible):
            if fact.covered_by is not None or fact.source not in stayed:
                found.setdefault((fact.interface, ":" in fact.source), fact)
            if fact.covered_by is None and not fact.rules_known:
                self._note(f"unknown: whether a rule covers packets from {fact.interface}; none is declared")
        return list(found.values())

    def _with_prefix(self, fact: ForeignSourcePossible) -> IPv4Interface:
        """Its subnet too, where that is in nobody's way here."""
        for face in self.evidence.of(InterfaceSeen):
            for own in face.addresses:
                if face.interface == fact.interface and own.partition("/")[0] == fact.source:
                    try:
                        found = IPv4Interface(own)
                    except ValueError:
                        continue
                    if not any(found.network.overlaps(net) for net in (SERVERS, POOLS, PUBLIC, SHARED)):
                        return found
        return IPv4Interface(fact.source)

    def _link(self) -> _DRAFT:
        trips = self.evidence.of(RoundTrips)
        seconds = [each for fact in trips for each in fact.seconds if isfinite(each) and each >= 0]
        sent = sum(fact.sent for fact in trips)
        link: _DRAFT = {}
        if not seconds:
            self._note("unknown: delay and loss")
            return link
        if (delay := 1000 * median(seconds) - NEAR) > NEAR:
            link["delay_ms"] = round(min(delay / 2, 5000.0), 1)
        if sent >= MANY and 0 < (lost := sent - len(seconds)) < sent:
            link["loss"] = min(round(1 - sqrt(1 - lost / sent), 4), 0.99)  # each way by itself
            self._note(f"loss: {lost} of {sent} requests or their answers, so it is rough")
        return link

    # The routers

    def _routers(self, taken: list[IPv4Network]) -> _DRAFT:
        translations = self.evidence.translations
        one = max(translations, key=lambda each: len(each.seen)) if translations else None
        border = self._border(one)
        if one and one.nat.translated is False:
            border["nat"] = False
            border = {key: value for key, value in border.items() if key not in _OF_A_NAT}
            if not set(border) - {"nat", "via"} or (set(border) == {"nat", "via", "ipv6"} and border["ipv6"] == "on"):
                return {}  # who stands on the laboratory's internet has both families
        lan = _free(taken)
        if "cgnat" not in self.found or not border["nat"]:
            return {_ROUTER: {**border, "lan": str(lan)}}
        upper = self._between([*taken, lan])
        # What is measured of two NATs is the weaker one's: the inner one has it, too, or it would show instead.
        like = ("filtering", "udp_timeout", "udp_stream_timeout", "refresh")
        nat = {key: value for key, value in border["nat"].items() if key in like}
        if "gateway" in border:
            nat["translates"] = "lan"
        inner: _DRAFT = {"via": _CARRIER, "lan": str(lan), "nat": nat}
        if border.get("ipv6", "off") != "off":
            inner["ipv6"] = "on"
        return {_ROUTER: inner, _CARRIER: {**border, "lan": str(upper)}}

    def _between(self, taken: list[IPv4Network]) -> IPv4Network:
        """The network between the two NATs."""
        if dict(self.found["cgnat"].values)["kind"] == "shared":
            return _BETWEEN
        hops = private_hops(self.evidence)
        seen = IPv4Network((str(address(hops[1].address)), 24), strict=False) if len(hops) > 1 else _BETWEEN
        return _free(taken) if any(seen.overlaps(net) for net in taken) or seen == _BETWEEN else seen

    def _border(self, one: Translated | None) -> _DRAFT:
        """The outermost router."""
        router: _DRAFT = {"via": "internet", "nat": self._nat(one)}
        if "udp-blocked" in self.found:
            router["udp"] = "blocked"
        if asked := budget(self.evidence):
            router["budget"] = {"limit": min(max(self._at_once(asked), 1), 60000)}
            self._note(
                "the budget is what was seen to be held at once; unknown: what else was, and whether it counts "
                "sessions or mappings"
            )
        leak = self.found.get("source-address-leak")
        if leak and dict(leak.values)["changes"]:
            router["gateway"] = {}
            self._note(
                "the gateway's policy has Cisco's defaults and an outage of 3 s: that foreign sources end the session "
                "was seen, not after how many, nor for how long"
            )
        router |= self._mtu() | self._ipv6()
        if "nat64" in self.found:
            self._note("the laboratory has no NAT64")
        return router

    def _at_once(self, asked: MappingsAsked) -> int:
        """The sessions that a NAT held when it gave no more: those of that question, and those of earlier ones."""
        alive = lifetime(self.evidence, "unreplied")
        kept = max(SHORTEST_LIFETIME, alive.alive) if alive else Nat().udp_timeout  # as it is written here
        since = asked.at - kept
        flows = {
            (fact.local, fact.server)
            for fact in self.evidence.facts
            if isinstance(fact, MappedAddress | RoundTrips) and since <= fact.at <= asked.at
        }
        return max(asked.mapped, len(flows))

    def _nat(self, one: Translated | None) -> _DRAFT:
        """The NAT, as far as the laboratory's kernel can do it."""
        known, nat = one.nat if one else None, dict[str, Any]()
        mapping = known.mapping if known else None
        filtering = known.filtering if known else None
        if mapping is None:
            self._note("unknown: the mapping; endpoint-independent is declared")
        if filtering is None:
            self._note("unknown: the filtering; address- and port-dependent is declared")
        if known and known.pooling is Pooling.ARBITRARY and one:
            addresses = len({fact.mapped[0] for fact in one.seen})
            nat |= {"pooling": "arbitrary", "pool": min(max(addresses, 2), 20)}
            mapping = Mapping.ADDRESS_AND_PORT_DEPENDENT  # with any other the laboratory has no such pool
        if mapping not in (None, Mapping.ENDPOINT_INDEPENDENT):
            nat |= {"mapping": str(mapping), "ports": "random"}
        elif known and known.port_preserved is False:
            nat["ports"] = "random"
        nat |= self._timers()
        if "max_age" in nat:
            if filtering not in (None, Filtering.ADDRESS_AND_PORT_DEPENDENT):
                self._note(f"filtering is {filtering}: the laboratory cannot have that where mappings die of age")
            filtering = None
        if filtering is not None:
            nat["filtering"] = str(filtering)
        return nat

    def _timers(self) -> _DRAFT:
        usual = Nat()
        age = oldest(self.evidence)
        timers: _DRAFT = {}
        if age and age.seconds is not None:
            timers["max_age"] = _timer(age.seconds)
        first = self._timer("unreplied", usual.udp_timeout, age)
        stream = self._timer("stream", usual.udp_stream_timeout, age)
        timers |= {"udp_timeout": min(first, stream), "udp_stream_timeout": stream}
        if inbound_refreshes(self.evidence) is False:
            timers["refresh"] = "outbound"
        return timers

    def _timer(self, state: Any, usual: int, age: Lifetime | None) -> int:
        measured = lifetime(self.evidence, state)
        if measured is None:
            self._note(f"unknown: the lifetime of a binding that is {state}; {usual} s unless another is shorter")
            return usual
        of_age = age and age.seconds is not None and measured.dead is not None and measured.dead >= age.alive
        if measured.seconds is None or of_age:
            # It ended by something else, or not at all as long as anybody looked.
            return max(usual, _timer(measured.alive) + 1)
        return _timer(measured.seconds)

    def _mtu(self) -> _DRAFT:
        holes = longest_packets(self.evidence)
        told = [fact for fact in self.evidence.of(LongPackets) if fact.told]
        passed = [fact.length for fact in self.evidence.of(LongPackets) if fact.received]
        if not holes and not (told and passed):
            return {}
        passes = min(hole.passes for hole in holes) if holes else max(passed)
        if not 1280 <= passes <= 1500:
            self._note(f"packets of {passes} bytes are the longest that pass; the laboratory's least is 1280")
        return {"mtu": min(max(passes, 1280), 1500), "mtu_signalled": not holes}

    def _ipv6(self) -> _DRAFT:
        routes = self.evidence.of(DefaultRouteSeen)
        if "one-way-ipv6" in self.found:
            if dict(self.found["one-way-ipv6"].values)["direction"] == "up":
                self._note("IPv6 does not go out; the laboratory only has one that does not come back")
            return {"ipv6": "one-way"}
        if any(route.family == 6 for route in routes) or any(tried.down for tried in self.evidence.of(Ipv6Tried)):
            return {"ipv6": "on"}
        if not routes:
            self._note("unknown: whether there is IPv6; none is declared")
        return {}

    def _events(self, routers: _DRAFT) -> list[_DRAFT]:
        border = next(reversed(routers), None)
        if border is None or not routers[border]["nat"]:
            return []
        if "public-address-unstable" in self.found:
            self._note("the public address changes once, 5 s after the network stands")
            return [{"what": "change-public-address", "on": border, "at": 5.0}]
        if "public-address-changes-on-webrtc" in self.found:
            self._note("the public address changes at the first STUN packet; why it does in the field is not known")
            return [{"what": "change-public-address", "on": border, "first_stun": True}]
        return []


def _named(name: str, taken: set[str]) -> str:
    """A name as the laboratory allows it, and not twice."""
    cleaned = re.sub(r"[^a-z0-9-]", "-", name.lower())
    good = (cleaned if _NAME.match(cleaned) else f"i{cleaned}")[:_NAME_LENGTH]
    choices = (good, *(f"{good[: _NAME_LENGTH - 4]}-{number}" for number in range(1, 1000)))
    return next(each for each in choices if each not in taken | _TAKEN and not each.endswith("-p0"))


def _free(taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first 192.168.N.0/24 that overlaps none; the last where all do."""
    taken = list(taken)
    nets = [IPv4Network(f"192.168.{number}.0/24") for number in range(1, 255)]
    return next((net for net in nets if not any(net.overlaps(other) for other in taken)), nets[-1])


def _timer(seconds: float) -> int:
    """Whole seconds, within what a timer may be."""
    return min(max(round(seconds), 1), _LONGEST_TIMER) if isfinite(seconds) else _LONGEST_TIMER
