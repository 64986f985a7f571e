"""A terminal of its own for a guest, where ours is one: so a shell has job control, and Ctrl-C reaches who it is for.

our terminal, raw  ⇄  `_Relay`, in this process  ⇄  the guest's, which controls its session (`kernel/init.py`)
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from landfast.kernel.host import INHERIT

_CHUNK = 1 << 16
# Seconds for what the guest wrote last; when it ends the kernel hangs its terminal up, and that is told after all else.
_LAST_WORDS = 0.5


@asynccontextmanager
async def streams() -> AsyncIterator[tuple[int, int, int]]:
    """A guest's standard streams, for `Host.start`: ours, or a terminal of its own if our input and output are one."""
    if not (os.isatty(0) and os.isatty(1)):
        yield (INHERIT, INHERIT, INHERIT)
        return
    ours, theirs = os.openpty()
    relay = _Relay(ours)
    before = termios.tcgetattr(0)
    termios.tcsetattr(theirs, termios.TCSANOW, before)
    try:
        tty.setraw(0, termios.TCSADRAIN)
        relay.begin()
        yield (theirs, theirs, theirs if os.isatty(2) else INHERIT)
    finally:
        os.close(theirs)
        await relay.end()
        os.close(ours)
        termios.tcsetattr(0, termios.TCSADRAIN, before)


class _Relay:
    """Carries bytes and the window's size between our terminal and the guest's."""

    def __init__(self, theirs: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._theirs = theirs
        self._typed = b""
        self._hung_up = asyncio.Event()
        os.set_blocking(theirs, False)

    def begin(self) -> None:
        self._resize()
        self._loop.add_signal_handler(signal.SIGWINCH, self._resize)
        self._loop.add_reader(0, self._from_us)
        self._loop.add_reader(self._theirs, self._from_them)

    async def end(self) -> None:
        """After the guest: pass on what it wrote last."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hung_up.wait(), _LAST_WORDS)
        self._loop.remove_reader(0)
        self._loop.remove_reader(self._theirs)
        self._loop.remove_writer(self._theirs)
        self._loop.remove_signal_handler(signal.SIGWINCH)

    def _resize(self) -> None:
        with suppress(OSError):
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, size)  # of which the kernel tells the guest

    def _from_us(self) -> None:
        self._loop.remove_reader(0)
        with suppress(OSError):
            if typed := os.read(0, _CHUNK):
                self._typed += typed
                self._pass_on()
        # Otherwise our terminal is gone, and SIGHUP tells the guest.

    def _pass_on(self) -> None:
        """To the guest, as it reads; no more is read from us meanwhile."""
        try:
            self._typed = self._typed[os.write(self._theirs, self._typed) :]
        except BlockingIOError:
            pass
        except OSError:
            self._typed = b""
        if self._typed:
            self._loop.add_writer(self._theirs, self._pass_on)
        else:
            self._loop.remove_writer(self._theirs)
            self._loop.add_reader(0, self._from_us)

    def _from_them(self) -> None:
        try:
            said = os.read(self._theirs, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: hung up
            said = b""
        if said:
            while said:
                said = said[os.write(1, said) :]
        else:
            self._loop.remove_reader(self._theirs)
            self._hung_up.set()
