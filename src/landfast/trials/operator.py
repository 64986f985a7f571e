"""The operator's machine of a trial with a real robot: it runs the operator's peers and answers the robot's questions.

It listens at four places, so that the robot needs nothing else on the internet:

    TCP PORT      control: one WebSocket connection and one question each, since connections die with the address
    UDP PORT      STUN, for the robot's candidates and the watch on its public address
    TCP PORT + 1  signalling
    TCP PORT + 2  echo, the bystander's other end

All but STUN want the token. Its counterpart is `robot.py`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from landfast import peers
from landfast.errors import LandfastError, RequestError, WorldError
from landfast.kernel import routes
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, written
from landfast.peers import Assignment, PeerRun, Role, Stack
from landfast.servers import echo, signalling
from landfast.trials.place import egress
from landfast.wire import stun

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

PROTOCOL = 1
"""Of the questions. Two machines may run different versions of landfast; these must agree."""
SIGNALLING, ECHO = 1, 2
"""Added to the control's port."""
READY = 15.0
"""Seconds that a peer may take to be ready: Chromium on two busy cores takes 6."""
_LONGEST = 600.0  # seconds that a robot may ask an operator's peer to live
MAX_MESSAGE = 4096
"""Bytes; a question has about 200."""


class Operator:
    """Answers a robot's questions and runs the operator's peers, one at a time."""

    def __init__(self, host: Host, listen: Endpoint, token: str, stun_server: Endpoint | None = None) -> None:
        self._host, self._listen, self._token, self._stun = host, listen, token, stun_server
        self._peer: PeerRun | None = None
        self._turn = asyncio.Lock()

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the handshake: only who knows the token (websockets' `process_request`)."""
        given = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "a wrong token\n")

    async def answer(self, connection: ServerConnection) -> None:
        """One question, one answer (websockets' handler)."""
        try:
            said = await self._answer(json.loads(await connection.recv()))
        except (LandfastError, ValueError, LookupError, TypeError, RecursionError) as problem:
            said = {"problem": str(problem) or repr(problem)}
        await connection.send(json.dumps(said))

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["protocol"] != PROTOCOL:
            raise RequestError(
                f"protocol {asked['protocol']} there, {PROTOCOL} here: install the same version of landfast"
            )
        if asked["ask"] == "services":
            port = self._listen[1]
            return {"signalling": port + SIGNALLING, "echo": port + ECHO, "stun": self._stun}
        if asked["ask"] == "peer":
            await self._start(asked)
            return {"ready": True}
        raise RequestError(f"no such question: {asked['ask']!r}")

    async def _start(self, asked: dict[str, Any]) -> None:
        limit, hold = float(asked["limit"]), float(asked["hold"])
        if not (0 < limit <= _LONGEST and 0 <= hold <= _LONGEST):
            raise RequestError(f"a peer lives at most {_LONGEST:g} s")
        task = Assignment(
            role=Role.OPERATOR,
            signalling=f"ws://{written((_near(self._listen[0]), self._listen[1] + SIGNALLING))}",
            room=str(asked["room"]),
            token=self._token,
            stun=f"stun:{written(self._stun)}" if self._stun else "",
            limit=limit,
            hold=hold,
            camera=bool(asked["camera"]),
        )
        async with self._turn:
            await self.stop()
            self._peer = await peers.start(Stack(asked["stack"]), self._host, task)
            await asyncio.wait_for(self._peer.ready(), READY)

    async def stop(self) -> None:
        """End the peer that still runs. Idempotent."""
        if self._peer:
            await self._peer.stop()
            self._peer = None


class Reflector(asyncio.DatagramProtocol):
    """Answers STUN Binding requests with the address that they came from."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = stun.parse(data)
        if message and message.is_request and message.is_binding:
            self._transport.sendto(stun.binding_response(message, (addr[0], addr[1])), addr)


@asynccontextmanager
async def serve(listen: Endpoint, token: str, stun_server: Endpoint | None = None) -> AsyncIterator[None]:
    """Be the operator's machine until left. Raises WorldError when a port cannot be had."""
    from websockets.asyncio.server import serve as websockets_serve

    address, port = listen
    host = Host.here()
    operator = Operator(host, listen, token, stun_server)
    async with AsyncExitStack() as stack:
        for server, offset in ((signalling, SIGNALLING), (echo, ECHO)):
            running = await server.start(host, address, port + offset, token=token)
            stack.push_async_callback(running.stop)
        try:
            if stun_server is None:
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(Reflector, local_addr=listen)
                stack.callback(transport.close)
            control = websockets_serve(
                operator.answer, address, port, process_request=operator.admit, max_size=MAX_MESSAGE, server_header=None
            )
            await stack.enter_async_context(control)
        except OSError as problem:
            raise WorldError(f"cannot listen on {written(listen)}: {problem.strerror or problem}") from None
        stack.push_async_callback(operator.stop)
        yield


async def reached_at(address: str) -> str:
    """The address that a robot is told: the one that is listened on, or for the wildcard that of the default route."""
    if not ip_address(address).is_unspecified:
        return address
    interface = await egress(Host.here())
    version = ip_address(address).version
    own = [
        each for found in await routes.interfaces(Host.here()) if found.name == interface for each in found.addresses
    ]
    return next((str(each.address) for each in own if each.address.version == version), address)


def _near(address: str) -> str:
    """Where this machine reaches its own listening address: the wildcard's is loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
