"""`--publish PORT:HOST`: a port of this machine's localhost that leads to the same port on a laboratory host."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass

from landfast.errors import RequestError, WorldError
from landfast.kernel.host import Host

_CHUNK = 1 << 16
# What `localhost` may mean there: some servers listen on one of them only (node on ::1).
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@dataclass(frozen=True)
class Publication:
    """PORT here, to PORT (or another) on HOST's own localhost."""

    port: int
    host: str
    target: int


def parse(text: str) -> Publication:
    """`PORT:HOST[:TARGET]`. Raises RequestError."""
    found = re.fullmatch(r"([0-9]{1,5}):([a-z][a-z0-9-]*)(?::([0-9]{1,5}))?", text)
    if not found or not 0 < int(found[1]) < 65536 or not 0 < int(found[3] or found[1]) < 65536:
        raise RequestError(f"{text!r} is not PORT:HOST or PORT:HOST:PORT-THERE, as in 8080:robot")
    return Publication(int(found[1]), found[2], int(found[3] or found[1]))


@asynccontextmanager
async def published(publication: Publication, host: Host) -> AsyncIterator[None]:
    """While this lasts the port leads there. Raises WorldError when it is taken."""
    carrying: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_carry(reader, writer, host, publication.target))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    try:
        server = await asyncio.start_server(accepted, "127.0.0.1", publication.port)
    except OSError as problem:
        said = problem.strerror or str(problem)
        raise WorldError(f"cannot listen on 127.0.0.1:{publication.port}: {said}") from None
    try:
        yield
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host, port: int) -> None:
    """One connection, until both sides have said all."""
    with closing(writer), suppress(OSError, WorldError):  # nobody listens there, or somebody is gone
        far_reader, far_writer = await asyncio.open_connection(sock=await _connected(host, port))
        with closing(far_writer):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _connected(host: Host, port: int) -> socket.socket:
    """A connection to a port of the host's own localhost. Raises OSError."""
    for family, address in _LOOPBACKS:
        opened = await host.socket(family, socket.SOCK_STREAM)
        try:
            await asyncio.get_running_loop().sock_connect(opened, (address, port))
        except OSError:
            opened.close()
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise ConnectionRefusedError(port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction; its end is passed on, the other direction stays (RFC 9293, section 3.6)."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
