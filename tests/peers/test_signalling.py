from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import pytest

from landfast.errors import RequestError
from landfast.peers.signalling import SignallingClient
from tests.signalling import LOCALHOST, serving

pytestmark = pytest.mark.anyio


class Cuttable:
    """A TCP proxy whose connections can be cut, or frozen without a word."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self.frozen = asyncio.Event()
        self.count = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        far_reader, far_writer = await asyncio.open_connection(LOCALHOST, self._to)
        self._writers += [writer, far_writer]
        frozen = self.frozen
        await asyncio.gather(self._pump(reader, far_writer, frozen), self._pump(far_reader, writer, frozen))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frozen: asyncio.Event) -> None:
        with closing(writer):
            try:
                while data := await reader.read(1 << 16):
                    if not frozen.is_set():
                        writer.write(data)
            except ConnectionError:
                pass

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def freeze(self) -> None:
        """All present connections take what is written to them and pass nothing on; later ones are whole."""
        self.frozen.set()
        self.frozen = asyncio.Event()


@asynccontextmanager
async def cuttable(server: str) -> AsyncIterator[tuple[str, Cuttable]]:
    proxy = Cuttable(int(server.rpartition(":")[2]))
    async with await asyncio.start_server(proxy, LOCALHOST, 0) as listening:
        yield f"ws://{LOCALHOST}:{listening.sockets[0].getsockname()[1]}", proxy
        proxy.cut()


@asynccontextmanager
async def pair(
    server: str, room: str = "r", *, token: str = "", robot: str = ""
) -> AsyncIterator[tuple[SignallingClient, SignallingClient]]:
    """Robot and operator; the robot's way to the server may be another."""
    async with (
        SignallingClient(robot or server, room, "robot", token=token) as one,
        SignallingClient(server, room, "operator", token=token) as other,
    ):
        yield one, other


async def test_two_peers_hear_each_other_in_order() -> None:
    async with serving() as server, pair(server) as (robot, operator):
        for number in range(3):
            robot.send({"offer": number})
        assert [await operator.receive() for _ in range(3)] == [{"offer": n} for n in range(3)]
        operator.send("answer")
        assert await robot.receive() == "answer"


async def test_the_one_that_comes_later_hears_what_was_said_before() -> None:
    async with serving() as server:
        async with SignallingClient(server, "r", "robot") as robot:
            robot.send("early")
        async with SignallingClient(server, "r", "operator") as operator:
            assert await operator.receive() == "early"


async def test_rooms_are_apart() -> None:
    async with serving() as server, pair(server, "one") as (robot, operator), pair(server, "two") as (other, stranger):
        robot.send("for one")
        assert await operator.receive() == "for one"
        other.send("for two")
        assert await stranger.receive() == "for two"


@pytest.mark.parametrize("how", [Cuttable.cut, Cuttable.freeze])
async def test_a_conversation_survives_its_connection(how: Callable[[Cuttable], None]) -> None:
    """Cut: reset, as after a new public address. Frozen: packets vanish, as in an outage; only silence tells."""
    async with (
        serving() as server,
        cuttable(server) as (through, proxy),
        pair(server, robot=through) as (robot, operator),
    ):
        robot.send(1)
        assert await operator.receive() == 1
        how(proxy)
        robot.send(2)
        operator.send("a")
        assert await operator.receive() == 2
        assert await robot.receive() == "a"
        assert proxy.count == 2


async def expect_refusal(client: SignallingClient, match: str) -> None:
    async with client:
        with pytest.raises(RequestError, match=match):
            await client.receive()


async def test_who_does_not_know_the_token_is_refused() -> None:
    async with serving("s3cret") as server:
        for token in ("", "wrong"):
            await expect_refusal(SignallingClient(server, "r", "robot", token=token), "401 a wrong token")
        async with pair(server, token="s3cret") as (robot, operator):
            robot.send("in")
            assert await operator.receive() == "in"


async def test_a_taken_seat_and_a_third_peer_are_refused() -> None:
    async with serving() as server, pair(server) as (robot, operator):
        robot.send("here")
        await operator.receive()
        await expect_refusal(SignallingClient(server, "r", "robot"), "409 the seat is taken")
        await expect_refusal(SignallingClient(server, "r", "third"), "409 the room is full")


async def test_a_room_is_free_again_when_both_have_left() -> None:
    async with serving() as server:
        for _ in range(2):
            async with pair(server) as (robot, operator):
                robot.send("new")
                assert await operator.receive() == "new"
