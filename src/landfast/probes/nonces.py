"""Asks a reflector's control, over TCP, which transaction ids arrived: what went up is known without anything coming
down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from landfast.errors import LandfastError
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.wire import reflector
from landfast.wire.reflector import Seen

PATIENCE = 3.0
"""Seconds for all answers: a SYN that was lost is repeated after 1 s (RFC 6298)."""

_LONGEST = 4096  # bytes of one answer with its head; ours have 250


async def seen(host: Host, control: Endpoint, marks: Sequence[bytes]) -> list[Seen] | None:
    """What the reflector says of each, in one connection; None when it cannot be asked."""
    if not marks:
        return []
    try:
        async with asyncio.timeout(PATIENCE):
            return await _ask(host, control, marks)
    except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError, LandfastError):
        return None


async def _ask(host: Host, control: Endpoint, marks: Sequence[bytes]) -> list[Seen]:
    reader, writer = await host.connect(control, limit=_LONGEST)
    try:
        for mark in marks:
            writer.write(f"GET /v1/seen/{mark.hex()} HTTP/1.1\r\nHost: {control[0]}\r\n\r\n".encode())
        return [reflector.seen(await _body(reader)) for _ in marks]
    finally:
        writer.transport.abort()


async def _body(reader: asyncio.StreamReader) -> bytes:
    """Of the next answer (RFC 9112). Raises ValueError for another status than 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower().split("\r\n")
    if not head[0].startswith("http/1.1 200"):
        raise ValueError(head[0])
    lengths = [int(line.partition(":")[2]) for line in head if line.startswith("content-length:")]
    if len(lengths) != 1 or not 0 <= lengths[0] <= _LONGEST:
        raise ValueError(f"lengths {lengths}")
    return await reader.readexactly(lengths[0])
