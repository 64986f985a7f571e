from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, topology
from landfast.lab.network import Gateway, Nat, Network, Router
from landfast.lab.verify import passage
from landfast.lab.verify.asking import Asker
from landfast.lab.verify.measured import NONE, Row, Value
from landfast.lab.verify.points import Hop
from landfast.lab.verify.stage import Stage
from tests.lab.verify import wrong

pytestmark = [pytest.mark.anyio, pytest.mark.lab]
DECLARED = wrong.network(Router(ipv6="on"))


@asynccontextmanager
async def asking(built: Network) -> AsyncIterator[tuple[Stage, Hop, Asker]]:
    """Whoever believes in DECLARED, behind the router that stands."""
    async with Sandbox() as sandbox:
        hosts, _ = await build.build(sandbox, topology.plan(built))
        async with Stage(topology.plan(DECLARED), hosts.__getitem__, topology.plan(built)) as stage:
            (hop,) = stage.hops
            assert hop.inside
            yield stage, hop, stage.askers[hop.inside]


async def observed(question: Callable[[Hop, Asker], Awaitable[list[Row]]], **router: Any) -> dict[str, Value | None]:
    async with asking(wrong.network(Router(**{"ipv6": "on", **router}))) as (_, hop, asker):
        return {row.axis: row.observed for row in await question(hop, asker)}


@pytest.mark.parametrize("udp", ["open", "blocked", "rejected"])
async def test_udp_that_is_refused_is_told_from_udp_that_vanishes(udp: str) -> None:
    assert await observed(passage.udp, udp=udp) == {"udp": udp}


@pytest.mark.parametrize("ipv6", ["on", "one-way", "off"])
async def test_the_directions_of_ipv6_are_told_apart(ipv6: str) -> None:
    assert await observed(passage.ipv6, ipv6=ipv6) == {"ipv6": ipv6}


@pytest.mark.parametrize("mtu", [1280, 1333, 1499])
@pytest.mark.parametrize("signalled", [True, False])
async def test_the_longest_packet_is_found_to_the_byte(mtu: int, signalled: bool) -> None:
    assert await observed(passage.mtu, mtu=mtu, mtu_signalled=signalled) == {"mtu": mtu, "mtu_signalled": signalled}


async def test_where_every_packet_passes_there_is_nothing_to_signal() -> None:
    assert await observed(passage.mtu) == {"mtu": 1500}


@pytest.mark.parametrize(
    ("router", "seen"),
    [
        ({}, {"gateway": NONE, "reverse_path_filter": False, "nat.translates": "all"}),
        ({"nat": Nat(translates="lan")}, {"gateway": NONE, "reverse_path_filter": False, "nat.translates": "lan"}),
        ({"reverse_path_filter": True}, {"gateway": NONE, "reverse_path_filter": True, "nat.translates": None}),
        ({"gateway": Gateway()}, {"gateway": "yes", "reverse_path_filter": None, "nat.translates": None}),
    ],
)
async def test_the_fates_of_a_foreign_source_are_told_apart(
    router: dict[str, Any], seen: dict[str, Value | None]
) -> None:
    async with asking(wrong.network(Router(**router))) as (stage, hop, asker):
        rows = await passage.foreign(hop, asker, stage.watches["internet"], stage.host("home"))
    assert {row.axis: row.observed for row in rows} == seen


@pytest.mark.parametrize("nat", [Nat(), None])
@pytest.mark.parametrize("policy", ["drop", "accept"])
async def test_what_nobody_asked_for_is_let_in_or_not(nat: Nat | None, policy: Any) -> None:
    async with asking(wrong.network(Router(nat=nat, input=policy))) as (stage, hop, asker):
        rows = await passage.unasked(hop, asker, stage.host("server"))
    assert [row.observed for row in rows] == [policy]


async def test_where_nothing_passes_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfast.lab.verify.asking.PATIENCE", 0.05)
    async with asking(wrong.network()) as (stage, hop, asker):
        dead = "table ip t { chain c { type filter hook forward priority -20; drop; }\n}\n"
        (await stage.host("home").run(["nft", "-f", "-"], given=dead)).checked()
        assert [row.observed for row in await passage.udp(hop, asker)] == [None]
        assert await passage.foreign(hop, asker, stage.watches["internet"], stage.host("home")) == []
        assert [row.observed for row in await passage.unasked(hop, asker, stage.host("server"))] == [None]
        assert [row.observed for row in await passage.mtu(hop, asker)] == [None]
