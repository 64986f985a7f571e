"""Guests: the commands that users run on the laboratory's hosts.

They run with the user's own uid, and learn from their environment where the laboratory's servers are.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from landfast.errors import RequestError
from landfast.kernel.host import INHERIT, Program
from landfast.lab import terminal

if TYPE_CHECKING:
    from landfast.lab.lab import Lab

# Seconds that a guest may take to end after SIGTERM before it is killed; `docker stop` waits as long.
GRACE = 10.0
# Seconds for the last lines of guests that have ended; longer only if a process that they left behind could write more.
_LAST_LINES = 0.5
_LONG_LINE = 1 << 16  # bytes; what is longer comes in pieces
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

Write = Callable[[str, int, bytes], None]
"""Takes a line without its end: who wrote it, on which standard stream (1 or 2), what."""


@dataclass(frozen=True)
class Guest:
    """A command and the host that it runs on."""

    host: str
    argv: tuple[str, ...]


def split(words: Sequence[str], host: str) -> list[Guest]:
    """`CMD… [--on HOST -- CMD…]…` → guests; the first is on `host`. Raises RequestError when one has no command."""
    guests: list[Guest] = []
    argv: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--on" and rest[1:2] == ["--"]:
            guests.append(Guest(host, tuple(argv)))
            host, argv, rest = rest[0], [], rest[2:]
        else:
            argv.append(word)
    guests.append(Guest(host, tuple(argv)))
    for guest in guests:
        if not guest.argv:
            raise RequestError(f"nothing to run on {guest.host}: write -- COMMAND …")
    return guests


def shell_code(code: int) -> int:
    """An exit code as shells say it: 128 + the signal's number for what a signal ended (POSIX, section 2.8.2)."""
    return code if code >= 0 else 128 - code


async def run(lab: Lab, guests: Sequence[Guest], write: Write) -> int:
    """Run guests; the exit code is the last one's, at whose end the others are ended.

    One guest has our standard streams, or a terminal of its own where ours are one; the lines of several go to `write`.
    """
    party = _Party(lab)
    with forwarding(party.forward):  # they decide whether to end
        if len(guests) == 1:
            async with terminal.streams() as streams, party:
                return shell_code(await (await party.start(guests[0], streams)).wait())
        return await _several(party, guests, write)


async def _several(party: _Party, guests: Sequence[Guest], write: Write) -> int:
    reading: set[asyncio.Task[None]] = set()
    try:
        async with party:
            for guest in guests:
                program = await party.start(guest, (INHERIT if guest is guests[-1] else None, None, None))
                for number, stream in ((1, program.stdout), (2, program.stderr)):
                    assert stream
                    reading.add(asyncio.create_task(_lines(stream, partial(write, guest.host, number))))
                if program.stdin:
                    program.stdin.close()
            return shell_code(await party.programs[-1].wait())
    finally:
        if reading:
            _, late = await asyncio.wait(reading, timeout=_LAST_LINES)
            for task in late:
                task.cancel()


class _Party:
    """Guests that are here together. Leaving ends those that still run."""

    def __init__(self, lab: Lab) -> None:
        self.programs: list[Program] = []
        self._lab = lab
        self._heard: list[int] = []

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(self.programs)

    async def start(self, guest: Guest, streams: Sequence[int | None]) -> Program:
        """Start one, as the user, with the laboratory's environment; it hears what the others have heard."""
        stdin, stdout, stderr = streams
        program = await self._lab.host(guest.host).start(
            guest.argv, environment=self._lab.environment, stdin=stdin, stdout=stdout, stderr=stderr, as_user=True
        )
        self.programs.append(program)
        for number in self._heard:
            program.send_signal(number)
        return program

    def forward(self, number: int) -> None:
        """Tell everybody a signal."""
        self._heard.append(number)
        for program in self.programs:
            program.send_signal(number)


async def end(programs: Sequence[Program]) -> None:
    """SIGTERM, and SIGKILL for whoever does not listen."""
    for program in programs:
        program.send_signal(signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            for program in programs:
                await program.wait()
    for program in programs:
        program.send_signal(signal.SIGKILL)
        await program.wait()


@contextmanager
def forwarding(forward: Callable[[int], object]) -> Iterator[None]:
    """While this lasts, the signals with which people end programs go to `forward`, and do nothing to us."""
    loop = asyncio.get_running_loop()
    added = []
    try:
        for number in FORWARDED:
            with suppress(RuntimeError, ValueError):  # not the main thread: nobody sends it signals
                loop.add_signal_handler(number, forward, number)
                added.append(number)
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


async def _lines(stream: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
    rest = b""
    while chunk := await stream.read(_LONG_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            write(line)
        if len(rest) >= _LONG_LINE:
            write(rest)
            rest = b""
    if rest:
        write(rest)
