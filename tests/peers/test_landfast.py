from __future__ import annotations

import asyncio

import pytest

from landfast import peers
from landfast.peers import PeerRun, Reason, Role, Stack
from landfast.peers.report import Connected, StateChanged
from tests.peers.scene import SERVER, assert_connected_and_held, assignment, gathered, network, pair, relay

NO_UDP = "table ip t { chain o { type filter hook output priority 0; meta l4proto udp drop; }; }"

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


async def test_it_connects_with_aiortc() -> None:
    async with network() as hosts:
        robot, operator = await pair(hosts, Stack.LANDFAST)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert [run._program.code for run in (robot, operator)] == [0, 0]
        assert "host 198.51.100.10" in gathered(robot)


@pytest.mark.needs("program chromium")
async def test_it_connects_with_a_chromium_that_hides_its_addresses() -> None:
    """The name in its candidate is resolved by nobody: it is learned from its checks."""
    async with network() as hosts:
        robot = await peers.start(Stack.CHROMIUM, hosts["robot"], assignment(Role.ROBOT))
        operator = await peers.start(Stack.LANDFAST, hosts["operator"], assignment(Role.OPERATOR))
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert gathered(robot) == {"host NAME.local"}


async def test_two_of_them_connect() -> None:
    async with network() as hosts:
        robot = await peers.start(Stack.LANDFAST, hosts["robot"], assignment(Role.ROBOT))
        operator = await peers.start(Stack.LANDFAST, hosts["operator"], assignment(Role.OPERATOR))
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)


async def test_it_reaches_a_relay_over_tls_that_it_was_told_to_trust() -> None:
    async with network() as hosts, relay(hosts) as changes:
        robot, operator = await pair(hosts, Stack.LANDFAST, **changes)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert gathered(robot) >= {f"relay {SERVER}"}


async def test_where_udp_is_blocked_it_connects_over_tls() -> None:
    async with network() as hosts, relay(hosts) as changes:
        (await hosts["robot"].run(["nft", NO_UDP])).checked()
        robot, operator = await pair(hosts, Stack.LANDFAST, **changes)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)


async def test_without_a_way_it_ends_at_the_limit() -> None:
    async with network() as hosts:
        (await hosts["robot"].run(["nft", NO_UDP])).checked()
        robot, operator = await pair(hosts, Stack.LANDFAST, limit=0.5)
        outcome = await robot.wait()
        assert outcome.closed
        assert outcome.closed.reason is Reason.NOT_CONNECTED
        await operator.wait()


async def until_connected(run: PeerRun) -> None:
    async for event in run:
        if isinstance(event, Connected):
            return


@pytest.mark.parametrize("other", [Stack.LANDFAST, Stack.AIORTC])
async def test_it_goes_on_when_its_address_is_replaced_without_a_word_of_signalling(other: Stack) -> None:
    async with network() as hosts:
        robot = await peers.start(Stack.LANDFAST, hosts["robot"], assignment(Role.ROBOT, hold=5.0))
        operator = await peers.start(other, hosts["operator"], assignment(Role.OPERATOR, hold=5.0))
        await until_connected(robot)
        for address in ("198.51.100.11/24", "198.51.100.12/24"):
            lines = ["address flush dev eth0", f"address add {address} dev eth0", f"route add default via {SERVER}"]
            (await hosts["robot"].run(["ip", "-batch", "-"], given="\n".join([*lines, ""]))).checked()
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome, hold=5.0)


async def test_an_outage_is_said_and_survived() -> None:
    async with network() as hosts:
        robot = await peers.start(Stack.LANDFAST, hosts["robot"], assignment(Role.ROBOT, hold=10.0))
        operator = await peers.start(Stack.LANDFAST, hosts["operator"], assignment(Role.OPERATOR, hold=10.0))
        await until_connected(robot)
        (await hosts["robot"].run(["nft", NO_UDP])).checked()
        said: list[str] = []
        async for event in robot:
            if isinstance(event, StateChanged) and event.what == "connection":
                said.append(event.state)
                if event.state == "disconnected":
                    (await hosts["robot"].run(["nft", "delete table ip t"])).checked()
        assert said[:4] == ["connecting", "connected", "disconnected", "connected"]
        for run in (robot, operator):
            assert_connected_and_held(await run.wait(), hold=10.0)
