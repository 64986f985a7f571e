"""Read back: what routers and hosts hold, as their kernels tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from landfast.kernel import routes, sysctl
from landfast.kernel.host import Host
from landfast.lab.network import INTERNET, Router
from landfast.lab.topology import POOLS, PUBLIC, SERVERS, Plan, Routing
from landfast.lab.verify.measured import NONE, Row, Value
from landfast.model.routing import Interface

Held = Mapping[str, Interface]
"""Interfaces by name."""


async def held(host: Host) -> Held:
    """What interfaces a place has."""
    return {found.name: found for found in await routes.interfaces(host)}


def addresses(interface: Interface | None, version: int = 4) -> list[str]:
    """Its addresses, without IPv6's link-local ones."""
    found = interface.addresses if interface else ()
    return [str(a.address) for a in found if a.address.version == version and not a.address.is_link_local]


def whose(plan: Plan, address: str, likely: str) -> str:
    """The place on whose LAN an address stands, `internet` among them; of several with the same LAN the likely one."""
    lans: list[tuple[str, IPv4Network]] = [(INTERNET, net) for net in (SERVERS, POOLS, PUBLIC)]
    lans += [(name, routing.lan) for name, routing in plan.routings.items()]
    found = [name for name, lan in lans if IPv4Address(address) in lan]
    return likely if likely in found else found[0] if found else NONE


def network_of(interface: Interface | None) -> str:
    """The network of its first IPv4 address."""
    first = next((a for a in interface.addresses if a.address.version == 4), None) if interface else None
    return str(IPv4Network((str(first.address), first.prefix), strict=False)) if first else NONE


async def router(plan: Plan, routing: Routing, host: Host, interfaces: Held) -> list[Row]:
    """Where its cables lead, and the settings that take time to see at work."""
    name, declared = routing.name, routing.router
    wan = addresses(interfaces.get("wan"))
    via = whose(plan, wan[0], declared.via) if wan else NONE
    found: list[Row] = [
        Row(name, "via", declared.via, via, f"wan has {', '.join(wan) or 'no address'}"),
        Row(name, "lan", str(routing.lan), network_of(interfaces.get("lan")), "the address of lan"),
    ]
    if not plan.network.has_ipv6(name):  # else it is asked
        six = [*addresses(interfaces.get("lan"), 6), *addresses(interfaces.get("wan"), 6)]
        how = f"lan and wan have {', '.join(six) or 'no address'}"
        found.append(Row(name, "ipv6", "off", "on" if six else "off", how))
    keys: dict[str, tuple[str, Value]] = {"forwarding": ("ipv4/ip_forward", 1)}
    if declared.nat:
        keys["nat.udp_timeout"] = ("netfilter/nf_conntrack_udp_timeout", declared.nat.udp_timeout)
        keys["nat.udp_stream_timeout"] = (
            "netfilter/nf_conntrack_udp_timeout_stream",
            declared.nat.udp_stream_timeout,
        )
    values = await asyncio.gather(*(sysctl.read(host, key) for key, _ in keys.values()))
    for (axis, (key, said)), value in zip(keys.items(), values, strict=True):
        found.append(Row(name, axis, said, int(value) if value else None, f"sysctl net.{key.replace('/', '.')}"))
    return found


def later(routing: Routing) -> list[Row]:
    """What only a deep verification tells of a router."""
    how = "takes its time: `landfast lab verify` measures it"
    return [Row(routing.name, axis, said, None, how) for axis, said in _slow(routing.router)]


def _slow(declared: Router) -> Iterator[tuple[str, Value]]:
    if nat := declared.nat:
        yield from (("nat.refresh", nat.refresh), ("nat.max_age", NONE if nat.max_age is None else nat.max_age))
    yield "budget", "yes" if declared.budget else NONE
    if budget := declared.budget:
        yield from (("budget.of", budget.of), ("budget.limit", budget.limit), ("budget.refusal", budget.refusal))
    if gateway := declared.gateway:
        yield from (("gateway.limit", gateway.limit), ("gateway.outage", gateway.outage))
        yield "gateway.period", NONE if gateway.period is None else gateway.period
        yield "gateway.new_address", gateway.new_address
