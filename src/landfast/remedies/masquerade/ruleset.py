"""Which rules the remedy consists of, for each wish and each form. Pure; `languages.py` writes them down.

There are three places in a packet's way out:

    output      this host's own packets, before any translation             the action `drop`; IPv6
    translate   all packets, where source NAT is decided, once a flow       the action `masquerade`
    leave       all packets after translation, as they would go on the wire what no NAT reaches; `drop` for scope `all`

Answers keep their source everywhere: a flow that another host opened to a foreign address is answered from it, else an
operator who came in that way would lose the robot. Translation leaves them alone by itself, dropping has a rule for it.

A packet that conntrack calls invalid (a TCP reset after the flow was forgotten, say) is not translated by any NAT and
would leave as it is; the rule at `leave` drops it if its source is foreign. IPsec's tunnelled packets have their inner
source still, and a policy waits for it: they are left alone where the kernel can tell them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from landfast.model.address import Address
from landfast.model.routing import Family
from landfast.remedies.masquerade.options import Action, Scope

Place = Literal["output", "translate", "leave"]
Verdict = Literal["masquerade", "drop", "return"]

FAMILIES: tuple[Family, ...] = (4, 6)
PLACES: tuple[Place, ...] = ("translate", "leave", "output")


@dataclass(frozen=True)
class Leaving:
    """By this interface."""

    interface: str


@dataclass(frozen=True)
class From:
    """With a source in this network."""

    network: IPv4Network | IPv6Network


@dataclass(frozen=True)
class Foreign:
    """With a source that is no address of the interface it leaves by; the kernel looks it up for each packet."""


@dataclass(frozen=True)
class Answer:
    """Answering a flow that the other side opened."""


@dataclass(frozen=True)
class Untranslatable:
    """Of no flow that NAT could translate: invalid for conntrack, or hidden from it."""


@dataclass(frozen=True)
class NotForIpsec:
    """Without an IPsec policy waiting for it."""


Condition = Leaving | From | Foreign | Answer | Untranslatable | NotForIpsec


@dataclass(frozen=True)
class Rule:
    """All conditions, then the verdict. Every rule has a counter."""

    family: Family
    place: Place
    conditions: tuple[Condition, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Form:
    """How a foreign source is told, and in whose language; which of them a host can do is found out by doing.

    `by` is "lookup" (nft's fib, iptables' addrtype; no address is written down, so it survives a new one) or "address"
    (one rule for each foreign address of the moment).
    """

    backend: Literal["nft", "iptables"]
    by: Literal["lookup", "address"] = "lookup"
    spares_ipsec: bool = True

    def __str__(self) -> str:
        how = {"nft": "fib", "iptables": "addrtype"}[self.backend] if self.by == "lookup" else "one rule per address"
        return f"{self.backend}, {how}"


_ORDER: tuple[tuple[Literal["nft", "iptables"], Literal["lookup", "address"]], ...] = (
    ("nft", "lookup"),
    ("iptables", "lookup"),
    ("nft", "address"),
    ("iptables", "address"),
)


def forms(backend: Literal["auto", "nft", "iptables"]) -> tuple[Form, ...]:
    """The forms to try, the best first."""
    return tuple(
        Form(program, by, spares) for program, by in _ORDER if backend in {"auto", program} for spares in (True, False)
    )


@dataclass(frozen=True)
class Wanted:
    """The remedy for one host: everything that its rules depend on. `foreign` pairs an egress with each address foreign
    to it.
    """

    interfaces: tuple[str, ...]
    form: Form
    scope: Scope = "foreign"
    action: Action = "masquerade"
    nat66: bool = False
    ipv6: bool = True
    foreign: tuple[tuple[str, Address], ...] = ()


UNSPECIFIED, LINK_LOCAL = ip_network("::/128"), ip_network("fe80::/10")
LEARNING = ip_network("0.0.0.0/32")
# Not foreign, though no address of the interface (model/address.py); `own` link-local addresses pass the lookup anyhow.
_SPARED: dict[Family, tuple[IPv4Network | IPv6Network, ...]] = {4: (LEARNING,), 6: (UNSPECIFIED, LINK_LOCAL)}


def rules(wanted: Wanted) -> tuple[Rule, ...]:
    """The rules, in the order in which they must stand."""
    found = list(_translate(wanted, 4) if wanted.action == "masquerade" else _drop(wanted, 4))
    if wanted.ipv6:
        found += _translate(wanted, 6) if wanted.nat66 else _drop(wanted, 6)
    return tuple(found)


def _translate(wanted: Wanted, family: Family) -> Iterator[Rule]:
    spared = _SPARED[family] if family == 6 else ()  # the kernel never masquerades 0.0.0.0 (nf_nat_masquerade_ipv4)
    for network in spared:
        yield Rule(family, "translate", (From(network),), "return")
    for interface in wanted.interfaces:
        for sources in _foreign(wanted, family, interface) if wanted.scope == "foreign" else [()]:
            yield Rule(family, "translate", (*_out(wanted, interface), *sources), "masquerade")
    for network in _SPARED[family]:
        yield Rule(family, "leave", (From(network),), "return")
    for interface in wanted.interfaces:
        for sources in _foreign(wanted, family, interface):
            yield Rule(family, "leave", (*_out(wanted, interface), Untranslatable(), *sources), "drop")


def _drop(wanted: Wanted, family: Family) -> Iterator[Rule]:
    place: Place = "leave" if wanted.action == "drop" and wanted.scope == "all" else "output"
    for network in _SPARED[family]:
        yield Rule(family, place, (From(network),), "return")
    yield Rule(family, place, (Answer(),), "return")
    for interface in wanted.interfaces:
        for sources in _foreign(wanted, family, interface):
            yield Rule(family, place, (*_out(wanted, interface), *sources), "drop")


def _out(wanted: Wanted, interface: str) -> tuple[Condition, ...]:
    return (Leaving(interface), *([NotForIpsec()] if wanted.form.spares_ipsec else []))


def _foreign(wanted: Wanted, family: Family, interface: str) -> list[tuple[Condition, ...]]:
    """What picks a foreign source: one condition, or one rule for each address."""
    if wanted.form.by == "lookup":
        return [(Foreign(),)]
    return [
        (From(ip_network(address)),)
        for egress, address in wanted.foreign
        if egress == interface and address.version == family
    ]
