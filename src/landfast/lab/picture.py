"""Network → a picture: the tree of routers and hosts, each with what it declares. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from landfast.lab import topology
from landfast.lab.network import INTERNET, SERVER, Event, Host, Network, Router
from landfast.lab.topology import Plan

_WIDTH = 96  # columns; narrower terminals wrap once more
# How a field's number is said; the others are counts or have no unit.
_UNITS = {
    **dict.fromkeys(("period", "outage", "udp_timeout", "udp_stream_timeout", "max_age", "at", "lasts"), " s"),
    **dict.fromkeys(("delay_ms", "jitter_ms"), " ms"),
    "mtu": " bytes",
    "rate_kbit": " kbit/s",
}
_SHARES = ("loss", "reorder")


@dataclass(frozen=True)
class Node:
    """One place of the tree: its name, what is said of it, and what hangs on it."""

    name: str
    said: tuple[str, ...] = ()
    below: tuple[Node, ...] = ()


def tree(network: Network) -> Node:
    """The network from the internet down."""
    plan = topology.plan(network)
    addresses = ", ".join(map(str, topology.SERVER_ADDRESSES))
    server = Node(SERVER, (addresses, "STUN, TURN, signalling"))
    return Node(INTERNET, (), (server, *_below(plan, INTERNET)))


def lines(node: Node) -> Iterator[str]:
    """The tree as lines of text."""
    yield node.name
    yield from _branches(node, "")


def _branches(node: Node, indent: str) -> Iterator[str]:
    for child in node.below:
        last = child is node.below[-1]
        below = indent + ("   " if last else "│  ")
        first = f"{indent}{'└─' if last else '├─'} {child.name}  "
        others = f"{below}{'│' if child.below else ' '}".ljust(len(first))
        said = [line for each in child.said for line in _wrapped(each, _WIDTH - len(first))]
        yield from (f"{others if number else first}{line}" for number, line in enumerate(said))
        yield from _branches(child, below)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines that are broken behind commas only."""
    pieces = text.replace(", ", ",\n").replace(" ", "\u00a0")
    lines = textwrap.wrap(pieces, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


def _below(plan: Plan, via: str) -> Iterator[Node]:
    network = plan.network
    for name, router in network.routers.items():
        if router.via == via:
            said = (*_router(plan, name, router), *_events(network, name))
            yield Node(name, said, tuple(_below(plan, name)))
    for name, host in network.hosts.items():
        if any(interface.via == via for interface in host.interfaces.values()):
            yield Node(name, tuple(_host(plan, name, host, via)))


def _router(plan: Plan, name: str, router: Router) -> Iterator[str]:
    routing = plan.routings[name]
    yield f"{routing.in_use()[0]} ⇄ {routing.lan}"
    if router.nat:
        always = {key: getattr(router.nat, key) for key in ("mapping", "filtering", "ports")}
        yield "NAT: " + _words({**always, **router.nat.model_dump(exclude_defaults=True)})
    else:
        yield "no NAT"
    for part in ("gateway", "budget"):
        if value := getattr(router, part):
            yield f"{part}: {_words(value.model_dump())}"
    if link := _changed(router.link):
        yield f"link: {link}"
    rest = router.model_dump(exclude_defaults=True, exclude={"via", "lan", "nat", "budget", "gateway", "link"})
    if rest:
        yield _words(rest)


def _host(plan: Plan, name: str, host: Host, via: str) -> Iterator[str]:
    """What is said of a host where it hangs on `via`; what does not hang anywhere is said where its first one does."""
    attached = {each.interface: each for each in plan.attachments if each.host == name}
    for face, interface in host.interfaces.items():
        if interface.via == via:
            link = _changed(interface.link)
            yield f"{face} {attached[face].address.ip}" + (f", link: {link}" if link else "")
    if via != next(iter(attached.values())).via:
        return
    for face, interface in host.interfaces.items():
        if interface.address:
            yield f"{face} {interface.address.ip}, leads nowhere"
    for face, bridge in host.bridges.items():
        rule = "with" if bridge.masquerade else "without"
        yield f"{face} {bridge.address.ip}, a bridge {rule} Docker's masquerade rule"
    if host.foreign_ipv6:
        yield f"{host.foreign_ipv6}, leads nowhere"
    if host.routing == "strong":
        yield "a strong host: each address sends only through its own interface"
    yield from _events(plan.network, name)


def _events(network: Network, on: str) -> Iterator[str]:
    for event in network.events:
        if event.on == on:
            yield f"event: {event.what} {_trigger(event)}" + (f", lasts {event.lasts:g} s" if event.lasts else "")


def _trigger(event: Event) -> str:
    if event.at is not None:
        return f"at {event.at:g} s"
    return "at the first STUN packet" if event.first_stun else f"when there have been {event.mappings} mappings"


def _changed(part: BaseModel) -> str:
    return _words(part.model_dump(exclude_defaults=True))


def _words(fields: dict[str, Any]) -> str:
    """Fields and their values, in words."""
    return ", ".join(_said(key, value) for key, value in fields.items() if value is not None)


def _said(key: str, value: Any) -> str:
    name = key.removesuffix("_ms").removesuffix("_kbit").replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, tuple):
        return f"{name} {'-'.join(map(str, value))}"
    if key in _SHARES:
        return f"{name} {100 * value:g} %"
    return f"{name} {value:g}{_UNITS.get(key, '')}" if isinstance(value, int | float) else f"{name} {value}"
