from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, network, parse, topology
from landfast.lab.network import Bridge, Budget, Link, Nat, Network, Ports, Router
from landfast.lab.verify import measure
from landfast.model.nat import Filtering
from landfast.model.nat import Mapping as NatMapping
from tests.lab.verify import wrong
from tests.lab.verify.wrong import Wrong

pytestmark = [pytest.mark.anyio, pytest.mark.lab, pytest.mark.beside]


@asynccontextmanager
async def standing(built: Network) -> AsyncIterator[Mapping[str, Host]]:
    async with Sandbox() as sandbox:
        yield (await build.build(sandbox, topology.plan(built)))[0]


@pytest.mark.parametrize("name", parse.profiles())
async def test_every_profile_is_as_declared(name: str) -> None:
    declared = parse.profile(name)
    async with standing(declared) as hosts:
        measured = await measure(topology.plan(declared), hosts.__getitem__)
    assert measured.differences == ()
    seen = {row.axis for row in measured.rows if row.observed is not None}
    if declared.routers and name != "udp-blocked":  # where only DNS's port is open one address of the server is enough
        assert {"nat.mapping", "nat.filtering", "nat.ports", "nat.pool", "udp", "mtu", "input", "ipv6"} <= seen


def ways() -> list[Any]:
    """Each axis one way; the way back is left to the proof."""
    found, there = [], list[tuple[Network, Network]]()
    for case in wrong.QUICK:
        marks = pytest.mark.proof if (case.built, case.declared) in there else ()
        there.append((case.declared, case.built))
        found.append(pytest.param(case, marks=marks, id=str(case)))
    return found


@pytest.mark.parametrize("case", ways())
async def test_one_axis_built_otherwise_is_caught_and_named(case: Wrong) -> None:
    declared, built = topology.plan(case.declared), topology.plan(case.built)
    async with standing(case.built) as hosts:
        measured = await measure(declared, hosts.__getitem__, built)
    assert (case.place, case.seen) in {(row.place, row.axis) for row in measured.differences}


def nats() -> list[Any]:
    """Every combination of mapping, filtering and port allocation that a declaration may have.

    With all that may come to it they take a minute: every time each alone, and each addition with each mapping.
    """
    found = []
    for mapping, filtering, ports in product(NatMapping, Filtering, Ports):
        block = (2000, 2199) if ports is Ports.BLOCK else None
        for more in ({}, {"pool": 4}, {"pool": 4, "pooling": "arbitrary"}, {"refresh": "outbound"}, {"hairpin": True}):
            said = {"mapping": mapping, "filtering": filtering, "ports": ports, "block": block, **more}
            try:
                nat = Nat.model_validate(said)
            except ValidationError:
                continue
            extra = " ".join(f"{key}={value}" for key, value in more.items())
            every_time = not more or (filtering, ports) == (Filtering.ADDRESS_DEPENDENT, Ports.RANDOM)
            marks = () if every_time else pytest.mark.proof
            found.append(pytest.param(nat, marks=marks, id=f"{mapping}/{filtering}/{ports} {extra}".strip()))
    return found


def test_all_nine_kinds_of_nat_may_be_declared() -> None:
    assert len({(nat.mapping, nat.filtering) for (nat,) in (each.values for each in nats())}) == 9


@pytest.mark.parametrize("nat", nats())
async def test_every_nat_that_may_be_declared_is_built_and_told(nat: Nat) -> None:
    declared = wrong.network(Router(nat=nat))
    async with standing(declared) as hosts:
        measured = await measure(topology.plan(declared), hosts.__getitem__)
    assert measured.differences == ()
    for axis in ("mapping", "filtering", "ports", "hairpin", "pool"):
        assert measured.observed("home", f"nat.{axis}") is not None


