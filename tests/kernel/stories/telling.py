"""How a story is told: on which shelf it stands, what it waits for, what it finds.

Only landfast's kernel and the standard library are imported here and by the stories, so that an ordinary user needs no
more than these files.
"""

from __future__ import annotations

import asyncio
import os
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

from landfast.kernel.host import Host, Program
from landfast.kernel.sandbox import Sandbox

Story = Callable[[], Coroutine[None, None, None]]
Teller = Callable[[str], Awaitable[None]]

_seconds = count(80000)


class Shelf(dict[str, Story]):
    """Stories by their names."""

    def of_any_host(self, story: Callable[[Host], Coroutine[None, None, None]]) -> None:
        """The same story of this machine and of a host in a sandbox."""

        async def in_sandbox() -> None:
            async with Sandbox() as sandbox:
                await story(await sandbox.host("robot"))

        self[f"{story.__name__} here"] = partial(story, Host.here())
        self[f"{story.__name__} in_a_sandbox"] = in_sandbox

    def of_sandboxes(self, story: Story) -> None:
        """A story that makes its own."""
        self[story.__name__] = story


def unique_sleep() -> list[str]:
    """A program that stays, with arguments that no other process has."""
    return ["sleep", f"{next(_seconds)}.{os.getpid()}"]


def running(argv: list[str]) -> list[str]:
    """Which processes of this machine have this command line."""
    line = b"\0".join(word.encode() for word in argv) + b"\0"
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            if process.read_bytes() == line:
                found.append(process.parent.name)
    return found


class Raised:
    problem: BaseException


@contextmanager
def raises(*kinds: type[BaseException]) -> Iterator[Raised]:
    """What is done in this context raises one of these."""
    raised = Raised()
    try:
        yield raised
    except kinds as problem:
        raised.problem = problem
    else:
        raise AssertionError(kinds)


async def readable(descriptor: int) -> None:
    """Wait for it."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    await event.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)


async def ended(pid: int) -> None:
    """Wait until a process, anybody's child, has ended (pidfd_open(2))."""
    with suppress(ProcessLookupError):
        await readable(os.pidfd_open(pid))


@types.coroutine
def given_up_at(wait: int, doing: Coroutine[Any, None, Program]) -> Generator[Any, None, Program]:
    """Do this; when it waits for the time of that number, counted from 0, cancel the task that does it."""
    problem: BaseException | None = None
    for number in count():
        try:
            waits_for = doing.throw(problem) if problem else doing.send(None)
        except StopIteration as done:
            return cast("Program", done.value)
        if number == wait:
            cast("asyncio.Task[Program]", asyncio.current_task()).cancel()
        problem = None
        try:
            yield waits_for
        except BaseException as why:  # noqa: BLE001 -- it goes on into what is done
            problem = why
    raise AssertionError


async def line(program: Program) -> str:
    """The next line that a program says."""
    assert program.stdout is not None
    return (await program.stdout.readline()).decode().strip()


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def divided(one: int, other: int) -> float:
    return one / other
