"""A sandbox: one tree of namespaces that dies with whoever holds it. The hosts of a laboratory live in one.

`Sandbox` is this side; `init.py` is PID 1 on the other. Works as root and as an ordinary user (then in a user namespace
of its own). Sockets come over as descriptors and programs run inside, so the holder never changes its namespaces.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from landfast.errors import WorldError
from landfast.kernel import init
from landfast.kernel.host import Host, Program, program_environment
from landfast.kernel.pipes import Pipes

R = TypeVar("R")

KILLED = -signal.SIGKILL  # how the kernel ends programs whose PID 1 has gone


class Sandbox:
    """`async with Sandbox() as sandbox: robot = await sandbox.host("robot")`.

    Entering raises CapabilityMissing where this user may not make namespaces. Leaving returns when every process inside
    has ended. `pid` is the sandbox's PID 1 as seen from here.
    """

    pid: int

    def __init__(self) -> None:
        self._numbers = count(init.READY + 1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._programs: dict[int, SandboxProgram] = {}
        self._pipes: list[Pipes] = []
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Sandbox:
        self._loop = asyncio.get_running_loop()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, init.BIG)
        self._said = os.memfd_create("stderr of a sandbox")  # not a pipe: nobody has to drain it
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", init.__name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=self._said,
                env={**os.environ, "PYTHONPATH": _importable()},
            )
        ready = self._waiting[init.READY] = self._loop.create_future()
        self._loop.add_reader(self._control, self._readable)
        try:
            self.pid = await ready
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._control)
        self._control.close()  # PID 1 hears this, goes, and takes all others with it
        if hasattr(self, "pid"):
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # even if a call does not come back
        self._lost(WorldError("the sandbox was left"))
        for pipes in self._pipes:
            pipes.close()
        await asyncio.to_thread(self._process.wait)
        os.close(self._said)

    async def host(self, name: str) -> SandboxHost:
        """A new, empty host: a network namespace and a root folder."""
        descriptor = await self.ask("network", name)
        return SandboxHost(self, name, Path(f"/proc/{self.pid}/root{init.ROOT}/{name}"), f"/proc/1/fd/{descriptor}")

    async def ask(self, verb: str, *arguments: object) -> Any:
        """Send a request to PID 1 and wait for its answer."""
        return await self._ask(next(self._numbers), verb, arguments)

    async def _ask(self, number: int, verb: str, arguments: Sequence[object], descriptors: Sequence[int] = ()) -> Any:
        answer = self._waiting[number] = self._loop.create_future()
        packet = init.pack(number, (verb, *arguments))
        try:
            async with self._turn:
                while not self._sent(packet, descriptors):
                    await self._writable()
        except BaseException:
            del self._waiting[number]
            self._end(number, KILLED)
            raise
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled():  # cancelled between the answer and our turn
                _give_back(answer)
            raise

    def _sent(self, packet: bytes, descriptors: Sequence[int]) -> bool:
        try:
            socket.send_fds(self._control, [packet], list(descriptors))
        except BlockingIOError:
            return False
        except OSError as problem:
            raise WorldError(f"the sandbox cannot be asked: {problem.strerror}") from None
        return True

    async def _writable(self) -> None:
        """Until there is room for a packet. One at a time: a loop has one writer for each descriptor."""
        writable = asyncio.Event()
        self._loop.add_writer(self._control, writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(self._control)

    def _readable(self) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, init.BIG, init.DESCRIPTORS)
        except BlockingIOError:
            return
        except ConnectionError:
            packet, descriptors = b"", []
        if not packet:
            self._loop.remove_reader(self._control)
            self._lost(WorldError(f"the sandbox ended: {self._last_words()}"))
            return
        number, read = init.unpack(packet)
        try:
            kind, value = read()
        except Exception as problem:  # a value's own way of being read may raise anything
            kind, value = "error", WorldError(f"an answer of the sandbox cannot be read: {problem}")
        if kind == "ended":
            self._end(number, value)
            return
        if kind == "error":
            self._end(number, KILLED)  # had it been a program's start
        if descriptors:
            value = socket.socket(fileno=descriptors[0])
        answer = self._waiting.pop(number)
        if answer.done():  # nobody waits any more
            if descriptors:
                value.close()
        elif kind == "error":
            answer.set_exception(value)
        else:
            answer.set_result(value)

    def _end(self, number: int, code: int) -> None:
        """A program has ended, or never was."""
        if program := self._programs.pop(number, None):
            program.ended(code)

    def _last_words(self) -> str:
        written = os.pread(self._said, init.BIG, 0).decode(errors="replace").strip()
        return written.rpartition("\n")[2] or "no message"

    def _lost(self, problem: Exception) -> None:
        """Nobody will answer any more, and no program runs."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(problem)
        self._waiting.clear()
        for program in self._programs.values():
            program.ended(KILLED)
        self._programs.clear()

    async def start(self, spawn: init.Spawn, streams: Sequence[int | None]) -> Program:
        """Start a program; see `Host.start`."""
        number = next(self._numbers)
        pipes = await Pipes.open(streams)
        program = self._programs[number] = SandboxProgram(self, number, spawn.argv, pipes)
        try:
            program.pid = await self._ask(number, "start", [spawn], pipes.theirs)
        except BaseException as problem:
            pipes.close()
            if number in self._programs:  # given up while the request is on its way
                program.send_signal(signal.SIGKILL)
                await program.wait()
            if isinstance(problem, OSError):
                raise WorldError(f"cannot start {spawn.argv[0]}: {problem}") from None
            raise
        finally:
            pipes.given()
        self._pipes = [each for each in self._pipes if not each.closed] + [pipes]
        return program


