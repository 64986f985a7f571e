"""Look at a host: what the remedy needs to know before it decides. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import iptables, nft, routes
from landfast.kernel.host import Host
from landfast.model.routing import Family
from landfast.remedies.masquerade import persist
from landfast.remedies.masquerade.languages import CHAIN, HOOKS, canonical
from landfast.remedies.masquerade.made import Made, Spot, missing
from landfast.remedies.masquerade.ruleset import FAMILIES, PLACES, Place
from landfast.remedies.masquerade.state import TRIAL, Chain, State, World, ours, read_chain
from landfast.wire.netfilter import NFT_FAMILY, Json, iptables_words


async def look(host: Host) -> World:
    """Everything. Raises CapabilityMissing without the right to read rules, BadFile for a file that cannot be one of
    ours.
    """
    interfaces, first, second, ipv6, (listing, state) = await asyncio.gather(
        routes.interfaces(host),
        routes.defaults(host, 4),
        routes.defaults(host, 6),
        routes.has_ipv6(host),
        look_at_ours(host),
    )
    return World(interfaces, (*first, *second), ipv6, listing, state, systemd_runs(host), await _missing(host, listing))


async def _missing(host: Host, listing: tuple[Json, ...] | None) -> Mapping[Spot, Made]:
    try:
        return missing(listing) if listing is not None and await iptables.speaks_nft(host) else {}
    except CapabilityMissing:  # no iptables
        return {}


async def look_at_ours(host: Host) -> tuple[tuple[Json, ...] | None, State]:
    """nftables' ruleset, and what is ours on the host."""
    try:
        listing = await nft.listing(host)
    except CapabilityMissing as missing:
        if missing.capability == "CAP_NET_ADMIN":
            raise
        listing = None
    chains = await _chains(host, listing)
    return listing, State(canonical(ours(listing or ())), chains, persist.read(host.root))


async def _chains(host: Host, listing: tuple[Json, ...] | None) -> tuple[Chain, ...]:
    """Our chains in iptables, asked for only where one can be: without a sign of them no program is started."""
    found = []
    for family in FAMILIES:
        legacy = await iptables.legacy_tables(host, family)
        for place in PLACES:
            table = HOOKS[place].table
            if listing is not None and table not in legacy and not _has_chain(listing, family, place):
                continue
            try:
                lines = await iptables.rules(host, family, table)
            except CapabilityMissing as missing:
                if missing.capability == "CAP_NET_ADMIN":
                    raise
                continue
            except ProgramFailed:  # this kernel has no such table
                continue
            chain = read_chain(family, place, [iptables_words(line) for line in lines])
            found += [chain] if chain else []
    return tuple(found)


def _has_chain(listing: tuple[Json, ...], family: Family, place: Place) -> bool:
    wanted = {(NFT_FAMILY[family], HOOKS[place].table, name) for name in (CHAIN, TRIAL)}
    chains = (each["chain"] for each in listing if "chain" in each)
    return any((chain["family"], chain["table"], chain["name"]) in wanted for chain in chains)


def systemd_runs(host: Host) -> bool:
    """Whether this host's own systemd can be told: not that of another root (sd_booted(3))."""
    return host.root == Path("/") and Path("/run/systemd/system").is_dir()
