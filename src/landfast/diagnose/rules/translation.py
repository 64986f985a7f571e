"""What NATs do: mapping, pooling, carrier-grade NAT, budgets of ports, NAT64. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from landfast.diagnose.estimates import budget
from landfast.diagnose.evidence import Evidence, address, is_private, is_shared
from landfast.diagnose.rules.relays import by_udp
from landfast.diagnose.rules.rule import Consequence, Rule
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    HopSeen,
    InterfaceSeen,
    MappedAddress,
    Nat64Seen,
    PortMappingAsked,
)
from landfast.model.findings import Confidence, Finding, Severity
from landfast.model.nat import Mapping, Pooling

FEW_MAPPINGS = 128
"""Fewer than the smallest block that carriers are known to give (Juniper's port block allocation, 128)."""

FEWEST_MAPPINGS = 16
"""What one WebRTC connection may take: two peers' media, three interfaces, STUN and three transports to a relay."""


def symmetric(evidence: Evidence) -> Iterator[Finding]:
    """The mapping depends on whom a packet goes to: the address that STUN tells is not the one that a peer sees."""
    for one in evidence.translations:
        if one.nat.mapping in (Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT):
            because = _sandwich(one.seen) or one.seen
            values = (("local", one.address), ("mapping", str(one.nat.mapping)))
            yield Finding(
                "mapping-symmetric", Severity.HARMFUL, Confidence.PROVED, because, "relay", one.address, values
            )


def _sandwich(seen: Sequence[MappedAddress]) -> tuple[MappedAddress, ...]:
    """One server saw the socket at one place, another at another, and the first still at the first."""
    by_local: dict[object, list[MappedAddress]] = defaultdict(list)
    for fact in seen:
        by_local[fact.local].append(fact)
    for facts in by_local.values():
        for first, middle, last in combinations(facts[:_LOOKED_AT], 3):
            again = (first.server, first.mapped) == (last.server, last.mapped)
            if again and middle.server != first.server and middle.mapped != first.mapped:
                return first, middle, last
    return ()


_LOOKED_AT = 16
"""Answers to one socket; a test asks each socket four questions."""


def unpaired(evidence: Evidence) -> Iterator[Finding]:
    """Two addresses are in use at the same time. A changed address is something else, and is not taken for it."""
    for one in evidence.translations:
        if one.nat.pooling is Pooling.ARBITRARY and (two := _at_once(one.seen)):
            addresses = sorted({fact.mapped[0] for fact in one.seen})
            values = (("local", one.address), ("addresses", len(addresses)), ("some", ", ".join(addresses[:3])))
            yield Finding("pool-unpaired", Severity.HARMFUL, Confidence.PROVED, two, "relay", one.address, values)


def _at_once(seen: Sequence[MappedAddress]) -> tuple[MappedAddress, ...]:
    """One flow had an address before and after another flow was seen at another."""
    flows: dict[object, list[MappedAddress]] = defaultdict(list)
    for fact in seen:
        flows[fact.local, fact.server].append(fact)
    for flow in flows.values():
        first, last = flow[0], flow[-1]
        if len({fact.mapped for fact in flow}) != 1 or first is last:
            continue
        for other in seen:
            if first.at <= other.at <= last.at and other.mapped[0] != first.mapped[0]:
                return first, other, last
    return ()


def carrier_grade(evidence: Evidence) -> Iterator[Finding]:
    """A second NAT: RFC 6598's addresses behind the first router or on our own uplink, or two networks of private
    addresses one behind the other.
    """
    translated = [one.nat.translated for one in evidence.translations]
    if translated and not any(translated):
        return  # the very address arrives: there is no NAT at all, whatever routers call themselves
    shared: list[Fact] = [hop for hop in evidence.of(HopSeen) if is_shared(hop.address)]
    ways = {route.interface for route in evidence.of(DefaultRouteSeen)}
    shared += [
        face
        for face in evidence.of(InterfaceSeen)
        if face.interface in ways and any(is_shared(own.partition("/")[0]) for own in face.addresses)
    ]
    told = [asked for asked in evidence.of(PortMappingAsked) if asked.answered]
    shared += [asked for asked in told if is_shared(asked.external)]
    if shared:
        yield _second_nat(Confidence.PROVED, "shared", shared)
    elif inner := [asked for asked in told if is_private(asked.external)]:
        yield _second_nat(Confidence.PROVED, "private", inner)
    elif len(private := private_hops(evidence)) > 1:
        yield _second_nat(Confidence.LIKELY, "private", private)


def private_hops(evidence: Evidence) -> list[HopSeen]:
    """One hop for each private network on the way, the nearest first; a /24 is taken for one network."""
    found: dict[str, HopSeen] = {}
    for hop in sorted(evidence.of(HopSeen), key=lambda hop: hop.distance):
        if is_private(hop.address):
            found.setdefault(str(address(hop.address)).rpartition(".")[0], hop)
    return list({hop.distance: hop for hop in found.values()}.values())


def _second_nat(confidence: Confidence, kind: str, because: Sequence[Fact]) -> Finding:
    told = (_told(fact) for fact in because)
    values = (("kind", kind), ("addresses", ", ".join(dict.fromkeys(text for text in told if text))))
    return Finding("cgnat", Severity.NOTICE, confidence, tuple(because), values=values)


def _told(fact: Fact) -> str | None:
    match fact:
        case HopSeen():
            return fact.address
        case InterfaceSeen():
            return ", ".join(fact.addresses)
        case PortMappingAsked():
            return fact.external
    return None


def budget_exhausted(evidence: Evidence) -> Iterator[Finding]:
    """New sockets get no mapping while one that has its own is still answered: not blocked, used up."""
    if (asked := budget(evidence)) is None:
        return
    severity = Severity.HARMFUL if asked.mapped < FEW_MAPPINGS else Severity.NOTICE
    if asked.mapped < FEWEST_MAPPINGS:
        severity = Severity.FATAL
    values = (("mapped", asked.mapped), ("asked", asked.asked))
    yield Finding("port-budget-exhausted", severity, Confidence.PROVED, (asked,), "relay", values=values)


def translated_to_ipv6(evidence: Evidence) -> Iterator[Finding]:
    """IPv4 is reached through IPv6. Where there is no IPv4 beside it, addresses in candidates reach nothing."""
    routes = evidence.of(DefaultRouteSeen)
    only = {route.family for route in routes} == {6}
    for prefix, seen in {fact.prefix: fact for fact in evidence.of(Nat64Seen)}.items():
        severity, remedy = (Severity.HARMFUL, "relay") if only else (Severity.NOTICE, None)
        values = (("prefix", prefix), ("ipv4", "none" if only else "too"))
        because: tuple[Fact, ...] = (seen, *(routes if only else ()))
        yield Finding("nat64", severity, Confidence.PROVED, because, remedy, prefix, values)


PORT_BUDGET_EXHAUSTED = Rule(
    "port-budget-exhausted",
    budget_exhausted,
    explains=(Consequence("turn-unreachable", lambda _, lost: by_udp(lost), "over UDP"),),
)
POOL_UNPAIRED = Rule("pool-unpaired", unpaired)
MAPPING_SYMMETRIC = Rule("mapping-symmetric", symmetric)
CGNAT = Rule("cgnat", carrier_grade)
NAT64 = Rule("nat64", translated_to_ipv6)
