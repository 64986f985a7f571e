"""Peers from outside: start a stack's program on a Host and read its report."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from enum import StrEnum
from functools import partial
from importlib.util import find_spec

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel.host import Host, Program, program_environment
from landfast.peers import report
from landfast.peers.assignment import Assignment
from landfast.peers.report import Closed, Event, Outcome, Ready
from landfast.servers.running import Log

_GRACE = (
    4.0  # seconds from SIGTERM to SIGKILL: the stack says goodbye (1 s), signalling too (1 s), Chromium ends (0.5 s)
)


class Stack(StrEnum):
    """The WebRTC stacks; each is a module of this package."""

    AIORTC = "aiortc"
    CHROMIUM = "chromium"
    LANDFAST = "landfast"


# Beside Python: packages to import and programs to find.
_PACKAGES = {
    Stack.AIORTC: ("aiortc", "websockets"),
    Stack.CHROMIUM: ("playwright",),
    Stack.LANDFAST: ("aiortc", "websockets"),
}
_PROGRAMS = {Stack.AIORTC: (), Stack.CHROMIUM: ("chromium",), Stack.LANDFAST: ()}


def require(stack: Stack) -> None:
    """Raise CapabilityMissing, with what provides it, when this machine lacks what a stack needs."""
    for package in _PACKAGES[stack]:
        if find_spec(package) is None:
            raise CapabilityMissing(f"Python package {package}", "pip install 'landfast[all]'")
    for name in _PROGRAMS[stack]:
        program_environment(name, None)


class PeerRun:
    """A peer that runs. When whoever started it is gone, it ends too.

    All that wait for it raise ProgramFailed when the program died without saying why.
    """

    def __init__(self, program: Program, complaints: Log) -> None:
        self._program = program
        self._complaints = complaints
        self._events: list[Event] = []
        self._problem: ProgramFailed | None = None
        self._over = False
        self._stopping = False
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def __aiter__(self) -> AsyncIterator[Event]:
        """All events from the first, as they come, until the end."""
        told = 0
        while True:
            await self._until(partial(self._has_more_than, told))
            if told == len(self._events):
                return
            yield self._events[told]
            told += 1

    async def ready(self) -> None:
        """Wait until the stack is up, or over."""
        await self._until(lambda: self._said(Ready) or self._said(Closed))

    async def wait(self) -> Outcome:
        """Wait for the end."""
        await self._until(lambda: False)
        return self.outcome

    @property
    def outcome(self) -> Outcome:
        """What is known by now."""
        return report.fold(self._events)

    async def stop(self) -> Outcome:
        """End it, whatever it is doing; what it still had to say is in the outcome. Idempotent."""
        self._stopping = True
        self._program.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.wait(), _GRACE)
        self._program.send_signal(signal.SIGKILL)
        return await self.wait()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: condition() or self._over)
        if self._problem and not condition():
            raise self._problem

    def _has_more_than(self, count: int) -> bool:
        return len(self._events) > count

    def _said(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self._events)

    async def _read(self) -> None:
        assert self._program.stdout
        detail = ""
        try:
            async for line in self._program.stdout:
                event = report.decode(line)
                async with self._news:
                    self._events.append(event)
                    self._news.notify_all()
        except ValueError as problem:  # something else prints there, or never ends a line
            detail = f"{problem}\n"
            self._program.send_signal(signal.SIGKILL)
        code = await self._program.wait()
        if not self._said(Closed) and not self._stopping:
            self._problem = ProgramFailed(self._program.argv, code, detail + self._complaints.end())
        async with self._news:
            self._over = True
            self._news.notify_all()


async def start(stack: Stack, host: Host, task: Assignment) -> PeerRun:
    """Start a peer. It says Ready when its stack is up, waits for the other peer of its room, and ends by itself.

    Raises CapabilityMissing as `require` does.
    """
    require(stack)
    complaints = Log()
    argv = [sys.executable, "-m", f"landfast.peers.{stack}", *task.arguments()]
    program = await host.start(argv, environment=task.environment(), stderr=complaints.descriptor)
    return PeerRun(program, complaints)
