"""The facts about one host and one uplink, put in order: by kind and by time. Pure.

The same facts, told in whatever order, are the same evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import TypeVar

from landfast.diagnose.nat import behaviour
from landfast.model.address import Address
from landfast.model.facts import ChangedResponse, Fact, MappedAddress, NoReply
from landfast.model.nat import NatBehaviour

Kind = TypeVar("Kind")

SHARED = ip_network("100.64.0.0/10")
"""Between carriers' NATs and their subscribers, and nowhere else (RFC 6598)."""

_PRIVATE = [ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]  # RFC 1918

_UNBOUND = {"0.0.0.0", "::", ""}


@dataclass(frozen=True)
class Translated:
    """What STUN said to one local address, and the NATs in front of it."""

    address: str
    seen: tuple[MappedAddress, ...]
    nat: NatBehaviour


class Evidence:
    """What rules look at."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts: tuple[Fact, ...] = tuple(sorted(facts, key=lambda fact: (fact.at, repr(fact))))
        self._by_kind: dict[type, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            self._by_kind[type(fact)].append(fact)

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The facts of one kind, the oldest first."""
        return tuple(fact for fact in self._by_kind.get(kind, ()) if isinstance(fact, kind))

    @cached_property
    def translations(self) -> tuple[Translated, ...]:
        """For each local address that was answered, by itself: `nat.behaviour` wants one at a time.

        A socket that is bound to no address does not tell which was its own, nor whether it was translated.
        """
        about: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            if isinstance(fact, MappedAddress | NoReply | ChangedResponse) and fact.local[0] not in _UNBOUND:
                about[fact.local[0]].append(fact)
        seen = {
            address: tuple(fact for fact in facts if isinstance(fact, MappedAddress))
            for address, facts in about.items()
        }
        return tuple(
            Translated(address, seen[address], behaviour(about[address])) for address in sorted(seen) if seen[address]
        )


def address(text: str | None) -> Address | None:
    """An address that somebody told; None for what is none."""
    try:
        return ip_address(text or "")
    except ValueError:
        return None


def is_shared(text: str | None) -> bool:
    """Whether it is an address between a carrier's NAT and its subscribers (RFC 6598)."""
    told = address(text)
    return told is not None and told.version == 4 and told in SHARED


def is_private(text: str | None) -> bool:
    """Whether it is one of RFC 1918's, which anybody may use behind a NAT."""
    told = address(text)
    return told is not None and told.version == 4 and any(told in net for net in _PRIVATE)
