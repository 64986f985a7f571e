"""A server as a program on a Host: started ready, or not at all.

`start`, `listening` and `Running` are for who starts it, `serve` and `until_stopped` for the program itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from landfast.errors import NotReady, WorldError
from landfast.kernel.host import Host, Program

if TYPE_CHECKING:
    from websockets.asyncio.server import Server

READY_WITHIN = 10.0
"""Seconds. coturn needs 0.05 s and Python with websockets 0.2 s; the rest is for a machine that is busy."""

_GRACE = 2.0  # seconds between SIGTERM and SIGKILL: both servers end within milliseconds
_TAIL = 2000  # bytes of the log that an error shows

Cleanup = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    pass


class Log:
    """A file in memory for what a program writes: nothing to read so that it does not block, nothing to sweep up."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("log")
        weakref.finalize(self, os.close, self.descriptor)

    def end(self) -> str:
        """The end of what was written."""
        size = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, _TAIL, max(0, size - _TAIL)).decode(errors="replace").strip()


class Running:
    """A server that runs; `stop` ends it and takes away what it left behind."""

    def __init__(self, program: Program, log: Log, cleanup: Cleanup) -> None:
        self.program = program
        self.log = log
        self._cleanup = cleanup
        self._stopped = False
        # Waits for the end, and so keeps us, and the pipe that the program's life hangs on, for as long.
        self.ended = asyncio.create_task(self._wait())

    async def _wait(self) -> int:
        return await self.program.wait()

    async def stop(self) -> None:
        """End it. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self.program.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.program.wait(), _GRACE)
        self.program.send_signal(signal.SIGKILL)
        await self.program.wait()
        if self.program.stdout:  # the pipe is open until what the program started is gone as well
            with suppress(TimeoutError):
                await asyncio.wait_for(self.program.stdout.read(), _GRACE)
        with suppress(WorldError):  # a sandbox that is gone took everything with it
            await self._cleanup()


async def start(
    host: Host,
    argv: Sequence[str],
    ready: Callable[[Program], Awaitable[object]],
    *,
    environment: Mapping[str, str] | None = None,
    logs_to_stdout: bool = False,
    cleanup: Cleanup = _nothing,
) -> Running:
    """Start a program and wait until `ready` returns.

    Raises NotReady, with the end of the log, when it ends or stays silent.
    """
    log = Log()
    try:
        stdout = log.descriptor if logs_to_stdout else None
        program = await host.start(argv, environment=environment, stdout=stdout, stderr=log.descriptor)
    except BaseException:
        await cleanup()
        raise
    server = Running(program, log, cleanup)
    waiting = asyncio.ensure_future(ready(program))
    try:
        await asyncio.wait({waiting, server.ended}, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            detail = f"it ended with {program.code}: {log.end()}" if server.ended.done() else log.end()
            raise NotReady(argv[0], READY_WITHIN, detail)
        await waiting
    except OSError as problem:  # such as an address that the host has not
        await server.stop()
        raise NotReady(argv[0], READY_WITHIN, f"{problem}: {log.end()}") from None
    except BaseException:
        waiting.cancel()
        await server.stop()
        raise
    return server


async def listening(host: Host, module: str, address: str, port: int, environment: Mapping[str, str]) -> Running:
    """Run one of our own servers, a module that calls `serve`; it listens when this returns. Raises NotReady."""

    async def announced(program: Program) -> None:
        assert program.stdout
        if not await program.stdout.readline():
            await asyncio.Future()  # it ended, and `start` has seen that

    argv = [sys.executable, "-m", module, "--listen", f"{address}:{port}"]
    return await start(host, argv, announced, environment=environment)


async def serve(server: asyncio.Server | Server) -> None:
    """For such a program: announce where it listens, as one line of JSON, and serve until it is stopped."""
    async with server:
        addresses = [list(opened.getsockname()[:2]) for opened in server.sockets]
        sys.stdout.write(json.dumps({"listening": addresses}) + "\n")
        sys.stdout.flush()
        await until_stopped()


def endpoint(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT` or `[ADDRESS]:PORT` of a command line. Raises ValueError."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


async def until_stopped() -> None:
    """For a program: return at SIGTERM or SIGINT, or when whoever started it with a pipe as standard input is gone."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        await stopped.wait()
        return
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    waiting = {asyncio.ensure_future(stopped.wait()), asyncio.ensure_future(reader.read())}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        transport.close()
