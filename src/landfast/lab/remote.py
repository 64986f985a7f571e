"""A laboratory that is up, and whoever talks to it from another terminal: `lab up`, `lab exec`, `lab event`.

They meet at an abstract UNIX socket, `@landfast/UID/NAME`: the kernel removes it with its holder, so no file is left
over. One connection is one request, a JSON object in a SOCK_SEQPACKET packet; `exec` sends its three standard streams
along, and its connection's end is the end of its program. Both sides talk only to the same user, or to root.

    {"exec": {"host", "argv", "environment", "folder"}}  →  {"code": N}          later packets: {"signal": N}
    {"event": {"what", "on", "lasts"}}                   →  {"done": true}
    {"down": true}                                       →  {"done": true}       once it is down
    anything that fails                                  →  {"error": SENTENCE, "exit": CODE}
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import struct
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from landfast.errors import LandfastError, RequestError, UnknownName, WorldError
from landfast.kernel.host import Program
from landfast.lab import guests, terminal

if TYPE_CHECKING:  # whoever only asks a laboratory needs nothing of it
    from landfast.lab.lab import Lab

# Bytes of a request, most of them an environment's: what an ordinary user may send at once (net.core.wmem_max, twice).
_BIG = 400_000
# An abstract name's: 108 of `sockaddr_un` (unix(7)), of which the first is 0.
_MAX_NAME = 107


def _address(name: str) -> bytes:
    """Where the laboratory of this name listens. Raises RequestError."""
    address = f"landfast/{os.getuid()}/{quote(name, safe='')}".encode()
    if not name or len(address) > _MAX_NAME:
        raise RequestError(f"{name!r} is no name for a laboratory that is up: it is empty or too long")
    return b"\0" + address


def standing() -> list[str]:
    """The names of this user's laboratories that are up."""
    prefix = f"@landfast/{os.getuid()}/"
    places = [line.rpartition(" ")[2] for line in Path("/proc/net/unix").read_text(errors="replace").splitlines()]
    return sorted({unquote(place.removeprefix(prefix)) for place in places if place.startswith(prefix)})


class Door:
    """The listening side: whoever holds it has the name, and whoever knocks waits until it is opened.

    `async with Door(name) as door, Lab(network) as lab: await door.open(lab)`. Entering raises RequestError when the
    name is taken. Whoever said `lab down` has his answer at the end, when the name is free again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._down = asyncio.Event()
        self._waiting: list[socket.socket] = []  # who said `lab down`
        self._tasks: set[asyncio.Task[None]] = set()
        self._lab: Lab

    async def __aenter__(self) -> Door:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        try:
            self._socket.bind(_address(self.name))
        except OSError:
            self._socket.close()
            raise RequestError(
                f"a laboratory called {self.name!r} is up already; `landfast lab down {self.name}` ends it"
            ) from None
        except RequestError:
            self._socket.close()
            raise
        self._socket.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        for connection in self._waiting:
            _say(connection, {"done": True})
            connection.close()

    async def open(self, lab: Lab) -> None:
        """Let in who knocks, until somebody says `lab down` or the laboratory breaks, which leaving it tells."""
        self._lab = lab
        ends = {asyncio.create_task(self._down.wait()), asyncio.create_task(lab.broken())}
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asyncio.get_running_loop().remove_reader(self._socket)
            for task in (*ends, *self._tasks):
                task.cancel()
            await asyncio.gather(*ends, *self._tasks, return_exceptions=True)

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionError):  # who knocked has gone again
            connection, _ = self._socket.accept()
            connection.setblocking(False)
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        streams: list[int] = []
        with connection:
            try:
                _check(connection, "the laboratory is another user's")
                request, streams = await _receive(connection)
                if request is None:
                    return
                if request.get("down") is True:
                    self._waiting.append(connection.dup())
                    self._down.set()
                else:
                    _say(connection, await self._answer(connection, request, streams))
            except LandfastError as problem:
                _say(connection, {"error": str(problem), "exit": problem.exit_code})
            except (KeyError, TypeError, ValueError) as problem:
                _say(connection, {"error": f"not a request: {problem!r}", "exit": RequestError.exit_code})
            finally:
                for stream in streams:
                    os.close(stream)

    async def _answer(self, connection: socket.socket, request: dict[str, Any], streams: list[int]) -> dict[str, Any]:
        match request:
            case {"exec": wanted} if len(streams) == 3:
                program = await self._lab.host(wanted["host"]).start(
                    wanted["argv"],
                    environment={**wanted["environment"], **self._lab.environment},
                    folder=Path(wanted["folder"]),
                    stdin=streams[0],
                    stdout=streams[1],
                    stderr=streams[2],
                    as_user=True,
                )
                while streams:  # the program has them; ours would keep a pipe open that it closes
                    os.close(streams.pop())
                return {"code": await _attended(program, connection)}
            case {"event": wanted}:
                await self._lab.event(wanted["what"], wanted["on"], lasts=wanted["lasts"])
                return {"done": True}
        raise RequestError(f"not a request: {', '.join(request)}")


async def _attended(program: Program, connection: socket.socket) -> int:
    """Wait for a program; signals come over the connection, and with the connection it ends too."""

    async def attend() -> None:
        while True:
            request, _ = await _receive(connection)
            program.send_signal(int(request["signal"]) if request else signal.SIGKILL)
            if not request:
                return

    attending = asyncio.create_task(attend())
    try:
        return await program.wait()
    finally:
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)


def _check(connection: socket.socket, sentence: str) -> None:
    """Raises RequestError unless the other side is the same user's, or root's (SO_PEERCRED, unix(7))."""
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid not in (os.getuid(), 0):
        raise RequestError(sentence)


def _say(connection: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(OSError):  # whoever asked is gone
        connection.send(json.dumps(answer).encode())


async def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """A packet and its descriptors; None at the end of the connection. Raises ValueError for what is no request."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    try:
        packet, streams, _, _ = socket.recv_fds(connection, _BIG, 3)
    except ConnectionError:
        return None, []
    try:
        said = json.loads(packet) if packet else None
        if not isinstance(said, dict | None):
            raise TypeError(type(said).__name__)
    except (TypeError, ValueError):
        for stream in streams:
            os.close(stream)
        raise
    return said, streams


