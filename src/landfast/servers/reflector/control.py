"""The control: HTTP/1.1 over TCP, GET only, every read bounded in bytes and in time.

    GET /v1                        what this reflector is                    (`wire.reflector.Description`)
    GET /v1/seen/<24 hex digits>   whether it saw that transaction id        (`wire.reflector.Seen`)

Connections are kept open, and requests may be sent without waiting for the answers of earlier ones (RFC 9112, 9.3.2).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from email.utils import format_datetime
from http import HTTPStatus

from landfast import clock
from landfast.model.facts import Endpoint
from landfast.servers.reflector.limits import Limits, Rate
from landfast.wire.reflector import Description, Seen

_MOST_CONNECTIONS = 64  # 8 KiB each; a doctor has one for a second
_HEAD = 2048  # bytes; ours has 100, a browser's 600
_PATIENCE = 5.0  # seconds for one request to come, and for its answer to be taken
_PER_SOURCE, _TOTAL = Rate(100, 2000), Rate(1000, 10_000)

_LINE = re.compile(rb"GET (/[!-~]*) HTTP/1\.[01]\r\n")
_BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection[ \t]*:[ \t]*close|HTTP/1\.0\r\n", re.IGNORECASE)
_SEEN = re.compile(r"/v1/seen/([0-9a-f]{24})")

Describe = Callable[[str], Description]
Tell = Callable[[bytes], Seen]


def respond(head: bytes, describe: Callable[[], Description], tell: Tell) -> tuple[HTTPStatus, str, bool]:
    """A request's head → status, body, and whether the connection is kept. Pure."""
    line = _LINE.match(head)
    if line is None or _BODY.search(head):
        return HTTPStatus.BAD_REQUEST, "", False
    path, keep = line[1].decode(), not _CLOSE.search(head)
    if path == "/v1":
        return HTTPStatus.OK, describe().text(), keep
    if asked := _SEEN.fullmatch(path):
        return HTTPStatus.OK, tell(bytes.fromhex(asked[1])).text(), keep
    return HTTPStatus.NOT_FOUND, "", keep


async def listen(at: Endpoint, describe: Describe, tell: Tell) -> asyncio.Server:
    """Serve there, until the returned server is closed. Raises OSError."""
    limits = Limits(clock.monotonic(), per_source=_PER_SOURCE, total=_TOTAL)
    standing: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(standing) >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        standing.add(writer)
        try:
            # Cancelled is who ends with the server; Python 3.11's streams would print that as an error.
            with suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
                await _converse(reader, writer)
        finally:
            standing.discard(writer)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached, asker = writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]
        keep = True
        while keep:
            async with asyncio.timeout(_PATIENCE):
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except asyncio.LimitOverrunError:
                    status, body, keep = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "", False
                else:
                    status, body, keep = HTTPStatus.TOO_MANY_REQUESTS, "", False
                    if limits.admits(asker, clock.monotonic()):
                        status, body, keep = respond(head, lambda: describe(reached), tell)
                writer.write(_response(status, body, keep=keep))
                await writer.drain()

    return await asyncio.start_server(connected, *at, limit=_HEAD)


def _response(status: HTTPStatus, body: str, *, keep: bool) -> bytes:
    """With Date, by which a client sees whether its clock is right."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Date: {format_datetime(clock.wall(), usegmt=True)}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [] if keep else ["Connection: close"]
    return "\r\n".join([*lines, "", body]).encode()
