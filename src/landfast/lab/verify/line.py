"""A UDP socket anywhere in the laboratory, read by our own loop: what comes is kept, and found again by its token.

A token is a STUN transaction id, or the first bytes of any other datagram, so one question can be followed from socket
to socket by the one process that holds both ends.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from landfast import clock
from landfast.kernel.host import Host, family_of
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import StunMessage

TOKEN = 12
"""Bytes, as a STUN transaction id has them (RFC 8489, section 5)."""

# <linux/in.h>, <asm-generic/socket.h>
_IP_MTU_DISCOVER, _IP_PMTUDISC_DO = 10, 2
_SO_BINDTODEVICE = 25


def token() -> bytes:
    """A new one."""
    return secrets.token_bytes(TOKEN)


@dataclass(frozen=True)
class Came:
    """A datagram that came."""

    at: float
    source: Endpoint
    length: int
    message: StunMessage | None
    """None: not STUN."""


class Line:
    """One socket, made by `open`. It never raises for what the network does, but notes it in `errors`."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.local: Endpoint = opened.getsockname()[:2]
        self.came: defaultdict[bytes, list[Came]] = defaultdict(list)
        self.errors: list[int] = []
        """What the kernel said, as errno: ICMP errors (on a connected socket), no route, a datagram too long."""
        self.asked: Callable[[Came, StunMessage], None] | None = None
        """What answers requests, on a responder's line."""
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(opened, self.read)

    @classmethod
    async def open(
        cls, host: Host, address: str, port: int = 0, *, interface: str = "", anywhere: bool = False
    ) -> Line:
        """A bound socket. With `interface` it sends only there; with `anywhere` the address need not be the host's own.

        Its IPv4 datagrams are never fragmented. Raises OSError for an address that is not there.
        """
        family = family_of(address)
        opened = await host.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET:
                opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
            if anywhere:
                opened.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
            if interface:
                opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
            opened.bind((address, port))
        except OSError:
            opened.close()
            raise
        return cls(opened)

    def close(self) -> None:
        """Idempotent."""
        if self.socket.fileno() >= 0:
            self._loop.remove_reader(self.socket)
            self.socket.close()

    def connect(self, to: Endpoint) -> None:
        """From now on ICMP errors about what is sent there are heard."""
        try:
            self.socket.connect(to)
        except OSError as problem:
            self._note(problem)

    def send(self, data: bytes, to: Endpoint | None = None) -> bool:
        """Send to an endpoint, or where it is connected; False, and a note in `errors`, when the kernel refuses."""
        while True:
            try:
                self.socket.send(data) if to is None else self.socket.sendto(data, to)
            except OSError as problem:
                self._note(problem)
                # That one was about an earlier datagram; this one was not sent.
                if problem.errno == errno.ECONNREFUSED:
                    continue
                return False
            return True

    def _note(self, problem: OSError) -> None:
        self.errors.append(problem.errno or 0)

    def read(self) -> None:
        """Take what has come; the loop does it, whoever cannot wait for the loop may too."""
        while True:
            try:
                data, source = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError as problem:
                self._note(problem)
                continue
            message = stun.parse(data)
            mark = message.transaction_id if message else data[:TOKEN]
            came = Came(clock.monotonic(), source[:2], len(data), message)
            self.came[mark].append(came)
            if message and message.is_request and self.asked:
                self.asked(came, message)
            if (waiting := self._waiting.get(mark)) and not waiting.done():
                waiting.set_result(None)

    async def wait(self, mark: bytes, seconds: float) -> Came | None:
        """The first datagram with this token; None when there was none in time."""
        if mark not in self.came:
            waiting = self._waiting[mark] = self._loop.create_future()
            try:
                await asyncio.wait_for(waiting, seconds)
            except TimeoutError:
                return None
            finally:
                del self._waiting[mark]
        return self.came[mark][0]