def _give_back(answer: asyncio.Future[Any]) -> None:
    if answer.exception() is None and isinstance(answer.result(), socket.socket):
        answer.result().close()


def _importable() -> str:
    """Functions are called by name over there: what we can import must be found by PID 1 too."""
    return os.pathsep.join(str(Path(place).absolute()) for place in sys.path)


class SandboxProgram:
    """A program in a sandbox. `pid` is its PID in there."""

    pid: int

    def __init__(self, sandbox: Sandbox, number: int, argv: tuple[str, ...], pipes: Pipes) -> None:
        self.argv = argv
        self.stdin, self.stdout, self.stderr = pipes.stdin, pipes.stdout, pipes.stderr
        self._sandbox, self._number, self._streams = sandbox, number, pipes
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def code(self) -> int | None:
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def ended(self, code: int) -> None:
        """PID 1 says that it ended."""
        if not self._end.done():
            self._end.set_result(code)
            self._streams.ended()

    def send_signal(self, number: int) -> None:
        if not self._end.done():
            asking = asyncio.ensure_future(self._sandbox.ask("signal", self._number, number))
            # When the sandbox has gone meanwhile the program has too.
            asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())


class SandboxHost(Host):
    """One host of a sandbox. `network` is a path to its network namespace as PID 1 and its children see it."""

    def __init__(self, sandbox: Sandbox, name: str, root: Path, network: str) -> None:
        self.name = name
        self.root = root
        self.network = network
        self._sandbox = sandbox

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        return cast("R", await self._sandbox.ask("call", self.name, function, arguments))

    async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        opened: socket.socket = await self._sandbox.ask("call", self.name, socket.socket, (family, kind, protocol))
        opened.setblocking(False)
        return opened

    async def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        as_user: bool = False,
    ) -> Program:
        user = (os.getuid(), os.getgid()) if as_user else None
        full = program_environment(argv[0], environment)
        spawn = init.Spawn(self.name, tuple(argv), full, str(folder) if folder else None, user)
        return await self._sandbox.start(spawn, (stdin, stdout, stderr))
