"""A signalling server on this machine's loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from landfast.servers import signalling

LOCALHOST = "127.0.0.1"


@asynccontextmanager
async def serving(token: str = "") -> AsyncIterator[str]:
    """Its address, while the block lasts."""
    async with await signalling.serve(LOCALHOST, 0, token) as server:
        yield f"ws://{LOCALHOST}:{next(iter(server.sockets)).getsockname()[1]}"
