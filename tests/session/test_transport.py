from __future__ import annotations

import asyncio
from collections import deque
from ipaddress import ip_address
from typing import Any, cast

import pytest

from landfast import clock
from landfast.kernel.netevents import FakeNetEvents
from landfast.model.address import InterfaceAddress
from landfast.model.routing import Surroundings
from landfast.session import surroundings
from landfast.session.ice.agent import Agent
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Command, Event, GatheringDone, Received, Resolve
from landfast.session.ice.machine import State
from landfast.session.ice.settings import Settings
from landfast.session.surroundings import Watch
from landfast.session.transport import INBOX, Transport
from tests.session.loopback import Peer, connected, introduce

pytestmark = pytest.mark.anyio


class Script:
    """An agent that says what it is told to say, and writes down what it hears."""

    def __init__(self) -> None:
        self.out: deque[Command | Event] = deque()
        self.deadline: float | None = None
        self.heard: list[tuple[Any, ...]] = []
        self.local = Credentials("abcd", "x" * 22)
        self.state = State.NEW
        self.timer = asyncio.Event()

    def poll(self) -> Command | Event | None:
        return self.out.popleft() if self.out else None

    def handle_timer(self, now: float) -> None:
        self.heard.append(("timer", self.deadline is not None and now >= self.deadline))
        self.deadline = None
        self.timer.set()

    def gather(self, now: float) -> None:
        self.out.append(GatheringDone("abcd"))

    def set_addresses(self, addresses: object, now: float) -> None:
        self.heard.append(("addresses", addresses))

    def resolved(self, name: str, addresses: object, now: float) -> None:
        self.heard.append(("resolved", name, addresses))
        self.timer.set()

    def close(self, now: float) -> None:
        self.heard.append(("close",))


class Watched(Watch):
    """On a world that can be told to change."""

    async def _open(self) -> FakeNetEvents:
        self.world = FakeNetEvents(Surroundings((InterfaceAddress("w", ip_address("10.0.0.2"), 24),)), self._tell)
        return self.world


def scripted(script: Script) -> Transport:
    return Transport(cast("Agent", script), policy="all")


