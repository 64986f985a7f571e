"""The reflector's sockets, in this process (`serve`); and the same as a program on a Host (`start`)."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

from landfast import clock
from landfast.kernel.host import Host, Program, family_of
from landfast.model.facts import Endpoint
from landfast.servers import running
from landfast.servers.reflector import control
from landfast.servers.reflector.limits import Limits, Waiting
from landfast.servers.reflector.memory import Memory
from landfast.servers.reflector.reply import Reply, reply
from landfast.servers.reflector.settings import Settings
from landfast.servers.running import Running

_LONGEST = 2048  # bytes; beyond what an Ethernet carries nothing is asked
_AT_ONCE = 64  # datagrams of one socket; then the others have their turn

# <linux/in.h>, <linux/in6.h>: never fragment, and do not believe who says that a path is narrow; a probe wants to know.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PROBE = 10, 23, 3


class Reflector:
    """Sockets that answer. `serve` makes one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.memory = Memory()
        self.waiting = Waiting()
        self._limits = Limits(clock.monotonic())
        self._sockets: dict[Endpoint, socket.socket] = {}
        self._loop = asyncio.get_running_loop()

    def open(self, stack: ExitStack) -> None:
        """Listen on every endpoint, and end with the stack. Raises OSError."""
        for at in self.settings.endpoints:
            family = family_of(at[0])
            opened = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
            else:
                opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)
            try:
                opened.bind(at)
            except OSError as problem:
                raise OSError(problem.errno, f"{at[0]} port {at[1]}: {problem.strerror}") from None
            self._sockets[at] = opened
        for at, opened in self._sockets.items():
            self._loop.add_reader(opened, self._readable, at, opened)
            stack.callback(self._loop.remove_reader, opened)

    def _readable(self, here: Endpoint, opened: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, source = opened.recvfrom(_LONGEST)
            except BlockingIOError:
                return
            except OSError:  # what ICMP says of an earlier answer
                continue
            self._came(data, here, source)

    def _came(self, data: bytes, here: Endpoint, source: tuple[str, int]) -> None:
        said = reply(self.settings, data, here, source[:2])
        now = clock.monotonic()
        if said is None or not self._limits.admits(source[0], now):
            return
        if said.after and not self.waiting.begin(source[0]):
            return
        self.memory.saw(said.transaction_id, source[:2], now)  # only now: who was seen will be answered
        if said.after:
            self._loop.call_at(now + said.after, self._send_later, said)
        else:
            self._send(said)

    def _send_later(self, said: Reply) -> None:
        self.waiting.end(said.to[0])
        self._send(said)

    def _send(self, said: Reply) -> None:
        with suppress(OSError):  # a full buffer, no way there, too long for the interface: as if it were lost
            self._sockets[said.by].sendto(said.data, said.to)


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Reflector]:
    """A reflector that answers while the block lasts. Raises OSError for an endpoint that cannot be listened on."""
    with ExitStack() as stack:
        reflector = Reflector(settings)
        reflector.open(stack)
        at = settings.addresses[0], settings.control
        tell = lambda asked: reflector.memory.told(asked, clock.monotonic())  # noqa: E731
        async with await control.listen(at, settings.description, tell):
            yield reflector


def arguments(settings: Settings) -> list[str]:
    """The program's, after its name."""
    said = [word for address in settings.addresses for word in ("--listen", address)]
    said += [word for address in settings.public for word in ("--public", address)]
    ports = {"--port": settings.port, "--other-port": settings.other_port, "--control": settings.control}
    return said + [word for option, port in ports.items() for word in (option, str(port))]


async def start(host: Host, settings: Settings) -> Running:
    """Run one on a host as a process of its own; it listens when this returns. Raises NotReady."""

    async def announced(program: Program) -> None:
        assert program.stdout
        if not await program.stdout.readline():
            await asyncio.Future()  # it ended, and `running.start` has seen that

    argv = [sys.executable, "-m", __package__ or "", *arguments(settings)]
    return await running.start(host, argv, announced)
