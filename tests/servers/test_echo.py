from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import pytest

from landfast.errors import NotReady
from landfast.kernel.host import Host
from landfast.servers import echo

pytestmark = pytest.mark.anyio

LOCALHOST = "127.0.0.1"


@asynccontextmanager
async def connected(token: str = "") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with await echo.serve(LOCALHOST, 0, token) as server:
        reader, writer = await asyncio.open_connection(LOCALHOST, server.sockets[0].getsockname()[1])
        with closing(writer):
            yield reader, writer


async def test_every_line_comes_back_in_order() -> None:
    async with connected() as (reader, writer):
        writer.write(b"1\n2\n")
        assert [await reader.readline(), await reader.readline()] == [b"1\n", b"2\n"]


async def test_the_token_opens_a_connection_and_is_not_sent_back() -> None:
    async with connected("secret") as (reader, writer):
        writer.write(b"secret\n1\n")
        assert await reader.readline() == b"1\n"


@pytest.mark.parametrize("said", [b"wrong\n", b"\n", b"secre\n", b"x" * 10_000])
async def test_without_the_token_it_hangs_up(said: bytes) -> None:
    async with connected("secret") as (reader, writer):
        writer.write(said + b"1\n")
        with suppress(ConnectionResetError):  # what it had not read yet makes its kernel say so
            assert await reader.read() == b""


async def test_a_line_that_never_ends_is_not_kept() -> None:
    async with connected() as (reader, writer):
        writer.write(b"x" * 10_000)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_as_a_program_it_listens_when_start_returns_and_is_gone_when_stopped() -> None:
    free = await echo.serve(LOCALHOST, 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()

    server = await echo.start(Host.here(), LOCALHOST, port, token="secret")
    reader, writer = await asyncio.open_connection(LOCALHOST, port)
    with closing(writer):
        writer.write(b"secret\nhello\n")
        assert await reader.readline() == b"hello\n"
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOCALHOST, port)


async def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(NotReady, match="assign requested address"):
        await echo.start(Host.here(), "192.0.2.1", 7)
