"""Interfaces, ways out, sources that could leave by an interface that does not have them, and the rules that keep them.

Nothing is sent. Whether a source could leave is asked of the kernel by a route lookup from it; whether a rule keeps it
is judged from the ruleset (wire/cover.py), where this host lets it be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from landfast import clock
from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import iptables, namespaces, nft, routes, sysctl
from landfast.kernel.host import Host
from landfast.model.facts import Confined, DefaultRouteSeen, Fact, ForeignSourcePossible, InterfaceSeen
from landfast.probes.questions import Interfaces
from landfast.wire import cover
from landfast.wire.netfilter import Json, Tables

MARKS = (".dockerenv", "run/.containerenv", "run/systemd/container", "run/secrets/kubernetes.io")
"""What container managers put into a container: Docker, Podman, systemd (nspawn, LXC), Kubernetes."""
ONLY_INITIAL = "core/netdev_max_backlog"
"""A sysctl that the kernel shows only in its first network namespace, the host's own (net/core/sysctl_net_core.c)."""


async def ask(host: Host, question: Interfaces, tell: Callable[[Fact], None]) -> None:  # noqa: ARG001 - it has no terms
    """Look. Raises CapabilityMissing without the program `ip`."""
    found, four, six, (listing, tables, known), by = await asyncio.gather(
        routes.interfaces(host), routes.defaults(host, 4), routes.defaults(host, 6), _rules(host), _confined(host)
    )
    addresses = [address for interface in found for address in interface.addresses]
    leaving = await routes.foreign_sources(host, addresses)
    now = clock.monotonic()
    if by:
        tell(Confined(now, by))
    for each in found:
        tell(InterfaceSeen(now, each.name, each.up, tuple(f"{own.address}/{own.prefix}" for own in each.addresses)))
    for way in (*four, *six):
        gateway = str(way.gateway) if way.gateway else None
        tell(DefaultRouteSeen(now, way.interface, way.family, way.metric, gateway))
    for packet in leaving:
        owner = next(each.interface for each in addresses if each.address == packet.source)
        covers = cover.covers(listing, tables, packet)
        covered_by = str(covers[0]) if covers else None
        tell(ForeignSourcePossible(now, str(packet.source), owner, packet.egress, covered_by, known))


async def _rules(host: Host) -> tuple[tuple[Json, ...], Tables, bool]:
    """nftables' ruleset, iptables' tables, and whether those are all the rules there are."""
    try:
        listing = await nft.listing(host)
    except (CapabilityMissing, ProgramFailed):  # no right to it, no nft, or a kernel without nftables
        tables = await iptables.tables(host, None)
        return (), tables, bool(tables)
    return listing, await iptables.tables(host, listing), True


async def _confined(host: Host) -> str | None:
    """What shows that this is a container, if it has not the host's own network. A network that was made inside the
    container, as the laboratory's are, is what it is."""
    mark = next((mark for mark in MARKS if _there(host, mark)), None)
    if mark is None or not await host.call(namespaces.is_network_of_init):
        return None
    return f"/{mark}" if await sysctl.read(host, ONLY_INITIAL) is None else None


def _there(host: Host, mark: str) -> bool:
    try:
        return (host.root / mark).exists()
    except OSError:  # a folder that is not ours to search
        return False
