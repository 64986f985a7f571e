"""The ground on real sockets of a host: the least of an owner that it can do with."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.probes import connecting
from landfast.session.ice.events import Close, Open, Path, Resolve, Socket, Transmit, Transport
from landfast.session.ice.ground import Ground, Said


class Driver:
    """`told` and `got` are what came of it so far."""

    def __init__(self, host: Host, ground: Ground, context: ssl.SSLContext) -> None:
        self.ground = ground
        self.told: list[Said] = []
        self.got: list[tuple[bytes, Path]] = []
        self._host, self._context = host, context
        self._tasks: dict[Socket, asyncio.Task[None]] = {}
        self._send: dict[Socket, Callable[[bytes, Endpoint], object]] = {}
        self._happened: asyncio.Queue[Callable[[], None]] = asyncio.Queue()

    async def until(self, wanted: Callable[[], bool], within: float = 10.0) -> bool:
        """Drive until something is true; False when it is not after so many seconds."""
        limit = clock.monotonic() + within
        while True:
            self._take()
            if wanted():
                return True
            now = clock.monotonic()
            if now >= limit:
                return False
            deadline = self.ground.deadline
            try:
                wait = max(min(limit, limit if deadline is None else deadline) - now, 0)
                happened = await asyncio.wait_for(self._happened.get(), wait)
            except TimeoutError:
                self.ground.handle_timer(clock.monotonic())
            else:
                happened()

    def _take(self) -> None:
        while item := self.ground.poll():
            match item:
                case Open():
                    self._tasks[item.socket] = asyncio.create_task(self._run(item))
                case Close(socket):
                    self._send.pop(socket, None)
                    self._tasks.pop(socket).cancel()
                case Transmit(socket, data, remote):
                    with suppress(OSError):
                        self._send[socket](data, remote)
                case Resolve(name):
                    self.ground.resolved(name, [name], clock.monotonic())
                case _:
                    self.told.append(item)

    async def _run(self, wish: Open) -> None:
        try:
            if wish.transport is Transport.UDP:
                await self._datagrams(wish)
            else:
                await self._stream(wish)
        except (OSError, connecting.Problem) as problem:
            why = str(problem)
            self._happened.put_nowait(lambda: self.ground.closed(wish.socket, why, clock.monotonic()))

    async def _datagrams(self, wish: Open) -> None:
        with await self._host.udp(wish.local or "0.0.0.0") as bound:
            if wish.remote:
                bound.connect(wish.remote)
            self._opened(wish, bound.getsockname(), bound.sendto)
            while True:
                data, remote = await asyncio.get_running_loop().sock_recvfrom(bound, 1 << 16)
                self._arrived(wish, data, remote)

    async def _stream(self, wish: Open) -> None:
        assert wish.remote
        connected = await connecting.tcp(self._host, wish.remote)
        local = connected.getsockname()
        context = self._context if wish.transport is Transport.TLS else None
        line = await connecting.stream(connected, context, wish.name or "")
        try:
            self._opened(wish, local, lambda data, _: line.send(data))
            while data := await line.receive():
                self._arrived(wish, data, wish.remote)
            raise ConnectionResetError("closed")
        finally:
            line.close()

    def _opened(self, wish: Open, local: Endpoint, send: Callable[[bytes, Endpoint], object]) -> None:
        def opened() -> None:
            if wish.socket in self._tasks:
                self._send[wish.socket] = send
                self.ground.opened(wish.socket, local[:2], clock.monotonic())

        self._happened.put_nowait(opened)

    def _arrived(self, wish: Open, data: bytes, remote: Endpoint) -> None:
        def arrived() -> None:
            self.got += self.ground.receive(data, Path(wish.socket, remote[:2]), clock.monotonic())

        self._happened.put_nowait(arrived)
