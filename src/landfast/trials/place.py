"""Where attempts are made. `laboratory` is here; a real robot with its operator elsewhere is in `robot.py`.

A place stands, is watched by a meter, and lets two peers connect, each a process of its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from landfast import peers
from landfast.errors import CapabilityMissing, WorldError
from landfast.kernel import routes
from landfast.kernel.host import Host
from landfast.model.facts import written
from landfast.peers import Assignment, Interfaces, Outcome, Reason, Role, Stack
from landfast.peers.report import Closed
from landfast.servers import echo
from landfast.trials.arms import Arm
from landfast.trials.result import Call, Gateway
from landfast.trials.watch import Watch

if TYPE_CHECKING:
    from landfast.lab.lab import Lab
    from landfast.lab.network import Network

ECHO_PORT = 7  # TCP: the port of the echo service (RFC 862)


async def egress(host: Host) -> str:
    """The interface that the default route leaves by. Raises CapabilityMissing when there is none."""
    for family in (4, 6):
        if found := await routes.defaults(host, family):
            return found[0].interface
    raise CapabilityMissing("a default route", "a connection to the internet")


def call(robot: Outcome, operator: Outcome | None = None) -> Call:
    """What the peers' reports mean. Not to connect is an outcome; a defect or a stopped peer is a WorldError."""
    for name, outcome in (("robot", robot), ("operator", operator)):
        if outcome and outcome.closed and outcome.closed.reason in (Reason.BROKEN, Reason.STOPPED):
            raise WorldError(f"the {name}'s peer: {outcome.closed.reason} {outcome.closed.detail}".strip())
    if robot.closed is None:
        raise WorldError("the robot's peer ended without a word")
    began = robot.began if robot.began is not None else robot.closed.at
    held = None
    if robot.connected is not None:
        last = robot.closed.at if robot.held or not robot.echoes else robot.echoes.last
        held = last - robot.connected
    gathered = None
    if robot.gathering_started is not None and robot.gathering_finished is not None:
        gathered = robot.gathering_finished - robot.gathering_started
    return Call(began, robot.connected, held, gathered, _problem(robot.closed))


def _problem(closed: Closed) -> str:
    """What the end adds to whether it connected and held."""
    if closed.reason in (Reason.HELD, Reason.NOT_CONNECTED):
        return closed.detail
    return f"{closed.reason.replace('-', ' ')} {closed.detail}".strip()


class Running(Protocol):
    """A peer that runs; `PeerRun` is one."""

    async def wait(self) -> Outcome:
        """Wait for its end."""

    async def stop(self) -> Outcome:
        """End it."""


async def together(*running: Running) -> list[Outcome]:
    """Wait for all peers; when one fails or we are cancelled, the others are ended."""
    try:
        return await asyncio.gather(*(peer.wait() for peer in running))
    except BaseException:
        await asyncio.gather(*(peer.stop() for peer in running), return_exceptions=True)
        raise


class Laboratory:
    """A laboratory as a place. The operator's peer runs on the host `operator`, the bystander's server on `server`."""

    def __init__(self, lab: Lab, watch: Watch, stack: Stack, task: Assignment) -> None:
        self.robot = lab.host("robot")
        self.watch = watch
        self._lab, self._stack, self._task = lab, stack, task

    async def connect(self, number: int, arm: Arm) -> Call:
        interfaces = Interfaces.DEFAULT_ROUTE if arm.default_route_only else Interfaces.STOCK
        robot = replace(self._task, room=room(number), interfaces=interfaces)
        operator = replace(robot, role=Role.OPERATOR, interfaces=Interfaces.STOCK)
        started = [
            await peers.start(self._stack, self._lab.host("robot"), robot),
            await peers.start(self._stack, self._lab.host("operator"), operator),
        ]
        return call(*await together(*started))

    async def gateway(self) -> Gateway | None:
        counted = await self._lab.violations()
        return Gateway(counted.packets, counted.resets)


@asynccontextmanager
async def laboratory(
    network: Network, stack: Stack, task: Assignment, *, pcap: Path | None, progress: Callable[[str], None]
) -> AsyncIterator[Laboratory]:
    """Build a network, start the bystander's server and the meter. `task` tells the peers' limit, hold and camera."""
    from landfast.lab.lab import Lab

    async with Lab(network, progress=progress) as lab:
        services = lab.services
        bystander = (services.stun[0], ECHO_PORT)
        await echo.start(lab.host("server"), *bystander)
        robot = lab.host("robot")
        interface = await egress(robot)
        progress("starting the meter")
        async with await Watch.start(
            robot, interface=interface, stun=services.stun, echo=bystander, pcap=pcap
        ) as watch:
            there = replace(task, signalling=services.signalling, stun=f"stun:{written(services.stun)}")
            yield Laboratory(lab, watch, stack, there)


def room(number: int) -> str:
    """A name for an attempt's conversation that no earlier trial has used."""
    return f"attempt-{number}-{secrets.token_hex(4)}"
