"""STUN servers on this machine's loopback that answer as a test wishes, and a laboratory with one bad cable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from landfast.kernel.host import LocalHost, Socket
from landfast.lab import parse
from landfast.lab.network import Network
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import StunMessage

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """One that came: `number` counts from 1, over all endpoints of a server."""

    number: int
    message: StunMessage
    data: bytes
    at: Endpoint
    source: Endpoint


Behaviour = Callable[["Server", Request], None]


def plainly(server: Server, request: Request) -> None:
    """The behaviour of a server without other addresses."""
    server.answer(request)


@dataclass
class Server:
    """Endpoints that share a behaviour; the first is asked. `other` is what they tell as OTHER-ADDRESS."""

    behave: Behaviour
    other: Endpoint | None = None
    requests: list[Request] = field(default_factory=list)
    transports: dict[Endpoint, asyncio.DatagramTransport] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def asked(self, times: int = 1) -> None:
        """Return when so many requests have come."""
        while len(self.requests) < times:
            self.news.clear()
            await self.news.wait()

    @property
    def endpoint(self) -> Endpoint:
        return next(iter(self.transports))

    def answer(self, request: Request, *, by: Endpoint | None = None, to: Endpoint | None = None) -> None:
        """As an honest server does, or from another endpoint, or to another."""
        data = stun.binding_response(request.message, request.source, other=self.other)
        self.send(data, to or request.source, by=by or request.at)

    def send(self, data: bytes, to: Endpoint, *, by: Endpoint | None = None) -> None:
        self.transports[by or self.endpoint].sendto(data, to)

    async def listen(self, at: Endpoint) -> Endpoint:
        loop = asyncio.get_running_loop()
        transport, heard = await loop.create_datagram_endpoint(lambda: _Ears(self), local_addr=at)
        heard.at = transport.get_extra_info("sockname")[:2]
        self.transports[heard.at] = transport
        return heard.at


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.at: Endpoint = ("", 0)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = stun.parse(data)
        assert message is not None
        request = Request(len(self.server.requests) + 1, message, data, self.at, addr[:2])
        self.server.requests.append(request)
        self.server.news.set()
        self.server.behave(self.server, request)


@asynccontextmanager
async def server(behave: Behaviour = plainly, address: str = LOCALHOST) -> AsyncIterator[Server]:
    """One endpoint."""
    serving = Server(behave)
    await serving.listen((address, 0))
    try:
        yield serving
    finally:
        for transport in serving.transports.values():
            transport.close()


class Recording(LocalHost):
    """This machine, and every socket that was opened on it."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[Socket] = []

    async def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        self.opened.append(await super().socket(family, kind, protocol))
        return self.opened[-1]

    @property
    def left_open(self) -> Sequence[Socket]:
        return [socket for socket in self.opened if socket.fileno() >= 0]


def cabled(profile: str, **link: float) -> Network:
    """A profile with a bad cable between the robot and its router."""
    network = parse.profile(profile)
    robot = network.hosts["robot"]
    name, interface = next(iter(robot.interfaces.items()))
    worse = robot.but(interfaces={**robot.model_dump()["interfaces"], name: {**interface.model_dump(), "link": link}})
    return network.but(hosts={**network.model_dump()["hosts"], "robot": worse.model_dump()})
