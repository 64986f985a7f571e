"""The door to iptables: the programs `iptables`, `ip6tables` and their `-restore`, for hosts without a usable nft.

A table is changed by one `-restore --noflush`: all of it or nothing, and what others have there stays. `--wait`,
because others (Docker, ufw) hold the lock for moments.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import netadmin
from landfast.kernel.host import Host
from landfast.model.routing import Family
from landfast.wire.netfilter import NFT_FAMILY, Json, Table, Tables, iptables, iptables_restore

# Each network namespace has its own; only the legacy programs put names here.
_LEGACY = {4: Path("/proc/net/ip_tables_names"), 6: Path("/proc/net/ip6_tables_names")}


async def load(host: Host, family: Family, text: str) -> None:
    """Carry out the lines of `iptables-save`'s language. Raises ProgramFailed with the text."""
    await netadmin.run(host, iptables_restore(family), text)


async def rules(host: Host, family: Family, table: Table, *, counted: bool = False) -> tuple[str, ...]:
    """The table's lines as `-S` writes them, with `-c PACKETS BYTES` if `counted`. Asking changes nothing."""
    verbose = ["-v"] if counted else []
    said = await netadmin.run(host, [iptables(family), "--wait", "-t", table, *verbose, "-S"])
    return tuple(line for line in said.stdout.splitlines() if line and not line.startswith("#"))


async def tables(host: Host, listing: Iterable[Json] | None) -> Tables:
    """Every table that has something, with counters: those that nftables' `listing` shows, and the legacy ones; each
    that there is where nftables could not be read (None). Without the programs, or the right to them, there is none.
    """
    shown = None if listing is None else [each["chain"] for each in listing if "chain" in each]
    found: dict[tuple[Family, Table], tuple[str, ...]] = {}
    families: tuple[Family, ...] = (4, 6)
    for family in families:
        legacy = await legacy_tables(host, family)
        listed = [each["table"] for each in shown or () if each["family"] == NFT_FAMILY[family]]
        for table in get_args(Table):
            if shown is not None and table not in {*legacy, *listed}:
                continue
            try:
                found[family, table] = await rules(host, family, table, counted=True)
            except (CapabilityMissing, ProgramFailed):  # no such program here, or no such table
                continue
    return found


async def speaks_nft(host: Host) -> bool:
    """Whether `iptables` keeps its rules in nftables (iptables-nft(8)) and not in tables of its own."""
    return "nf_tables" in (await netadmin.attempt(host, ["iptables", "--version"])).stdout


async def legacy_tables(host: Host, family: Family) -> tuple[str, ...]:
    """The tables that the legacy programs have made in this kernel; none when that cannot be read."""
    return await host.call(_legacy_tables, family)


def _legacy_tables(family: Family) -> tuple[str, ...]:
    try:
        return tuple(_LEGACY[family].read_text().split())
    except OSError:
        return ()
