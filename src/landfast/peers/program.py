"""A peer's program: its stack on one side, its attempt on the other, and the report on standard output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from landfast import clock
from landfast.errors import LandfastError
from landfast.peers import assignment, report
from landfast.peers.assignment import Assignment
from landfast.peers.attempt import Attempt, Command, Happening, Output, State, StopAsked
from landfast.peers.report import Closed, Reason
from landfast.servers import running

Happen = Callable[[Happening], None]


class Stack(Protocol):
    """A WebRTC stack that plays a peer. It tells everything by the `Happen` that it was made with."""

    def ready(self) -> None:
        """Tell the other peer that we are ready."""

    def begin(self) -> None:
        """Negotiate, then send echoes; returns at once."""

    def done(self) -> None:
        """Tell the other peer that we are done."""


MakeStack = Callable[[Assignment, Happen], AbstractAsyncContextManager[Stack]]


def main(program: str, make: MakeStack) -> int:
    """Run to the end. The exit code: 0 when it connected and held, 1 when not, 2 for wrong arguments."""
    return asyncio.run(_run(assignment.parse(program), make))


async def _run(task: Assignment, make: MakeStack) -> int:
    happenings: asyncio.Queue[Happening] = asyncio.Queue()
    stopping = asyncio.create_task(running.until_stopped())
    stopping.add_done_callback(lambda _: happenings.put_nowait(StopAsked(clock.monotonic())))
    attempt = Attempt(task.limit, task.hold)
    await asyncio.sleep(0)  # one turn of the loop: now signals are caught
    try:
        async with make(task, happenings.put_nowait) as stack:
            _obey(stack, attempt.start(clock.monotonic()))
            stack.ready()
            while attempt.state is not State.CLOSED:
                _obey(stack, await _next(attempt, happenings))
    except LandfastError as problem:
        _print(Closed(clock.monotonic(), Reason.BROKEN, str(problem)))
        return 1
    finally:
        stopping.cancel()
    return 0 if attempt.reason is Reason.HELD else 1


async def _next(attempt: Attempt, happenings: asyncio.Queue[Happening]) -> list[Output]:
    wait = attempt.deadline - clock.monotonic() if attempt.deadline is not None else None
    with suppress(TimeoutError):
        return attempt.handle(await asyncio.wait_for(happenings.get(), wait))
    return attempt.handle_timer(clock.monotonic())


def _obey(stack: Stack, outputs: list[Output]) -> None:
    for output in outputs:
        if output is Command.BEGIN:
            stack.begin()
        elif output is Command.SAY_DONE:
            stack.done()
        elif not isinstance(output, Command):  # CLOSE is the end of the loop
            _print(output)


def _print(event: report.Event) -> None:
    sys.stdout.write(report.encode(event) + "\n")
    sys.stdout.flush()
