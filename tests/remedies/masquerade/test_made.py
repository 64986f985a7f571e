from __future__ import annotations

from typing import Any

from landfast.remedies.masquerade.made import missing, unused


def table(family: str, name: str) -> dict[str, Any]:
    return {"table": {"family": family, "name": name}}


def chain(family: str, inside: str, name: str) -> dict[str, Any]:
    return {"chain": {"family": family, "table": inside, "name": name}}


def test_what_iptables_would_have_to_make() -> None:
    listing = [
        table("ip", "nat"),
        chain("ip", "nat", "POSTROUTING"),
        table("ip", "mangle"),
        chain("ip", "mangle", "INPUT"),
    ]
    found = missing(listing)
    assert (4, "translate") not in found
    assert found[4, "leave"] == "chain"
    assert found[4, "output"] == found[6, "translate"] == "table"


def test_only_tables_that_hold_nothing_are_unused() -> None:
    listing = [
        table("ip", "nat"),
        table("ip", "mangle"),
        {"set": {"family": "ip", "table": "mangle", "name": "theirs"}},
        table("ip6", "nat"),
        chain("ip6", "nat", "DOCKER"),
        table("ip", "theirs"),
    ]
    everywhere = [(family, place) for family in (4, 6) for place in ("translate", "leave", "output")]
    assert unused(listing, everywhere) == (table("ip", "nat"),)  # type: ignore[arg-type]
    assert unused(listing, []) == ()
