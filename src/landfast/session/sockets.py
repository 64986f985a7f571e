"""The sockets of one agent: UDP, and TCP or TLS to relays. What cannot be sent at once is dropped, not kept for later.

A vanished neighbour must cost nothing: the kernel's own buffer fills, and what comes after is lost as on the network.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from weakref import WeakKeyDictionary

from landfast.kernel.host import family_of
from landfast.model.facts import Endpoint
from landfast.session.ice.events import Open, Path, Socket, Transport
from landfast.session.tickets import Tickets

CONNECTING = 10.0
"""Seconds for TCP and TLS to a relay: three SYNs (0, 1 and 3 s; Linux) and a handshake over a path of 600 ms."""
BACKLOG = 64 * 1024
"""Bytes that a stream may hold unsent: a quarter of a second of a call at 2 Mbit/s; what is older is late."""
_AT_ONCE = 64  # datagrams read before others get their turn
_LARGEST = 1 << 16  # bytes of a datagram
_DATA = b"\4"  # what begins with less is STUN (RFC 7983, section 7)
_PATHS = 256  # addresses remembered per socket, so that not each datagram makes a Path
# The socket can never send again. Other errors are of one destination (EHOSTUNREACH), of a moment (EAGAIN, ENOBUFS) or
# of a firewall (EPERM). ENETUNREACH is either: of a place without a route, or, when our address is gone, of any.
_LOST = {errno.EADDRNOTAVAIL, errno.EINVAL, errno.EBADF, errno.ENODEV, errno.ENXIO}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom the sockets tell. `lost` is also told of one that could not be opened."""

    opened: Callable[[Socket, Endpoint], None]
    arrived: Callable[[bytes, Path], None]
    lost: Callable[[Socket, str], None]
    rested: Callable[[], None]
    """All that had arrived was told."""


class Sockets:
    """By the agent's numbers. `tls` gives the context of TLS connections when the first is made."""

    def __init__(self, owner: Owner, tls: Callable[[], ssl.SSLContext]) -> None:
        self._owner, self._tickets = owner, Tickets(tls)
        self._open: dict[Socket, _Datagrams | _Stream] = {}

    def open(self, wish: Open) -> None:
        """Open what the agent wants: a UDP socket at once, a connection when it is there."""
        if wish.transport is not Transport.UDP:
            self._open[wish.socket] = _Stream(wish, self._owner, self._tickets)
            return
        try:
            opened = self._open[wish.socket] = _Datagrams(wish, self._owner)
        except OSError as problem:
            self._owner.lost(wish.socket, _words(problem))
        else:
            self._owner.opened(wish.socket, opened.local)

    def transmit(self, number: Socket, data: bytes, remote: Endpoint) -> None:
        """Send, or drop."""
        if opened := self._open.get(number):
            opened.transmit(data, remote)

    def close(self, number: Socket) -> None:
        """At once. Of one that is closed: nothing."""
        if opened := self._open.pop(number, None):
            opened.close()

    def close_all(self) -> None:
        """All of them."""
        for number in list(self._open):
            self.close(number)


class _Datagrams:
    """A UDP socket; with a remote address it is connected, so that the kernel chooses its source once and for all."""

    def __init__(self, wish: Open, owner: Owner) -> None:
        self._number, self._owner, self._remote = wish.socket, owner, wish.remote
        self._paths: dict[Endpoint, Path] = {}
        self._loop = asyncio.get_running_loop()
        self._buffer = _buffer(self._loop)
        self._lost = False
        address = wish.local or (wish.remote[0] if wish.remote else "0.0.0.0")
        self._socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            if wish.local:
                self._socket.bind((wish.local, 0))
            if wish.remote:
                self._socket.connect(wish.remote)
            self.local: Endpoint = self._socket.getsockname()[:2]
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    def transmit(self, data: bytes, remote: Endpoint) -> None:
        try:
            if self._remote:
                self._socket.send(data)
            else:
                self._socket.sendto(data, remote)
        except OSError as problem:
            self._failed(problem)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        try:
            for _ in range(_AT_ONCE):
                size, remote = self._socket.recvfrom_into(self._buffer)
                data = bytes(self._buffer[:size])
                self._owner.arrived(data, self._paths.get(remote) or self._path(remote))
                if data[:1] < _DATA:
                    break  # a check comes alone, and to ask whether there is more costs as much as to be told again
        except OSError as problem:  # BlockingIOError: that was all
            self._failed(problem)
        finally:
            self._owner.rested()

    def _path(self, remote: tuple[str, int]) -> Path:
        if len(self._paths) >= _PATHS:
            self._paths.clear()
        path = self._paths[remote] = Path(self._number, (remote[0], remote[1]))
        return path

    def _failed(self, problem: OSError) -> None:
        gone = problem.errno in _LOST or (problem.errno == errno.ENETUNREACH and not _is_ours(self.local[0]))
        if gone and not self._lost:
            self._lost = True
            self._owner.lost(self._number, _words(problem))


class _Stream(asyncio.Protocol):
    """A TCP connection to a relay, with TLS or without."""

    def __init__(self, wish: Open, owner: Owner, tickets: Tickets) -> None:
        assert wish.remote is not None
        self._wish, self._owner, self._remote, self._tickets = wish, owner, wish.remote, tickets
        self._name = wish.name or wish.remote[0]
        self._path = Path(wish.socket, wish.remote)
        self._transport: asyncio.Transport | None = None
        self._heard = self._over = False
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop, secure = asyncio.get_running_loop(), self._wish.transport is Transport.TLS
        try:
            async with asyncio.timeout(CONNECTING):
                await loop.create_connection(
                    lambda: self,
                    *self._remote,
                    local_addr=(self._wish.local, 0) if self._wish.local else None,
                    ssl=self._tickets.context(self._name, self._remote) if secure else None,
                    server_hostname=self._name if secure else None,
                )
        except (OSError, TimeoutError) as problem:  # ssl.SSLError is an OSError
            self._end(
                f"no connection within {CONNECTING:g} s" if isinstance(problem, TimeoutError) else _words(problem)
            )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._over:
            self._transport.abort()
            return
        with suppress(OSError):
            made = transport.get_extra_info("socket")
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owner.opened(self._wish.socket, cast("Endpoint", transport.get_extra_info("sockname")[:2]))

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        if not self._heard:
            self._heard = True
            if self._transport and (made := self._transport.get_extra_info("ssl_object")):
                self._tickets.keep(self._name, self._remote, made)
        self._owner.arrived(data, self._path)
        self._owner.rested()

    def connection_lost(self, problem: Exception | None) -> None:
        self._end(_words(problem) if problem else "closed by the server")

    def transmit(self, data: bytes, _remote: Endpoint) -> None:
        """A message is dropped as a whole, so that the stream stays readable."""
        if self._transport and self._transport.get_write_buffer_size() + len(data) <= BACKLOG:
            self._transport.write(data)

    def close(self) -> None:
        self._over = True
        self._connecting.cancel()
        if self._transport:
            self._transport.abort()

    def _end(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._owner.lost(self._wish.socket, why)


_BUFFERS: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


def _buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """What all sockets of an event loop read into. If each datagram began with the largest, and was then made smaller,
    there would be holes between them: a kilobyte for each session."""
    if loop not in _BUFFERS:
        _BUFFERS[loop] = memoryview(bytearray(_LARGEST))
    return _BUFFERS[loop]


def _is_ours(address: str) -> bool:
    """Whether this host still has the address."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as asking:
        try:
            asking.bind((address, 0))
        except OSError:
            return False
    return True


def _words(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the certificate: {problem.verify_message}"
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem) or type(problem).__name__
