from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host, LocalHost
from landfast.kernel.netevents import FakeNetEvents, NetEvents, Source, parse
from landfast.kernel.sandbox import Sandbox
from landfast.model.address import InterfaceAddress
from landfast.model.routing import Surroundings, Way

BEFORE = Surroundings((InterfaceAddress("wlan0", ip_address("10.0.0.2"), 24),))
AFTER = Surroundings(
    (InterfaceAddress("wlan0", ip_address("10.0.0.3"), 24),), ((4, Way("wlan0", ip_address("10.0.0.3"))),)
)
Move = Callable[[], Awaitable[None]]
Place = Callable[[Callable[[], None]], AbstractAsyncContextManager[tuple[Source, Move]]]


async def ip(host: Host, *lines: str) -> None:
    (await host.run(["ip", "-batch", "-"], given="".join(f"{line}\n" for line in lines))).checked()


async def with_wlan(sandbox: Sandbox) -> Host:
    robot = await sandbox.host("robot")
    await ip(robot, "link add wlan0 type veth peer name air", "link set air addrgenmode none")
    await ip(robot, "link set wlan0 addrgenmode none", "address add 10.0.0.2/24 dev wlan0")
    await ip(robot, "link set air up", "link set wlan0 up")
    return robot


@asynccontextmanager
async def real(changed: Callable[[], None]) -> AsyncIterator[tuple[Source, Move]]:
    async with Sandbox() as sandbox:
        robot = await with_wlan(sandbox)
        events = await NetEvents.open(robot, changed)

        async def move() -> None:
            await ip(robot, "address del 10.0.0.2/24 dev wlan0", "address add 10.0.0.3/24 dev wlan0")
            await ip(robot, "route add default via 10.0.0.1")

        yield events, move
        events.close()


@asynccontextmanager
async def fake(changed: Callable[[], None]) -> AsyncIterator[tuple[Source, Move]]:
    events = FakeNetEvents(BEFORE, changed)

    async def move() -> None:
        events.become(AFTER)

    yield events, move


@pytest.mark.anyio
@pytest.mark.parametrize("place", [fake, pytest.param(real, marks=pytest.mark.lab)])
async def test_what_changed_is_told_and_seen(place: Place) -> None:
    told = asyncio.Event()
    async with place(told.set) as (events, move):
        assert events.look() == BEFORE
        assert not told.is_set()
        await move()
        async with asyncio.timeout(5):
            await told.wait()
            while events.look() != AFTER:
                told.clear()
                await told.wait()
        assert events.look().out[4] == Way("wlan0", ip_address("10.0.0.3"))


class Looking(NetEvents):
    looks: asyncio.Event | None = None

    def look(self) -> Surroundings:
        if self.looks:
            self.looks.set()
        return super().look()


@pytest.mark.anyio
@pytest.mark.lab
async def test_an_event_that_changes_nothing_here_is_not_told() -> None:
    """The route to one network is none of ours; the address after it shows that the route had been heard."""
    told: list[Surroundings] = []
    done = asyncio.Event()
    async with Sandbox() as sandbox:
        robot = await with_wlan(sandbox)

        def changed() -> None:
            told.append(events.look())
            done.set()

        events = await Looking.open(robot, changed)
        looks = events.looks = asyncio.Event()
        await ip(robot, "route add 203.0.113.0/24 dev wlan0")
        async with asyncio.timeout(5):
            await looks.wait()
        await ip(robot, "address add 10.0.0.9/24 dev wlan0")
        async with asyncio.timeout(5):
            await done.wait()
        events.close()
    assert [len(each.addresses) for each in told] == [2]


@pytest.mark.anyio
@pytest.mark.lab
async def test_an_address_that_may_not_be_bound_yet_is_not_seen() -> None:
    """Duplicate address detection takes a second, and a socket bound meanwhile is refused."""
    async with Sandbox() as sandbox:
        robot = await with_wlan(sandbox)
        events = await NetEvents.open(robot, lambda: None)
        await ip(robot, "address add fd00::7/64 dev wlan0", "address add fd00::8/64 dev wlan0 nodad")
        found = {each.address for each in events.look().addresses}
        assert found == {ip_address("10.0.0.2"), ip_address("fd00::8")}
        events.close()


class Confined(LocalHost):
    async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")


@pytest.mark.anyio
async def test_where_netlink_is_not_allowed_it_says_so() -> None:
    with pytest.raises(CapabilityMissing, match="network events"):
        await NetEvents.open(Confined(), lambda: None)


@pytest.mark.anyio
async def test_closing_twice_is_closing() -> None:
    events = await NetEvents.open(Host.here(), lambda: None)
    events.close()
    events.close()


@given(st.binary(max_size=200))
def test_nothing_that_a_kernel_says_raises(data: bytes) -> None:
    list(parse(data))


@given(st.sampled_from([16, 20, 24]), st.binary(max_size=120))
def test_a_message_with_any_body_is_read_or_passed_over(kind: int, body: bytes) -> None:
    message = struct.pack("=IHHII", 16 + len(body), kind, 0, 7, 0) + body
    said = list(parse(message + bytes(-len(message) % 4) + struct.pack("=IHHII", 16, 3, 0, 8, 0)))
    assert said[-1] == (8, None)
    assert all(number == 7 for number, _ in said[:-1])