async def event(name: str | None, what: str, on: str, lasts: float | None) -> None:
    """Let something happen to a laboratory that is up. Raises as `ask`."""
    await _ask(name, {"event": {"what": what, "on": on, "lasts": lasts}})


async def down(name: str | None) -> None:
    """End a laboratory that is up. Raises as `ask`."""
    await _ask(name, {"down": True})


async def execute(name: str | None, host: str, argv: list[str]) -> int:
    """Run a command in a laboratory that is up; its exit code as shells say it. Raises as `ask`."""
    wanted = {"host": host, "argv": argv, "environment": dict(os.environ), "folder": str(Path.cwd())}
    async with terminal.streams() as streams:
        numbers = tuple(number if number >= 0 else standard for standard, number in enumerate(streams))
        return guests.shell_code((await _ask(name, {"exec": wanted}, numbers))["code"])


async def _ask(name: str | None, request: dict[str, Any], streams: tuple[int, ...] = ()) -> dict[str, Any]:
    """Ask a laboratory that is up; without a name the only one. While an `exec` runs, signals to us go to it.

    Raises UnknownName, and what the laboratory answers: RequestError or WorldError.
    """
    with _connected(name) as connection, ExitStack() as stack:
        if "exec" in request:
            stack.enter_context(guests.forwarding(lambda number: _say(connection, {"signal": number})))
        try:
            socket.send_fds(connection, [json.dumps(request).encode()], list(streams))
        except OSError as problem:
            if problem.errno != errno.EMSGSIZE:
                raise WorldError(f"the laboratory cannot be asked: {problem.strerror}") from None
            raise RequestError("the command and its environment are too long") from None
        connection.setblocking(False)
        answer, _ = await _receive(connection)
    if answer is None:
        raise WorldError("the laboratory has ended")
    if "error" in answer:
        raise (RequestError if answer["exit"] == RequestError.exit_code else WorldError)(answer["error"])
    return answer


def _connected(name: str | None) -> socket.socket:
    up = standing()
    if name is None and len(up) != 1:
        raise RequestError(
            f"say which laboratory: {', '.join(up)}" if up else "no laboratory is up; `landfast lab up NAME`"
        )
    name = up[0] if name is None else name
    if name not in up:
        raise UnknownName("laboratory that is up", name, up)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BIG)
        connection.connect(_address(name))
        _check(connection, f"what listens as {name!r} is another user's")
    except OSError as problem:
        connection.close()
        raise WorldError(f"the laboratory {name} cannot be reached: {problem.strerror}") from None
    except BaseException:
        connection.close()
        raise
    return connection
