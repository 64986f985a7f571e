"""What iptables-nft makes on demand, tables and built-in chains, and what of it is left when our rules are gone. Pure.

A person who compares `nft list ruleset` before and after should find no difference, so what was made for us goes with
us, unless others use it by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from landfast.model.routing import Family
from landfast.remedies.masquerade.languages import HOOKS
from landfast.remedies.masquerade.ruleset import FAMILIES, PLACES, Place
from landfast.wire.netfilter import NFT_FAMILY, Json

Made = Literal["", "chain", "table"]
"""The built-in chain, or the whole table and the chain in it."""
Spot = tuple[Family, Place]


def missing(listing: Iterable[Json]) -> dict[Spot, Made]:
    """What would have to be made for a rule of ours, for each place where nothing is missing no entry."""
    tables, chains = _there(listing)
    found: dict[Spot, Made] = {}
    for family in FAMILIES:
        for place in PLACES:
            table = (NFT_FAMILY[family], str(HOOKS[place].table))
            if table not in tables:
                found[family, place] = "table"
            elif (*table, HOOKS[place].builtin) not in chains:
                found[family, place] = "chain"
    return found


def unused(listing: Iterable[Json], spots: Iterable[Spot]) -> tuple[Json, ...]:
    """The tables of these places that are there and hold nothing."""
    tables, chains = _there(listing)
    used = {chain[:2] for chain in chains}
    wanted = dict.fromkeys((NFT_FAMILY[family], str(HOOKS[place].table)) for family, place in spots)
    empty = [table for table in wanted if table in tables and table not in used]
    return tuple({"table": {"family": family, "name": name}} for family, name in empty)


def _there(listing: Iterable[Json]) -> tuple[set[tuple[str, str]], set[tuple[str, str, str]]]:
    """Tables, and whatever stands in one."""
    tables, inside = set(), set()
    for each in listing:
        ((kind, body),) = each.items()
        if kind == "table":
            tables.add((body["family"], body["name"]))
        else:
            inside.add((body.get("family", ""), body.get("table", ""), body.get("name", "")))
    return tables, inside
