from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest
import trustme

from landfast.model.facts import Endpoint
from landfast.session import sockets
from landfast.session.ice.events import Open, Path, Transport
from landfast.session.sockets import BACKLOG, Owner, Sockets

pytestmark = pytest.mark.anyio


class Heard:
    """An owner that writes down what it is told."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.opened: dict[int, Endpoint] = {}
        self.lost: dict[int, str] = {}
        self.arrived: list[tuple[bytes, Path]] = []
        self.news = asyncio.Event()
        owner = Owner(self._opened, self._arrived, self._lost, self.news.set)
        self.sockets = Sockets(owner, lambda: tls or ssl.create_default_context())

    def _opened(self, number: int, local: Endpoint) -> None:
        self.opened[number] = local
        self.news.set()

    def _arrived(self, data: bytes, path: Path) -> None:
        self.arrived.append((data, path))

    def _lost(self, number: int, why: str) -> None:
        self.lost[number] = why
        self.news.set()

    async def next(self) -> None:
        async with asyncio.timeout(5):
            await self.news.wait()
        self.news.clear()


async def test_what_one_sends_arrives_at_the_other_with_its_way() -> None:
    ours, theirs = Heard(), Heard()
    ours.sockets.open(Open(1, Transport.UDP, "127.0.0.1"))
    theirs.sockets.open(Open(7, Transport.UDP, "127.0.0.1"))
    theirs.news.clear()
    ours.sockets.transmit(1, b"hello", theirs.opened[7])
    await theirs.next()
    assert theirs.arrived == [(b"hello", Path(7, ours.opened[1]))]
    ours.sockets.close_all()
    theirs.sockets.close_all()


async def test_a_socket_for_one_server_tells_the_source_that_the_kernel_chose() -> None:
    server = Heard()
    server.sockets.open(Open(1, Transport.UDP, "127.0.0.1"))
    client = Heard()
    client.sockets.open(Open(2, Transport.UDP, remote=server.opened[1]))
    assert client.opened[2][0] == "127.0.0.1"
    server.news.clear()
    client.sockets.transmit(2, b"x", server.opened[1])
    await server.next()
    assert server.arrived == [(b"x", Path(1, client.opened[2]))]
    client.sockets.close_all()
    server.sockets.close_all()


async def test_an_address_that_is_not_ours_cannot_be_opened() -> None:
    ours = Heard()
    ours.sockets.open(Open(1, Transport.UDP, "192.0.2.77"))
    assert ours.lost == {1: "Cannot assign requested address"}
    ours.sockets.close(1)  # as the agent does of every socket that it wished for


class Refusing:
    """A socket that fails to send in one way."""

    def __init__(self, number: int) -> None:
        self._number = number

    def sendto(self, data: bytes, remote: Endpoint) -> None:
        raise OSError(self._number, "no")


@pytest.mark.parametrize(
    ("number", "ours", "lost"),
    [
        (errno.EAGAIN, True, False),
        (errno.ENOBUFS, True, False),
        (errno.EHOSTUNREACH, True, False),
        (errno.EPERM, True, False),
        (errno.EADDRNOTAVAIL, True, True),
        (errno.ENETUNREACH, True, False),
        (errno.ENETUNREACH, False, True),
    ],
)
async def test_only_what_can_never_send_again_is_lost_and_all_else_is_dropped(
    number: int, ours: bool, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    heard.sockets.open(Open(1, Transport.UDP, "127.0.0.1"))
    opened = heard.sockets._open[1]
    assert isinstance(opened, sockets._Datagrams)
    monkeypatch.setattr(sockets, "_is_ours", lambda _: ours)
    real = opened._socket
    monkeypatch.setattr(opened, "_socket", Refusing(number))
    for _ in range(3):
        heard.sockets.transmit(1, b"x", ("127.0.0.1", 9))
    assert heard.lost == ({1: "no"} if lost else {})
    monkeypatch.setattr(opened, "_socket", real)
    heard.sockets.close_all()


def test_an_address_is_ours_while_this_host_has_it() -> None:
    assert sockets._is_ours("127.0.0.1")
    assert not sockets._is_ours("192.0.2.77")


class Relay:
    """A TCP server that writes down what arrives, and can stop reading."""

    def __init__(self) -> None:
        self.received = b""
        self.writers: list[asyncio.StreamWriter] = []
        self.heard = asyncio.Event()
        self.reads = True

    async def start(self, tls: ssl.SSLContext | None = None) -> Endpoint:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        address: Endpoint = self.server.sockets[0].getsockname()[:2]
        return address

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while self.reads and (data := await reader.read(4096)):
            self.received += data
            self.heard.set()

    async def stop(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.server.close()
        await self.server.wait_closed()


async def test_a_stream_carries_both_ways_and_says_when_it_ends() -> None:
    relay, heard = Relay(), Heard()
    address = await relay.start()
    heard.sockets.open(Open(3, Transport.TCP, remote=address))
    await heard.next()
    heard.sockets.transmit(3, b"up", address)
    async with asyncio.timeout(5):
        await relay.heard.wait()
    relay.writers[0].write(b"down")
    await heard.next()
    assert (relay.received, heard.arrived) == (b"up", [(b"down", Path(3, address))])
    relay.writers[0].close()
    await heard.next()
    assert heard.lost == {3: "closed by the server"}
    heard.sockets.close(3)
    await relay.stop()


async def test_a_stream_that_does_not_drain_drops_and_closes_at_once() -> None:
    relay, heard = Relay(), Heard()
    relay.reads = False
    address = await relay.start()
    heard.sockets.open(Open(3, Transport.TCP, remote=address))
    await heard.next()
    opened = heard.sockets._open[3]
    assert isinstance(opened, sockets._Stream)
    assert opened._transport
    message = bytes(1024)
    while opened._transport.get_write_buffer_size() + len(message) <= BACKLOG:
        heard.sockets.transmit(3, message, address)
    full = opened._transport.get_write_buffer_size()
    heard.sockets.transmit(3, message, address)
    assert opened._transport.get_write_buffer_size() == full
    heard.sockets.close(3)
    assert heard.lost == {}
    await relay.stop()


async def test_nobody_there_is_told_as_lost() -> None:
    with socket.socket() as taken:  # a port where nobody listens
        taken.bind(("127.0.0.1", 0))
        heard = Heard()
        heard.sockets.open(Open(3, Transport.TCP, remote=taken.getsockname()))
        await heard.next()
    assert "Connect call failed" in heard.lost[3]


async def test_a_certificate_is_verified_by_the_context_that_was_given() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("turn.example").configure_cert(server)
    relay = Relay()
    address = await relay.start(server)
    doubting = Heard(client)
    doubting.sockets.open(Open(3, Transport.TLS, remote=address, name="turn.example"))
    await doubting.next()
    assert doubting.lost[3].startswith("the certificate: ")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    heard = Heard(trusting)
    heard.sockets.open(Open(3, Transport.TLS, remote=address, name="turn.example"))
    await heard.next()
    assert (list(heard.opened), heard.lost) == ([3], {})
    heard.sockets.close_all()
    await relay.stop()


async def test_a_connection_that_is_given_up_while_it_is_made_is_never_told() -> None:
    relay, heard = Relay(), Heard()
    heard.sockets.open(Open(3, Transport.TCP, remote=await relay.start()))
    heard.sockets.close(3)
    await asyncio.sleep(0)
    assert (heard.opened, heard.lost) == ({}, {})
    await relay.stop()