async def within(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


async def test_two_connect_and_what_one_sends_the_other_receives() -> None:
    async with connected() as (one, other):
        assert one.transport.send(b"\x80there")
        assert await other.transport.recv() == b"\x80there"
        assert other.transport.send(b"\x80back")
        assert await one.transport.recv() == b"\x80back"


async def test_a_restart_goes_on_with_new_credentials_and_loses_nothing() -> None:
    async with connected() as (one, other):
        before = one.transport.agent.local
        one.transport.restart(controlling=True)
        other.transport.restart(controlling=False)
        assert one.transport.send(b"\x80meanwhile")
        assert await other.transport.recv() == b"\x80meanwhile"
        await introduce(one, other)
        await one.until(lambda: one.transport.agent.stats(0).moves > 2)
        assert one.transport.agent.local != before
        assert one.transport.send(b"\x80after")
        assert await other.transport.recv() == b"\x80after"


async def test_a_path_whose_sockets_are_closed_under_it_is_replaced() -> None:
    """What a driver that is reloaded does to a process: its sockets fail, the address comes back."""
    async with connected() as (one, other):
        (number,) = one.transport._sockets._open
        one.transport._lost(number, "gone")
        one.transport._network_changed()
        await one.until(lambda: number not in one.transport._sockets._open)
        received = asyncio.create_task(other.transport.recv())
        async with asyncio.timeout(10):
            while not received.done():
                one.transport.send(b"\x80again")
                await asyncio.wait([received], timeout=0.02)
        assert received.result() == b"\x80again"


async def test_the_timer_comes_at_the_deadline_and_not_before() -> None:
    script = Script()
    moving = scripted(script)
    script.deadline = clock.monotonic() + 0.02
    moving._turn()
    await within(script.timer)
    assert script.heard == [("timer", True)]


async def test_a_deadline_that_comes_nearer_is_kept() -> None:
    script = Script()
    moving = scripted(script)
    script.deadline = clock.monotonic() + 60
    moving._turn()
    script.deadline = clock.monotonic()
    moving._turn()
    await within(script.timer)
    assert script.heard == [("timer", True)]
    moving.close()


async def test_a_change_of_the_network_is_a_change_of_addresses() -> None:
    script, watch = Script(), Watched()
    moving = scripted(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surroundings, "watch", lambda: watch)
        await moving.gather()
    watch.world.become(Surroundings())
    assert [[each.address for each in heard[1]] for heard in script.heard] == [["10.0.0.2"], []]
    moving.close()
    assert watch.world.closed


async def test_who_gathers_twice_at_once_gathers_on_every_address() -> None:
    one = Peer(controlling=True)

    async def found() -> int:
        await one.transport.gather()
        return len(one.transport.agent.local_candidates)

    async with asyncio.timeout(5):
        assert list(await asyncio.gather(found(), found())) == [1, 1]
    one.transport.close()


async def test_names_are_resolved_and_a_name_that_is_none_resolves_to_nothing() -> None:
    script = Script()
    moving = scripted(script)
    script.out.append(Resolve("localhost"))
    moving._turn()
    await within(script.timer)
    ((_, name, addresses),) = script.heard
    assert name == "localhost"
    assert {"127.0.0.1", "::1"} & set(addresses)
    script.heard.clear()
    script.timer.clear()
    script.out.append(Resolve("a" * 70 + ".example"))  # a label has at most 63 letters
    moving._turn()
    await within(script.timer)
    assert script.heard == [("resolved", "a" * 70 + ".example", [])]


async def test_who_does_not_read_makes_nothing_grow() -> None:
    script = Script()
    moving = scripted(script)
    script.out.extend(Received(b"%d" % number) for number in range(INBOX + 9))
    moving._turn()
    assert len(moving._inbox) == INBOX
    assert await moving.recv() == b"0"


async def test_a_reader_that_gave_up_loses_nothing() -> None:
    script = Script()
    moving = scripted(script)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(moving.recv(), 0.01)
    script.out.append(Received(b"late"))
    moving._turn()
    assert await moving.recv() == b"late"


async def test_close_wakes_who_waits_and_is_the_end() -> None:
    one = Peer(controlling=True)
    reading = asyncio.ensure_future(one.transport.recv())
    await one.transport.gather()
    one.transport.close()
    one.transport.close()
    with pytest.raises(ConnectionError):
        await reading
    with pytest.raises(ConnectionError):
        one.transport.send(b"\x80")
    assert one.transport.closed
    assert not one.transport._sockets._open


async def test_close_while_it_gathers_returns_and_ends_the_gathering() -> None:
    moving = Transport(Agent(Settings(), controlling=True), policy="loopback")
    gathering = asyncio.ensure_future(moving.gather())
    moving.close()
    async with asyncio.timeout(5):
        await gathering
    assert not moving._sockets._open


async def test_without_a_pair_data_is_dropped_in_silence() -> None:
    one = Peer(controlling=True)
    await one.transport.gather()
    assert one.transport.send(b"\x80") is False
    assert not one.transport.may_send
    one.transport.close()


async def test_a_listener_that_raises_is_reported_and_stops_nothing() -> None:
    script = Script()
    moving = scripted(script)
    told: list[str] = []
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: reported.append(said["exception"]))

    def tell(event: Event) -> None:
        assert isinstance(event, GatheringDone)
        told.append(event.ufrag)
        if event.ufrag == "first":
            raise LookupError

    moving.tell = tell
    script.out += [GatheringDone("first"), GatheringDone("second")]
    moving._turn()
    assert told == ["first", "second"]
    assert [type(each) for each in reported] == [LookupError]


async def test_what_a_listener_does_while_it_is_told_happens_in_the_same_turn() -> None:
    script = Script()
    moving = scripted(script)
    told: list[str] = []

    def tell(event: Event) -> None:
        assert isinstance(event, GatheringDone)
        told.append(event.ufrag)
        if event.ufrag == "first":
            script.out.append(GatheringDone("second"))
            moving._turn()

    moving.tell = tell
    script.out += [GatheringDone("first"), GatheringDone("third")]
    moving._turn()
    assert told == ["first", "third", "second"]
