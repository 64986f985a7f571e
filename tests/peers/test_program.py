from __future__ import annotations

import signal
import sys

import pytest

from landfast.kernel.host import Host, Program
from landfast.peers import Role, report
from landfast.peers.assignment import Assignment
from landfast.peers.report import Began, Closed, Connected, Echoes, Event, GatheringStarted, Ready, Reason

pytestmark = pytest.mark.anyio

# A stack that needs no network: its room is its name, and tells how it behaves.
PEER = """
import asyncio, sys
from landfast import clock
from landfast.errors import RequestError
from landfast.peers import attempt, program, report

class Fake:
    def __init__(self, task, happen):
        self.how, self.happen = task.room, happen
    async def __aenter__(self):
        if self.how == "refused":
            raise RequestError("nobody wants you")
        return self
    async def __aexit__(self, *_):
        print("closed", file=sys.stderr)
    def ready(self):
        if self.how != "alone":
            self.happen(attempt.PeerReady(clock.monotonic()))
    def begin(self):
        self.happen(report.GatheringStarted(clock.monotonic()))
        if self.how == "good":
            self.happen(attempt.EchoSent(clock.monotonic()))
            self.happen(attempt.EchoReturned(clock.monotonic()))
    def done(self):
        self.happen(attempt.PeerDone(clock.monotonic()))

sys.exit(program.main("fake", Fake))
"""


async def start(room: str, limit: float = 0.05) -> Program:
    task = Assignment(Role.ROBOT, "ws://nowhere", room, limit=limit, hold=0.05)
    return await Host.here().start([sys.executable, "-c", PEER, *task.arguments()])


async def life(program: Program) -> list[Event]:
    assert program.stdout
    return [report.decode(line) for line in (await program.stdout.read()).splitlines()]


async def test_one_that_connects_and_holds_ends_with_0() -> None:
    program = await start("good")
    events = await life(program)
    assert [type(event) for event in events] == [Ready, Began, GatheringStarted, Connected, Echoes, Closed]
    assert await program.wait() == 0
    assert program.stderr
    assert await program.stderr.read() == b"closed\n"


@pytest.mark.parametrize(("room", "reason"), [("silent", Reason.NOT_CONNECTED), ("refused", Reason.BROKEN)])
async def test_everything_else_ends_with_1_and_its_reason(room: str, reason: Reason) -> None:
    program = await start(room)
    last = (await life(program))[-1]
    assert isinstance(last, Closed)
    assert last.reason is reason
    assert last.detail == ("nobody wants you" if room == "refused" else "")
    assert await program.wait() == 1


@pytest.mark.parametrize("how", ["signal", "pipe"])
async def test_it_ends_when_told_to_or_left_alone(how: str) -> None:
    program = await start("alone")
    assert program.stdin
    assert program.stdout
    assert isinstance(report.decode(await program.stdout.readline()), Ready)
    if how == "signal":
        program.send_signal(signal.SIGTERM)
    else:
        program.stdin.close()
    last = (await life(program))[-1]
    assert isinstance(last, Closed)
    assert last.reason is Reason.STOPPED
    assert await program.wait() == 1
