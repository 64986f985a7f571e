from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from landfast.model.facts import Endpoint
from landfast.session.ice.events import Open, Transport
from landfast.session.sockets import Owner, Sockets

pytestmark = pytest.mark.anyio

NAMES = ("turn.example", "other.example")


class Server:
    """It answers what is said to it, and knows which handshakes went on where another was."""

    def __init__(self, newest: ssl.TLSVersion) -> None:
        self.authority = trustme.CA()
        self.newest, self.went_on = newest, list[bool]()
        self.context = self.renewed()

    def renewed(self) -> ssl.SSLContext:
        """Its context, with keys for tickets that are new."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.maximum_version = self.newest
        self.authority.issue_cert(*NAMES).configure_cert(made)
        return made

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Endpoint]:
        """As long as this lasts."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self.context)
        try:
            yield server.sockets[0].getsockname()[:2]
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.went_on.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(await reader.read(100))
        await reader.read()
        writer.close()


class Client:
    """It says a word by each connection, and is done when that came back."""

    def __init__(self, server: Server) -> None:
        self._context = ssl.create_default_context()
        server.authority.configure_trust(self._context)
        self._news: asyncio.Queue[str] = asyncio.Queue()
        owner = Owner(
            opened=lambda *_: self._news.put_nowait("opened"),
            arrived=lambda *_: self._news.put_nowait("arrived"),
            lost=lambda *_: self._news.put_nowait("lost"),
            rested=lambda: None,
        )
        self.sockets = Sockets(owner, lambda: self._context)
        self._number = 0

    async def speak(self, remote: Endpoint, name: str = NAMES[0]) -> None:
        self._number += 1
        self.sockets.open(Open(self._number, Transport.TLS, remote=remote, name=name))
        async with asyncio.timeout(5):
            assert await self._news.get() == "opened"
            self.sockets.transmit(self._number, b"a word", remote)
            assert await self._news.get() == "arrived"

    async def close(self) -> None:
        self.sockets.close_all()
        await asyncio.sleep(0)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_connection_goes_on_where_the_newest_to_that_server_was(newest: ssl.TLSVersion) -> None:
    server = Server(newest)
    async with server.running() as remote:
        client = Client(server)
        for _ in range(3):
            await client.speak(remote)
        await client.close()
    assert server.went_on == [False, True, True]


async def test_a_name_whose_certificate_was_not_checked_is_not_believed_for_anothers_ticket() -> None:
    server = Server(ssl.TLSVersion.TLSv1_2)
    async with server.running() as remote:
        client = Client(server)
        for name in NAMES:
            await client.speak(remote, name)
        await client.close()
    assert server.went_on == [False, False]


async def test_a_server_that_has_forgotten_is_met_as_if_for_the_first_time() -> None:
    server = Server(ssl.TLSVersion.TLSv1_2)
    client = Client(server)
    async with server.running() as remote:
        await client.speak(remote)
        await client.close()
    server.context = server.renewed()
    async with server.running(remote[1]) as remote:
        await client.speak(remote)
        await client.close()
    assert server.went_on == [False, False]
