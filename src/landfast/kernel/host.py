"""A Host: *where* something is asked or done. A network namespace, a file-system root and the programs there.

`Host.here()` is this machine; `lab.host("robot")` is one of the laboratory's. Whoever asks or acts takes a Host and
never asks which. Three verbs carry everything else:

* `call(function, ...)` runs a quick module-level function inside the host's network namespace,
* `start(argv, ...)` starts a program there, `run(argv, ...)` also waits for it,
* `socket(...)` opens a socket there; it stays in that namespace wherever it is used afterwards.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from landfast.errors import CapabilityMissing, ProgramFailed, WorldError
from landfast.kernel import pipes
from landfast.kernel.pipes import Pipes

R = TypeVar("R")
Socket = socket.socket  # by another name: inside Host, `socket` is the method

INHERIT = pipes.INHERIT
"""For `start`: the program shares this standard stream with us. None is a pipe, another number a descriptor of ours."""

# Which Debian package brings a program; the sentence of every "not found" comes from here.
PACKAGES = {
    "chromium": "chromium",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "nft": "nftables",
    "systemctl": "systemd",
    "tc": "iproute2",
    "turnserver": "coturn",
    "turnutils_natdiscovery": "coturn",
}

# Debian keeps the network's tools out of an ordinary user's PATH.
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Completed:
    """A program that ended: its code (negative: by that signal) and what it wrote."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def checked(self) -> Completed:
        """Itself, or ProgramFailed when the code is not 0."""
        if self.code:
            raise ProgramFailed(self.argv, self.code, self.stderr)
        return self


class Program(Protocol):
    """A running program. Streams are None where they are inherited."""

    argv: tuple[str, ...]
    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""

    async def wait(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to what it started (its process group); nothing happens when it has ended."""


class Host(ABC):
    """One place. `root` is its file system as seen from this process."""

    name: str
    root: Path

    @staticmethod
    def here() -> Host:
        """This machine, in the namespaces of this process."""
        return LocalHost()

    @abstractmethod
    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        """Run a module-level function there, quickly (all of the laboratory waits), and return what it returns."""

    @abstractmethod
    async def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        """A new non-blocking socket in the host's network namespace."""

    @abstractmethod
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
        """Start a program. `environment` is added to ours; `as_user` runs it without the laboratory's privileges.

        A standard stream that is None becomes a pipe, INHERIT shares ours, another number is a descriptor of ours.
        Raises CapabilityMissing when there is no such program, WorldError when it cannot be started.
        """

    async def run(
        self, argv: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a program to its end with `given` on its standard input."""
        program = await self.start(argv, environment=environment)
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        try:
            out, err, _ = await asyncio.gather(
                program.stdout.read(), program.stderr.read(), _feed(program.stdin, given.encode())
            )
            code = await program.wait()
        except BaseException:
            program.send_signal(signal.SIGKILL)
            await program.wait()
            raise
        return Completed(tuple(argv), code, out.decode(errors="replace"), err.decode(errors="replace"))

    async def udp(self, address: str = "0.0.0.0", port: int = 0) -> Socket:
        """A bound UDP socket; the family follows the address."""
        opened = await self.socket(family_of(address), socket.SOCK_DGRAM)
        try:
            opened.bind((address, port))
        except BaseException:
            opened.close()
            raise
        return opened

    async def connect(
        self, to: tuple[str, int], *, limit: int = 1 << 16
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection; the family follows the address. `limit` is the longest line, in bytes. Raises OSError."""
        opened = await self.socket(family_of(to[0]), socket.SOCK_STREAM)
        try:
            await asyncio.get_running_loop().sock_connect(opened, to)
            return await asyncio.open_connection(sock=opened, limit=limit)
        except BaseException:
            opened.close()
            raise


def family_of(address: str) -> socket.AddressFamily:
    """Of a literal address, as sockets have it."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it may end without reading what we give
        stdin.write(data)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


def program_environment(name: str, added: Mapping[str, str] | None) -> dict[str, str]:
    """Our environment for a program, with the system's tools on PATH. Raises CapabilityMissing when it is not there.

    It is looked for before it is started: exec(3) says "permission denied" when any folder of PATH cannot be read.
    """
    environment = {**os.environ, **(added or {})}
    known = environment.get("PATH", os.defpath).split(os.pathsep)
    environment["PATH"] = os.pathsep.join([*known, *(folder for folder in _SBIN if folder not in known)])
    if shutil.which(name, path=environment["PATH"]) is None:
        package = PACKAGES.get(Path(name).name)
        raise CapabilityMissing(f"program {name}", f"Debian package {package}" if package else "an installation of it")
    return environment


class LocalHost(Host):
    """This machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.name = os.uname().nodename
        self.root = root

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        return function(*arguments)

    async def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        opened = Socket(family, kind, protocol)
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
        full = program_environment(argv[0], environment)
        streams = await Pipes.open((stdin, stdout, stderr))
        try:
            process = subprocess.Popen(
                argv,
                stdin=streams.theirs[0],
                stdout=streams.theirs[1],
                stderr=streams.theirs[2],
                env=full,
                cwd=folder,
                start_new_session=True,  # as in a sandbox: signals reach what it started, the terminal's Ctrl-C is ours
            )
        except OSError as problem:
            streams.close()
            raise WorldError(f"cannot start {argv[0]}: {problem}") from None
        finally:
            streams.given()
        return LocalProgram(tuple(argv), process, streams)


class LocalProgram:
    """A program on this machine."""

    def __init__(self, argv: tuple[str, ...], process: subprocess.Popen[bytes], streams: Pipes) -> None:
        self.argv = argv
        self.stdin, self.stdout, self.stderr = streams.stdin, streams.stdout, streams.stderr
        self._process, self._streams = process, streams
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[int] = self._loop.create_future()
        self._watched = os.pidfd_open(process.pid)  # readable when it ends
        self._loop.add_reader(self._watched, self._ended)

    def _ended(self) -> None:
        self._loop.remove_reader(self._watched)
        os.close(self._watched)
        self._end.set_result(self._process.wait())
        self._streams.ended()

    @property
    def code(self) -> int | None:
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        if not self._end.done():  # it was not waited for, so its number is still its own
            os.killpg(self._process.pid, number)
