"""A robot, an operator and a signalling server on one bridge, and what is to be said of a call between them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from landfast import peers
from landfast.kernel.sandbox import SandboxHost
from landfast.peers import Assignment, Outcome, PeerRun, Reason, Role, Stack
from landfast.peers.report import Echoes, GatheringFinished
from landfast.servers import certificate, coturn, signalling
from tests.lan import lan

SERVER = "198.51.100.5"
URL = f"ws://{SERVER}:8080"
# The second address is on the wrong network: nothing that leaves with it is ever answered.
ADDRESSES = {"server": f"{SERVER}/24", "robot": "198.51.100.10/24 10.42.0.1/24", "operator": "198.51.100.20/24"}


@asynccontextmanager
async def network(token: str = "") -> AsyncIterator[dict[str, SandboxHost]]:
    async with lan(**ADDRESSES) as hosts:
        (await hosts["robot"].run(["ip", "route", "add", "default", "via", SERVER])).checked()
        server = await signalling.start(hosts["server"], SERVER, 8080, token=token)
        try:
            yield hosts
        finally:
            await server.stop()


@asynccontextmanager
async def relay(hosts: dict[str, SandboxHost]) -> AsyncIterator[dict[str, object]]:
    """A TURN server on `server`, and what to tell a peer so that it uses the port of the web there."""
    issued = certificate.issue(SERVER)
    authority = hosts["robot"].root / "authority.pem"
    authority.write_text(issued.authority)
    settings = coturn.Settings((SERVER,), {"peer": "secret"})
    server = await coturn.start(hosts["server"], settings, issued)
    try:
        yield {
            "turn": (settings.urls[-1],),
            "turn_username": "peer",
            "turn_password": "secret",
            "authority": "/dev/shm/robot/authority.pem",
        }
    finally:
        await server.stop()


def assignment(role: Role, **changes: object) -> Assignment:
    return Assignment(**{"role": role, "signalling": URL, "room": "r", "hold": 0.5, **changes})  # type: ignore[arg-type]


async def pair(hosts: dict[str, SandboxHost], stack: Stack, **changes: object) -> tuple[PeerRun, PeerRun]:
    """A robot with this stack and assignment, an operator with aiortc as it comes."""
    robot = await peers.start(stack, hosts["robot"], assignment(Role.ROBOT, **changes))
    operator = await peers.start(Stack.AIORTC, hosts["operator"], assignment(Role.OPERATOR))
    return robot, operator


def assert_connected_and_held(outcome: Outcome, hold: float = 0.5) -> Echoes:
    assert outcome.closed
    assert (outcome.closed.reason, outcome.closed.detail) == (Reason.HELD, "")
    moments = [outcome.ready, outcome.began, outcome.gathering_started, outcome.gathering_finished, outcome.connected]
    assert moments == sorted(moment for moment in moments if moment is not None)
    assert outcome.checks_started
    assert outcome.echoes
    assert outcome.connected
    assert outcome.echoes.at >= outcome.connected + hold
    assert 0 < outcome.echoes.received <= outcome.echoes.sent
    return outcome.echoes


def gathered(run: PeerRun) -> set[str]:
    """The candidates of a run that is over; a name that hides an address is "NAME.local"."""
    found = next(event.candidates for event in run._events if isinstance(event, GatheringFinished))
    return {re.sub(r" [0-9a-f-]{36}\.local$", " NAME.local", candidate) for candidate in found}
