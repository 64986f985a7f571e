from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.probes.asking import Socket
from landfast.probes.lifetime import later
from landfast.probes.lifetime.later import Companions, Later
from landfast.servers.reflector import Settings, serve
from landfast.servers.reflector.serve import Reflector

pytestmark = pytest.mark.anyio

ROUND_TRIP = 0.001
NOBODY = ("192.0.2.1", 9)


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[Reflector, Socket, Socket, Endpoint]]:
    """A reflector, a socket that asks and one beside it."""
    settings = Settings((f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.7",))
    async with serve(settings) as server:
        with (
            closing(await Socket.open(Host.here(), address="127.0.0.1")) as one,
            closing(await Socket.open(Host.here(), address="127.0.0.1")) as other,
        ):
            yield server, one, other, settings.endpoints[0]


async def test_all_copies_are_answered_when_the_silence_is_over_and_not_before() -> None:
    async with asking() as (server, robot, beside, at):
        began = clock.monotonic()
        asked = await later.ask(robot, at, 0.2, ROUND_TRIP)
        answer, works = await later.outcome(robot, asked, Companions(beside, at, ROUND_TRIP))
        assert answer
        assert works
        assert asked.dues[0] >= began + (later.COPIES - 1) * later.APART + 0.2 - ROUND_TRIP / 2
        assert answer.at >= asked.dues[0] - 0.001  # what a request says is whole milliseconds
        assert server.memory.told(asked.mark, clock.monotonic()).count == later.COPIES


async def test_an_answer_that_does_not_come_is_told_when_those_beside_it_have_come() -> None:
    async with asking() as (_, robot, beside, at):
        due = clock.monotonic() + 0.1
        never = Later(bytes(12), clock.monotonic(), (due, due + 0.01))
        companions = Companions(beside, at, ROUND_TRIP)
        assert await later.outcome(robot, never, companions) == (None, True)
        assert clock.monotonic() < due + 0.5


async def test_where_nothing_comes_the_path_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "_PATIENCE", 0.05)
    async with asking() as (_, robot, beside, _):
        due = clock.monotonic()
        never = Later(bytes(12), due, (due,))
        assert await later.outcome(robot, never, Companions(beside, NOBODY, ROUND_TRIP)) == (None, False)


async def test_companions_count_what_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "_PATIENCE", 0.05)
    async with asking() as (server, one, other, at):
        companions = Companions(one, at, ROUND_TRIP)
        companions.sockets.append(other)
        due = clock.monotonic() + 0.02
        assert await companions.beside((due, due + 0.01, due + 0.02))
        begin = server.waiting.begin
        lost = iter([False, True])
        monkeypatch.setattr(server.waiting, "begin", lambda address: next(lost) and begin(address))
        due = clock.monotonic() + 0.3
        assert await companions.beside((due,))
        counted = Later(bytes(12), due, (clock.monotonic() + 0.1,))  # by then both are
        await later.outcome(one, counted, Companions(other, NOBODY, ROUND_TRIP))
        assert (companions.sent, companions.arrived) == (5, 4)
