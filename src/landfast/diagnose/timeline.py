"""When the public address changed, and what had gone before: the order of time that makes a cause. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from landfast.diagnose.evidence import Evidence, Translated
from landfast.diagnose.nat import SHORTEST_LIFETIME
from landfast.model.facts import (
    BindingTried,
    ConnectionTried,
    Fact,
    ForeignSourcePacket,
    ForeignSourceTried,
    Gathered,
    MappedAddress,
    PublicAddressChanged,
    WatchBegan,
)
from landfast.model.nat import Pooling

FOLLOWS = 10.0
"""Seconds within which a change can be the answer to something. A gateway that deletes a session for foreign sources
does it at once, and the new one stands after an outage of seconds (3 s in the laboratory's MiFi)."""

UDP = 17
"""IANA's protocol number: what WebRTC sends."""


@dataclass(frozen=True)
class Change:
    """The public address became another one, between `began` and `ended`."""

    began: float
    ended: float
    old: str
    new: str
    because: tuple[Fact, ...]


def changes(evidence: Evidence) -> tuple[Change, ...]:
    """Every change that was seen, the earliest first."""
    watched = [Change(fact.at, fact.at, fact.old, fact.new, (fact,)) for fact in evidence.of(PublicAddressChanged)]
    asked = [change for one in evidence.translations for change in _in_a_flow(one)]
    return tuple(sorted([*watched, *asked], key=lambda change: change.ended))


def _in_a_flow(translated: Translated) -> Iterator[Change]:
    """One socket was seen by one server at another address than before, and not because its mapping had expired."""
    if not translated.nat.address_changed:
        return
    flows: dict[object, list[MappedAddress]] = defaultdict(list)
    for fact in translated.seen:
        flows[fact.local, fact.server].append(fact)
    for flow in flows.values():
        for before, after in pairwise(flow):
            soon = after.at - before.at < SHORTEST_LIFETIME or translated.nat.pooling is Pooling.PAIRED
            if before.mapped[0] != after.mapped[0] and soon:
                yield Change(before.at, after.at, before.mapped[0], after.mapped[0], (before, after))


def leaked(evidence: Evidence) -> tuple[Fact, ...]:
    """The facts that show packets leaving with a foreign source."""
    seen: list[Fact] = [packet for packet in evidence.of(ForeignSourcePacket) if packet.protocol == UDP]
    seen += [tried for tried in evidence.of(ForeignSourceTried) if tried.left]
    seen += [gathered for gathered in evidence.of(Gathered) if gathered.foreign]
    return tuple(sorted(seen, key=lambda fact: fact.at))


def follow_a_leak(evidence: Evidence) -> tuple[Change, ...]:
    """The changes that came within seconds after packets with a foreign source.

    Where nobody captured while connections were opened, an opening stands for the packets that it sends.
    """
    left = leaked(evidence)
    captured = any(began.capturing for began in evidence.of(WatchBegan))
    return tuple(
        change
        for change in changes(evidence)
        if follows_one_of(change, left) or (not captured and follows_an_opening(change, evidence))
    )


def follows_one_of(change: Change, causes: tuple[Fact, ...]) -> bool:
    """Whether one of these came before it, by no more than FOLLOWS."""
    return any(change.began - FOLLOWS <= fact.at and _began(fact) <= change.ended for fact in causes)


def _began(fact: Fact) -> float:
    """An agent sends all the time that it gathers."""
    return fact.at - fact.seconds if isinstance(fact, Gathered) else fact.at


def follows_an_opening(change: Change, evidence: Evidence) -> bool:
    """Whether it came while a WebRTC connection was being opened, or by no more than FOLLOWS after."""
    return any(
        tried.began <= change.ended and change.began <= tried.at + FOLLOWS for tried in evidence.of(ConnectionTried)
    )


def undisturbed(evidence: Evidence) -> tuple[BindingTried, ...]:
    """The bindings that no change of the public address ended."""
    moved = changes(evidence)
    return tuple(
        tried
        for tried in evidence.of(BindingTried)
        if not any(tried.at - tried.age <= change.ended and change.began <= tried.at for change in moved)
    )
