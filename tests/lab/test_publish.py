from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import RequestError, WorldError
from landfast.kernel.host import Program
from landfast.kernel.sandbox import Sandbox, SandboxHost
from landfast.lab.publish import Publication, parse, published

pytestmark = pytest.mark.anyio
lab = pytest.mark.lab

ports = st.integers(1, 65535)
names = st.from_regex(r"[a-z][a-z0-9-]{0,14}", fullmatch=True)


@given(ports, names, ports)
def test_a_publication_is_read(port: int, host: str, target: int) -> None:
    assert parse(f"{port}:{host}") == Publication(port, host, port)
    assert parse(f"{port}:{host}:{target}") == Publication(port, host, target)


@pytest.mark.parametrize(
    "text", ["", "8080", "8080:", ":robot", "0:robot", "65536:robot", "80:robot:0", "80:Robot", "80:robot:", "٨٠:robot"]
)
def test_what_is_no_publication_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"is not PORT:HOST or PORT:HOST:PORT-THERE, as in 8080:robot"):
        parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except RequestError:
        return
    assert text.startswith((f"{read.port}:{read.host}", "0"))


def free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


@asynccontextmanager
async def robot() -> AsyncIterator[SandboxHost]:
    async with Sandbox() as sandbox:
        host = await sandbox.host("robot")
        (await host.run(["ip", "link", "set", "lo", "up"])).checked()
        yield host


async def served(host: SandboxHost, *argv: str) -> Program:
    """A server that says a line when it listens."""
    program = await host.start(["/usr/bin/python3", "-u", *argv])
    assert program.stdout
    await program.stdout.readline()
    return program


HTTP = """
import http.server
server = http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler)
print()
server.serve_forever()
"""
# Answers only when it has read to the end, with how much that was.
COUNT = """
import socket, sys
server = socket.create_server((sys.argv[1], 9000), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print()
connection, _ = server.accept()
size = 0
while data := connection.recv(65536):
    size += len(data)
connection.sendall(str(size).encode())
"""


@lab
async def test_an_http_server_on_a_host_is_reached_on_localhost() -> None:
    async with robot() as host:
        await served(host, "-c", HTTP)
        port = free_port()
        async with published(Publication(port, "robot", 8000), host):
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                assert (await reader.read()).startswith(b"HTTP/1.0 200 OK")
                writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@lab
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_each_direction_ends_by_itself(address: str) -> None:
    async with robot() as host:
        await served(host, "-c", COUNT, address)
        port = free_port()
        async with published(Publication(port, "robot", 9000), host):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bytes(1_000_000))
            writer.write_eof()
            assert await reader.read() == b"1000000"
            writer.close()


@lab
async def test_where_nobody_listens_the_connection_ends() -> None:
    async with robot() as host:
        port = free_port()
        async with published(Publication(port, "robot", 9000), host):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()


@lab
async def test_a_connection_that_stays_open_does_not_keep_us() -> None:
    async with robot() as host:
        await served(host, "-c", COUNT, "127.0.0.1")
        port = free_port()
        async with published(Publication(port, "robot", 9000), host):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


@lab
async def test_a_port_that_is_taken_is_named() -> None:
    async with robot() as host:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(WorldError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use"):
                await published(Publication(port, "robot", port), host).__aenter__()
