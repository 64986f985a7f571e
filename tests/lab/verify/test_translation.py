from __future__ import annotations

from typing import Any

import pytest

from landfast.lab import topology
from landfast.lab.network import Nat, Router
from landfast.lab.verify import translation
from landfast.lab.verify.measured import NONE, Value
from landfast.lab.verify.points import Hop, hops
from landfast.model.facts import Endpoint, Fact, MappedAddress
from tests.lab.verify.wrong import network

X, X_PORT, Y = ("198.51.100.5", 53), ("198.51.100.5", 443), ("198.51.100.6", 53)


def hop(**nat: Any) -> Hop:
    return hops(topology.plan(network(Router(nat=Nat.model_validate(nat)))))[0]


def seen(*rows: tuple[Endpoint, int, int], address: str = "203.0.113.10") -> list[Fact]:
    """`(server, inner port, outer port)` in order of time."""
    return [
        MappedAddress(at, s, ("192.168.1.10", inner), (address, outer)) for at, (s, inner, outer) in enumerate(rows)
    ]


def observed(of: Hop, facts: list[Fact], refused: str = "") -> dict[str, Value | None]:
    return {row.axis.removeprefix("nat."): row.observed for row in translation.rows(of, facts, refused)}


def test_the_judge_of_the_project_judges() -> None:
    said = observed(hop(), seen((X, 1, 1), (X_PORT, 1, 1), (Y, 1, 1), (X, 1, 1)))
    assert said == {"nat": "yes", "mapping": "endpoint-independent", "filtering": None, "ports": "preserving"}


def test_a_router_that_does_not_translate_has_no_further_axes() -> None:
    facts: list[Fact] = [MappedAddress(0, X, ("192.168.1.10", 1), ("192.168.1.10", 1))]
    assert observed(hop(), facts) == {"nat": NONE}


def test_what_was_not_asked_says_why() -> None:
    rows = translation.rows(hop(), [], "its budget does not allow to ask for mapping")
    assert {row.observed for row in rows} == {None}
    assert {row.how for row in rows} == {"its budget does not allow to ask for mapping"}


@pytest.mark.parametrize(
    ("outer", "ports", "block"),
    [
        ([2000 + n for n in range(9)], "block", "2000-2063"),
        ([3000 + n for n in range(9)], "block", "3000-3008"),
        ([1100 + 7000 * n for n in range(9)], "random", "1100-57100"),
        ([1100, 60000], None, None),  # two ports tell nothing
        ([n + 1 for n in range(9)], "preserving", NONE),
    ],
)
def test_port_allocation_is_told_from_many_ports(outer: list[int], ports: str | None, block: str | None) -> None:
    facts = seen(*((X, n + 1, port) for n, port in enumerate(outer)))
    said = observed(hop(ports="block", block=[2000, 2063]), facts)
    assert (said["ports"], said["block"]) == (ports, block)


@pytest.mark.parametrize(
    ("nat", "addresses", "held", "pool"),
    [
        ({"pool": 1}, ["203.0.113.10"], ["203.0.113.10"], 1),
        (
            {"pool": 2},
            ["203.0.113.10"],
            ["203.0.113.10", "203.0.113.11"],
            2,
        ),  # one subscriber uses one of a paired pool
        ({"pool": 1}, ["203.0.113.10", "203.0.113.11"], ["203.0.113.10"], 2),
        ({"pool": 1}, [], ["203.0.113.10"], None),
    ],
)
def test_as_many_addresses_are_in_use_as_are_held_if_enough_are_seen(
    nat: dict[str, int], addresses: list[str], held: list[str], pool: int | None
) -> None:
    facts = [fact for address in addresses for fact in seen((X, 1, 1), address=address)]
    (row,) = translation.external(hop(**nat), facts, addresses[:1], held)
    assert row.observed == pool


def test_an_arbitrary_pool_shows_more_than_one_address_to_one_subscriber() -> None:
    of = hop(mapping="address-and-port-dependent", ports="random", pool=4, pooling="arbitrary")
    held = [f"203.0.113.{n}" for n in range(10, 14)]
    (row,) = translation.external(of, seen((X, 1, 9)), ["203.0.113.10"], held)
    assert row.observed == 1
    facts = seen((X, 1, 9)) + seen((X, 2, 8), address="203.0.113.12")
    (row,) = translation.external(of, facts, ["203.0.113.10"], held)
    assert row.observed == 4
