from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import pytest

from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.probes import asking, nonces
from landfast.servers.reflector import Settings, serve
from landfast.wire import stun
from landfast.wire.reflector import Seen

pytestmark = pytest.mark.anyio


def loopback() -> Settings:
    return Settings((f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.7",))


async def test_each_transaction_is_told_in_its_order() -> None:
    settings, marks = loopback(), [asking.token() for _ in range(200)]
    async with serve(settings):
        with closing(await Host.here().udp("127.0.0.1")) as robot:
            for mark in marks[::2]:
                robot.sendto(stun.binding_request(mark), settings.endpoints[0])
                await asyncio.get_running_loop().sock_recv(robot, 2048)
            seen = await nonces.seen(Host.here(), (settings.addresses[0], settings.control), marks)
            assert seen == [Seen(1, robot.getsockname()), Seen()] * 100


async def test_nothing_is_asked_for_nothing() -> None:
    assert await nonces.seen(Host.here(), ("192.0.2.1", 1), []) == []


@asynccontextmanager
async def saying(text: bytes) -> AsyncIterator[Endpoint]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[:2]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 \xff\r\n\r\n",
        b"x" * 10_000,
    ],
)
async def test_whoever_else_answers_is_not_believed(text: bytes) -> None:
    async with saying(text) as control:
        assert await nonces.seen(Host.here(), control, [bytes(12)]) is None


async def test_nobody_there_is_no_answer() -> None:
    assert await nonces.seen(Host.here(), ("127.0.0.1", 1), [bytes(12)]) is None


async def test_silence_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "PATIENCE", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError), closing(writer):
            while await reader.read(1024):
                pass

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        assert await nonces.seen(Host.here(), server.sockets[0].getsockname()[:2], [bytes(12)]) is None
