from __future__ import annotations

import asyncio
import socket

import pytest

from landfast.kernel.host import Host
from landfast.kernel.metered import Meter, MeteredHost

pytestmark = pytest.mark.anyio


@pytest.fixture
def host() -> MeteredHost:
    return MeteredHost(Host.here(), Meter())


async def test_what_goes_and_comes_over_udp_is_counted_with_its_flows(host: MeteredHost) -> None:
    loop, meter = asyncio.get_running_loop(), host.meter
    with await host.udp("127.0.0.1") as one, await Host.here().udp("127.0.0.1") as other:
        for _ in range(3):
            one.sendto(b"12345", other.getsockname())
        one.sendto(b"", one.getsockname())
        other.sendto(b"123", one.getsockname())
        assert await loop.sock_recv(one, 100) in (b"", b"123")
        assert await loop.sock_recv(one, 100) in (b"", b"123")
    assert (meter.packets_sent, meter.bytes_sent, len(meter.flows)) == (4, 15, 2)
    assert (meter.packets_received, meter.bytes_received) == (2, 3)


async def test_tcp_by_streams_is_counted_and_is_no_udp_flow(host: MeteredHost) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1")
    async with server:
        opened = await host.socket(socket.AF_INET, socket.SOCK_STREAM)
        await asyncio.get_running_loop().sock_connect(opened, server.sockets[0].getsockname())
        reader, writer = await asyncio.open_connection(sock=opened)
        writer.write(b"hello")
        assert await reader.read() == b"hello"
        writer.close()
    assert (host.meter.bytes_sent, host.meter.bytes_received, len(host.meter.flows)) == (5, 5, 0)


async def test_what_is_no_internet_is_not_counted_and_the_rest_is_the_hosts_own(host: MeteredHost) -> None:
    here = Host.here()
    assert (host.name, host.root) == (here.name, here.root)
    assert await host.call(len, "four") == 4
    assert (await host.run(["echo", "hello"])).stdout == "hello\n"
    opened = await host.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with opened:
        assert type(opened) is socket.socket
    assert host.meter == Meter()


async def test_a_metered_socket_does_not_block(host: MeteredHost) -> None:
    with await host.udp("127.0.0.1") as opened:
        assert opened.getblocking() is False
        with pytest.raises(BlockingIOError):
            opened.recvfrom(100)
