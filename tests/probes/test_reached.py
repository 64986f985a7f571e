from __future__ import annotations

import asyncio
import socket

import pytest

from landfast.kernel.host import Host
from landfast.probes import reached


@pytest.mark.anyio
async def test_a_server_that_listens_is_reached() -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as serving:
        server = serving.sockets[0].getsockname()[:2]
        fact = await reached.over_tcp(Host.here(), server)
    assert (fact.server, fact.ok, fact.problem) == (server, True, "")


@pytest.mark.anyio
async def test_a_port_that_nobody_listens_on_refuses() -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as serving:
        server = serving.sockets[0].getsockname()[:2]
    fact = await reached.over_tcp(Host.here(), server)
    assert not fact.ok
    assert fact.problem == "Connection refused"


@pytest.mark.anyio
async def test_a_server_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full does not answer: Linux drops what does not fit."""
    monkeypatch.setattr(reached, "WITHIN", 0.05)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        problems = [(await reached.over_tcp(Host.here(), listening.getsockname())).problem for _ in range(4)]
    assert problems[0] == ""
    assert problems[-1] == "timeout"
