from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from landfast.errors import ProgramFailed
from landfast.kernel.sandbox import SandboxHost
from landfast.model.facts import Endpoint
from landfast.peers import agent
from landfast.wire import stun
from landfast.wire.stun import StunMessage
from tests.lan import lan

pytestmark = pytest.mark.anyio

SERVER = ("10.0.0.5", 3478)


class Server(asyncio.DatagramProtocol):
    """Answers plain requests, as STUN servers do, and keeps all that it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[StunMessage, Endpoint]] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        message = stun.parse(data)
        assert message
        self.heard.append((message, addr))
        if message.username is None:
            self._transport.sendto(stun.binding_response(message, addr), addr)


@asynccontextmanager
async def there() -> AsyncIterator[tuple[SandboxHost, Server]]:
    async with lan(robot="10.0.0.1/24 10.0.0.2/24", server="10.0.0.5/24") as hosts:
        opened = await hosts["server"].udp(*SERVER)
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Server, sock=opened)
        yield hosts["robot"], server
        transport.close()


@pytest.mark.lab
async def test_it_gathers_from_every_address() -> None:
    async with there() as (robot, server):
        gathering = await agent.run(robot, stun=SERVER)
    hosts = ["host 10.0.0.1", "host 10.0.0.2"]
    assert sorted(gathering.candidates) == [*hosts, "srflx 10.0.0.1", "srflx 10.0.0.2"]
    assert gathering.began <= gathering.ended
    assert {address for _, (address, _) in server.heard} == {"10.0.0.1", "10.0.0.2"}
    assert all(message.username is None for message, _ in server.heard), "checks were not asked for"


@pytest.mark.lab
async def test_it_checks_from_every_address_although_nobody_answers() -> None:
    async with there() as (robot, server):
        gathering = await agent.run(robot, check=[SERVER], limit=0.3)
    assert sorted(gathering.candidates) == ["host 10.0.0.1", "host 10.0.0.2"]
    checks = {address for message, (address, _) in server.heard if message.username is not None}
    assert checks == {"10.0.0.1", "10.0.0.2"}


@pytest.mark.lab
async def test_a_program_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "written", lambda _: "nonsense")
    async with lan(robot="10.0.0.1/24") as hosts:
        with pytest.raises(ProgramFailed, match="nonsense"):
            await agent.run(hosts["robot"], stun=SERVER)
