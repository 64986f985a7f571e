"""A real robot as a place: this machine, with the operator on another (`operator.py`), which is asked for a peer each
time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from landfast import peers
from landfast.errors import NotReady, RequestError, WorldError
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, written
from landfast.peers import Assignment, Interfaces, Stack
from landfast.trials.arms import Arm
from landfast.trials.operator import MAX_MESSAGE, PROTOCOL
from landfast.trials.place import call, egress, room, together
from landfast.trials.result import Call, Gateway
from landfast.trials.watch import Watch

ANSWER = 20.0
"""Seconds to get an answer: what a peer may take to be ready there, and a slow link."""
_AGAIN = 0.5  # seconds between attempts to reach the operator: a carrier's outage takes 2 to 5 s


async def ask(url: str, token: str, question: dict[str, Any]) -> dict[str, Any]:
    """Ask the operator's machine. Raises RequestError when it refuses, NotReady when it cannot be reached."""
    from websockets.exceptions import WebSocketException

    problem: Exception | None = None
    try:
        async with asyncio.timeout(ANSWER):
            while True:
                try:
                    return await _asked(url, token, question)
                except (OSError, WebSocketException, ValueError) as met:
                    problem = met
                    await asyncio.sleep(_AGAIN)
    except TimeoutError:
        raise NotReady(f"the operator at {url}", ANSWER, str(problem or "")) from None


async def _asked(url: str, token: str, question: dict[str, Any]) -> dict[str, Any]:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, InvalidURI

    try:
        address = f"{url}?{urlencode({'token': token})}"
        async with connect(address, max_size=MAX_MESSAGE, proxy=None) as connection:
            await connection.send(json.dumps({"protocol": PROTOCOL, **question}))
            answer: dict[str, Any] = json.loads(await connection.recv())
    except InvalidStatus as refusal:
        said = (refusal.response.body or b"").decode(errors="replace").strip()
        raise RequestError(f"{url}: {refusal.response.status_code} {said}") from None
    except InvalidURI:
        raise RequestError(f"{url!r} is no operator's address: write ws://HOST:PORT") from None
    if "problem" in answer:
        raise RequestError(f"the operator at {url}: {answer['problem']}")
    return answer


class Robot:
    """This machine as a place, with its operator elsewhere."""

    def __init__(self, url: str, token: str, watch: Watch, stack: Stack, task: Assignment) -> None:
        self.robot = Host.here()
        self.watch = watch
        self._url, self._token, self._stack, self._task = url, token, stack, task

    async def connect(self, number: int, arm: Arm) -> Call:
        interfaces = Interfaces.DEFAULT_ROUTE if arm.default_route_only else Interfaces.STOCK
        task = replace(self._task, room=room(number), interfaces=interfaces)
        wanted = {"room": task.room, "limit": task.limit, "hold": task.hold, "camera": task.camera}
        await ask(self._url, self._token, {"ask": "peer", "stack": self._stack, **wanted})
        peer = await peers.start(self._stack, self.robot, task)
        return call(*await together(peer))

    async def gateway(self) -> Gateway | None:
        return None


@asynccontextmanager
async def robot(
    url: str, token: str, stack: Stack, task: Assignment, *, pcap: Path | None, progress: Callable[[str], None]
) -> AsyncIterator[Robot]:
    """Find the operator at ws://HOST:PORT and start the meter. `task` tells the peers' limit, hold and camera."""
    progress("asking the operator")
    said = await ask(url, token, {"ask": "services"})
    address = await _address(url)
    server: Endpoint = tuple(said["stun"]) if said["stun"] else (address, urlsplit(url).port or 80)
    interface = await egress(Host.here())
    progress("starting the meter")
    bystander = (address, said["echo"])
    async with await Watch.start(
        Host.here(), interface=interface, stun=server, echo=bystander, token=token, pcap=pcap
    ) as watch:
        where = f"ws://{written((address, said['signalling']))}"
        yield Robot(
            url, token, watch, stack, replace(task, signalling=where, stun=f"stun:{written(server)}", token=token)
        )


async def _address(url: str) -> str:
    name = urlsplit(url).hostname
    if not name:
        raise RequestError(f"{url!r} is no operator's address: write ws://HOST:PORT")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise WorldError(f"cannot find the operator {name}: {problem.strerror}") from None
    return str(found[0][4][0])
