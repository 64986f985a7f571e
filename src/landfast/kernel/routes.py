"""The door to addresses and routes: the program `ip`, by its JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from landfast.kernel import netadmin
from landfast.kernel.host import Host
from landfast.model.address import Address, InterfaceAddress, is_foreign, own
from landfast.model.routing import DefaultRoute, Family, Interface, Question
from landfast.wire.cover import Packet

# Addresses that only a way out reaches; they are looked up, nothing is sent. Public resolvers, because a
# documentation address may well be routed to nowhere.
ELSEWHERE: Mapping[int, Address] = {4: ip_address("1.1.1.1"), 6: ip_address("2606:4700:4700::1111")}


async def interfaces(host: Host) -> tuple[Interface, ...]:
    """Every interface, loopback too, with its addresses."""
    said = await netadmin.run(host, ["ip", "-json", "address", "show"])
    return tuple(_interface(found) for found in json.loads(said.stdout or "[]") if "ifname" in found)


def _interface(found: dict[str, Any]) -> Interface:
    name = found["ifname"]
    addresses = tuple(
        InterfaceAddress(name, ip_address(each["local"]), each["prefixlen"])
        for each in found.get("addr_info", ())
        if "local" in each
    )
    return Interface(name, "UP" in found.get("flags", ()), addresses)


async def defaults(host: Host, family: Family) -> tuple[DefaultRoute, ...]:
    """The default routes of the main table, the preferred first. A route with several next hops counts as several."""
    said = await netadmin.run(host, ["ip", "-json", f"-{family}", "route", "show", "default"])
    found = [
        DefaultRoute(
            hop["dev"], family, route.get("metric", 0), ip_address(hop["gateway"]) if "gateway" in hop else None
        )
        for route in json.loads(said.stdout or "[]")
        for hop in route.get("nexthops", [route])
        if "dev" in hop
    ]
    return tuple(sorted(found, key=lambda route: route.metric))


async def egress(host: Host, questions: Sequence[Question]) -> dict[Question, str | None]:
    """The interface for each question, by one `ip` process; None where no route leads there."""
    if not questions:
        return {}
    given = "".join(f"route get {_asked(question)}\n" for question in questions)
    said = await netadmin.attempt(host, ["ip", "-json", "-force", "-batch", "-"], given)
    answers = {}
    for line in said.stdout.splitlines():  # one array a line; a question without a route has none
        for answer in json.loads(line or "[]"):
            source = answer.get("from")
            asked = Question(ip_address(answer["dst"]), ip_address(source) if source else None)
            answers[asked] = answer.get("dev")
    return {question: answers.get(question) for question in questions}


async def foreign_sources(
    host: Host, addresses: Collection[InterfaceAddress], to: Mapping[int, Address] = ELSEWHERE
) -> tuple[Packet, ...]:
    """Packets that would leave with a foreign source, by the routes: from each address, to that of its IP version."""
    asked = [
        Question(to[each.address.version], each.address)
        for each in addresses
        if each.address.version in to and not each.address.is_loopback
    ]
    ways = await egress(host, list(dict.fromkeys(asked)))
    return tuple(
        Packet(source, question.destination, way)
        for question, way in ways.items()
        if (source := question.source) and way and is_foreign(source, own(addresses, way))
    )


def _asked(question: Question) -> str:
    return f"{question.destination}" + (f" from {question.source}" if question.source else "")


async def has_ipv6(host: Host) -> bool:
    """Whether the kernel has IPv6 at all, used or not."""
    return await host.call(_has_ipv6)


def _has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").exists()