LONG = {
    "delayed": wrong.network(Router(link=Link(delay_ms=60, jitter_ms=10))),
    "lossy": wrong.network(Router(link=Link(loss=0.1))),
    "reordering": wrong.network(Router(link=Link(delay_ms=20, reorder=0.2))),
    "slow": wrong.network(Router(link=Link(rate_kbit=1000))),
    "three routers": wrong.network(
        Router(nat=Nat.model_validate(wrong.SYMMETRIC)),
        middle=Router(via="home", nat=Nat.model_validate({**wrong.SYMMETRIC, "filtering": "endpoint-independent"})),
        inner=Router(via="middle", ipv6="on"),
    ).but(
        hosts={
            "robot": {"interfaces": {"eth0": {"via": "inner"}}},
            "operator": {"interfaces": {"eth0": {"via": "home"}}},
        }
    ),
    "two ways": wrong.network(
        robot=network.Host.model_validate(
            {"interfaces": {"wlan0": {"via": "home"}, "lte0": {"via": "office"}}, "routing": "strong"}
        ),
        office=Router(),
    ),
    "one session": wrong.network(Router(budget=Budget(limit=1))),
    "five mappings": wrong.network(Router(budget=Budget(of="mappings", limit=5))),
    "a budget behind a router": wrong.network(
        Router(nat=Nat(pool=3)), middle=Router(via="home", budget=Budget(limit=40))
    ).but(
        hosts={
            "robot": {"interfaces": {"eth0": {"via": "middle"}}},
            "operator": {"interfaces": {"eth0": {"via": "home"}}},
        }
    ),
}


@pytest.mark.parametrize("name", LONG)
async def test_what_is_far_slow_lossy_or_scarce_is_not_taken_for_a_difference(name: str) -> None:
    async with standing(LONG[name]) as hosts:
        measured = await measure(topology.plan(LONG[name]), hosts.__getitem__)
    assert measured.differences == ()


async def test_a_budget_that_is_too_small_leaves_things_unknown_and_says_why() -> None:
    declared = LONG["one session"]
    async with standing(declared) as hosts:
        measured = await measure(topology.plan(declared), hosts.__getitem__)
    row = next(row for row in measured.rows if row.axis == "nat.mapping")
    assert row.observed is None
    assert "budget" in row.how


STATE = [
    "nft list ruleset",
    "conntrack -L -p udp",
    "conntrack -L -p udp -f ipv6",
    "iptables-save -c -t nat",
    "ip -o -4 address",
    "ip rule",
]


async def state(hosts: Mapping[str, Host]) -> dict[tuple[str, str], str]:
    """What rules, tracked flows, counters, addresses and sockets each place has."""
    found = {}
    for name, host in hosts.items():
        for command in [*STATE, "cat /proc/net/udp /proc/net/udp6 /proc/net/packet /proc/net/raw"]:
            said = (await host.run(command.split())).checked().stdout
            found[name, command] = "\n".join(line for line in said.splitlines() if not line.startswith("#"))
    return found


EVERYTHING = wrong.network(
    Router(ipv6="on", mtu=1400, gateway=network.Gateway(), budget=Budget(limit=30), nat=Nat(pool=3)),
    robot=network.Host.model_validate(
        {
            "interfaces": {"wlan0": {"via": "inner"}, "eth1": {"address": "10.42.0.1/24"}},
            "bridges": {"docker0": Bridge()},
        }
    ),
    inner=Router.model_validate(
        {"via": "home", "nat": {"filtering": "address-dependent", "hairpin": True, "refresh": "outbound"}}
    ),
)


@pytest.mark.parametrize("declared", [EVERYTHING, parse.profile("mifi")], ids=["everything", "mifi"])
async def test_verification_leaves_no_trace(declared: Network) -> None:
    async with standing(declared) as hosts:
        before = await state(hosts)
        measured = await measure(topology.plan(declared), hosts.__getitem__)
        assert measured.ok
        assert await state(hosts) == before
        assert (await measure(topology.plan(declared), hosts.__getitem__)).rows == measured.rows
