from __future__ import annotations

import asyncio

import pytest

from landfast import peers
from landfast.peers import Interfaces, Reason, Role, Stack
from landfast.peers.report import Connected
from tests.peers.scene import SERVER, URL, assert_connected_and_held, assignment, gathered, network, pair, relay

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


async def test_two_peers_connect_hold_and_end_by_themselves() -> None:
    async with network() as hosts:
        robot, operator = await pair(hosts, Stack.AIORTC)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert [run._program.code for run in (robot, operator)] == [0, 0]
        assert gathered(robot) == {"host 198.51.100.10", "host 10.42.0.1"}


async def test_default_route_gathers_from_its_address_only() -> None:
    async with network() as hosts:
        robot, operator = await pair(hosts, Stack.AIORTC, interfaces=Interfaces.DEFAULT_ROUTE)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert gathered(robot) == {"host 198.51.100.10"}


async def test_it_reaches_a_relay_over_tls_that_it_was_told_to_trust() -> None:
    async with network() as hosts, relay(hosts) as changes:
        robot, operator = await pair(hosts, Stack.AIORTC, **changes)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert gathered(robot) >= {f"relay {SERVER}"}


async def test_without_a_way_it_ends_at_the_limit_and_tells_the_other() -> None:
    async with network() as hosts:
        no_udp = "table ip t { chain o { type filter hook output priority 0; meta l4proto udp drop; }; }"
        (await hosts["robot"].run(["nft", no_udp])).checked()
        robot, operator = await pair(hosts, Stack.AIORTC, limit=0.5)
        outcome = await robot.wait()
        assert outcome.closed
        assert outcome.closed.reason is Reason.NOT_CONNECTED
        assert outcome.began
        assert outcome.closed.at >= outcome.began + 0.5
        other = await operator.wait()
        assert other.closed
        assert other.closed.reason is Reason.PEER_LEFT
        assert [run._program.code for run in (robot, operator)] == [1, 1]


async def test_a_wrong_token_breaks_it() -> None:
    async with network(token="s3cret") as hosts:
        robot = await peers.start(Stack.AIORTC, hosts["robot"], assignment(Role.ROBOT, token="wrong"))
        outcome = await robot.wait()
        assert outcome.closed
        assert outcome.closed.reason is Reason.BROKEN
        assert outcome.closed.detail == f"{URL}: 401 a wrong token"


async def test_stopping_ends_it_cleanly_at_any_time() -> None:
    async with network() as hosts:
        robot, operator = await pair(hosts, Stack.AIORTC, hold=60.0)
        async for event in robot:
            if isinstance(event, Connected):
                break
        outcome = await robot.stop()
        assert outcome.closed
        assert outcome.closed.reason is Reason.STOPPED
        assert robot._program.code == 1
        await operator.stop()
