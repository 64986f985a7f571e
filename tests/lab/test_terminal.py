"""A guest that is alone and whose user sits at a terminal has a terminal of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast.kernel.host import INHERIT, Host, Program
from landfast.lab import terminal
from tests.heeding import heeding

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


class Sitting:
    """Somebody at a terminal: types, and reads what is on it."""

    def __init__(self, keyboard: int, program: Program) -> None:
        self.keyboard = keyboard
        self.program = program
        self.screen = b""
        self._news = asyncio.Event()
        os.set_blocking(keyboard, False)
        asyncio.get_running_loop().add_reader(keyboard, self._read)

    def _read(self) -> None:
        self.screen += os.read(self.keyboard, 1 << 16)
        self._news.set()

    async def types(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self.keyboard, text) :]
            except BlockingIOError:  # as fast as it is read
                writable = asyncio.Event()
                asyncio.get_running_loop().add_writer(self.keyboard, writable.set)
                await writable.wait()
                asyncio.get_running_loop().remove_writer(self.keyboard)

    async def sees(self, text: bytes) -> None:
        while text not in self.screen:
            self._news.clear()
            await self._news.wait()


def window(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


@asynccontextmanager
async def sitting(*command: str) -> AsyncIterator[Sitting]:
    """`landfast lab run open -- COMMAND` at a terminal of 40 rows and 123 columns; in the end it is as before."""
    keyboard, screen = os.openpty()
    window(keyboard, 40, 123)
    before = termios.tcgetattr(screen)
    argv = [sys.executable, "-W", "error", "-m", "landfast", "lab", "run", "open", "--", *command]
    program = await Host.here().start(argv, stdin=screen, stdout=screen, stderr=screen)
    here = Sitting(keyboard, program)
    try:
        yield here
        await program.wait()
        assert termios.tcgetattr(screen) == before
    finally:
        program.send_signal(signal.SIGKILL)
        await program.wait()
        asyncio.get_running_loop().remove_reader(keyboard)
        os.close(keyboard)
        os.close(screen)


async def test_a_shell_has_job_control_and_ctrl_c_ends_only_what_it_runs() -> None:
    async with sitting("sh", "-i") as user:
        await user.types(b"sh -c 'echo start$((1+1)); exec sleep 1000'\n")
        await user.sees(b"start2")
        await user.types(b"\x03")
        await user.types(b"echo ended with $?\n")
        await user.sees(b"ended with 130")
        await user.types(b"sh -c 'echo start$((1+2)); exec sleep 1000'\n")
        await user.sees(b"start3")
        await user.types(b"\x1a")  # Ctrl-Z
        await user.sees(b"Stopped")
        await user.types(b"exit 5\n")
        await user.sees(b"stopped jobs")
        await user.types(b"exit 5\n")
        assert await user.program.wait() == 5


async def test_a_guest_knows_the_size_of_our_window_and_hears_when_it_changes() -> None:
    script = 'stty size; "$@"; stty size'
    async with sitting("sh", "-c", script, "sh", *heeding(signal.SIGWINCH)) as user:
        await user.sees(b"40 123")
        await user.sees(b"ready")
        window(user.keyboard, 50, 99)
        user.program.send_signal(signal.SIGWINCH)  # as the kernel does for whom our terminal controls
        await user.sees(b"50 99")
        assert await user.program.wait() == 0


async def test_the_last_words_come_and_then_the_code() -> None:
    async with sitting("sh", "-c", "seq 1 30000; exit 3") as user:
        assert await user.program.wait() == 3
        await user.sees(b"\n30000\r\n")
        lines = user.screen.split(b"\r\n")
        assert [line for line in lines if line.isdigit()] == [b"%d" % n for n in range(2, 30001)]


async def test_what_is_typed_waits_for_a_guest_that_does_not_read() -> None:
    lines = b"".join(b"%099d\n" % n for n in range(1000))
    script = "stty -echo; echo ready; read first; echo $first; cat >/dev/null; echo end$((1+1))"
    async with sitting("sh", "-c", script) as user:
        await user.sees(b"ready")
        await user.types(b"typed\n" + lines + b"\x04")
        await user.sees(b"end2")
        assert await user.program.wait() == 0


async def test_a_signal_to_us_ends_the_guest_and_our_terminal_is_as_it_was() -> None:
    async with sitting("sh", "-c", "echo ready; exec sleep 1000") as user:
        await user.sees(b"ready")
        user.program.send_signal(signal.SIGTERM)
        assert await user.program.wait() == 128 + signal.SIGTERM


async def test_without_a_terminal_a_guest_has_our_streams() -> None:
    reading, writing = os.pipe()
    saved = os.dup(0)
    os.dup2(reading, 0)
    try:
        async with terminal.streams() as streams:
            assert streams == (INHERIT, INHERIT, INHERIT)
    finally:
        os.dup2(saved, 0)
        for each in (reading, writing, saved):
            os.close(each)
