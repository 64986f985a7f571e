"""Asking by STUN over UDP: a socket on a Host that repeats its questions by the measured round trip and hears all.

Each send has a transaction id of its own, a stamp: an answer tells which of them it answers. So a late one is known as
such, and a round trip is measured from the right moment (RFC 6298 forbids to measure repetitions that look alike).
"""

from __future__ import annotations

import asyncio
import errno
import random
import secrets
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

from landfast import clock
from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host, family_of
from landfast.model.facts import Endpoint
from landfast.probes.questions import SENDS
from landfast.wire import stun
from landfast.wire.stun import StunMessage

TOKEN = 12
"""Bytes of a transaction id (RFC 8489, section 5)."""

FIRST_RTO, LONGEST_RTO = 0.1, 0.5
"""Seconds until a request is repeated: while the round trip is not known, from the first on doubling to the second,
which is what RFC 8489 (section 6.2.1) begins with; then twice the round trip, within these. On most cellular networks a
round trip is below 0.1 s; a repetition that was not needed costs 100 bytes."""

MAPPING_PORTS, FILTERING_PORTS, BUDGET_PORTS = range(32768, 40960), range(40960, 49152), range(49152, 65536)
"""Local ports (RFC 5780, section 4.1: 32768 and above), each question's apart. A NAT may remember for minutes that a
port asked the server's other address in an earlier run, and let that in; and what it remembers is no new mapping."""

# Of thousands of ports all these are taken only where nothing else works either.
_TRIES = 16

# What nobody asked for is kept up to here, and so is what the kernel says: a flood must not fill the memory.
_MOST = 1024

_LONGEST_DATAGRAM = 65535

# <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>
_SO_BINDTODEVICE = 25
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
# <linux/errqueue.h>, struct sock_extended_err: errno, origin, type, code, padding, info, data.
_EXTENDED = struct.Struct("=IBBBxII")
_LOCAL = 1  # SO_EE_ORIGIN_LOCAL


def token() -> bytes:
    """A new transaction id."""
    return secrets.token_bytes(TOKEN)


async def source(host: Host, server: Endpoint, interface: str = "") -> str:
    """The address that packets to `server` leave with, by the routes (and by `interface`); nothing is sent.

    Raises CapabilityMissing where there is no way.
    """
    address, _ = server
    try:
        opened = await host.socket(family_of(address), socket.SOCK_DGRAM)
    except OSError as problem:  # a kernel without IPv6
        raise _no_way(address, interface, problem) from None
    with opened:
        try:
            if interface:
                opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
            opened.connect(server)
        except OSError as problem:
            raise _no_way(address, interface, problem) from None
        own: str = opened.getsockname()[0]
        return own


def _no_way(address: str, interface: str, problem: OSError) -> CapabilityMissing:
    way = f"a way to {address}" + (f" by {interface}" if interface else "")
    return CapabilityMissing(way, "an interface that is up, with an address and a route", problem.strerror or "")


@dataclass(frozen=True)
class Answer:
    """A response that came."""

    at: float
    message: StunMessage
    source: Endpoint
    seconds: float
    """The round trip, from the very send that it answers; nan where another socket sent that."""
    sent: int = 1
    """How many sends the question had taken by then."""
    length: int = 0
    """Bytes of the UDP payload."""

    @property
    def mapped(self) -> Endpoint | None:
        """Where the server saw the request come from; None in an error."""
        return self.message.mapped


@dataclass(frozen=True)
class Complaint:
    """What the kernel said of a datagram that we sent to `server`: by itself, or because `by` told it so by ICMP."""

    at: float
    number: int
    """errno: EMSGSIZE for too long, ECONNREFUSED for a closed port, EHOSTUNREACH, EACCES and others for a policy."""
    server: Endpoint | None
    by: str | None = None
    mtu: int | None = None
    """What came with EMSGSIZE: the longest IP packet that would have passed, in bytes."""


@dataclass(frozen=True)
class _Sent:
    at: float
    server: Endpoint


class Socket:
    """A UDP socket on a Host, made by `open`. It never raises for what the network does, but notes it in `errors`."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.local: Endpoint = opened.getsockname()[:2]
        self.round_trip: float | None = None
        """Seconds; the longest that was measured. Whoever knows it from another socket may set it."""
        self.errors: list[Complaint] = []
        self._sent: dict[bytes, _Sent] = {}
        self._heard: dict[bytes, Answer] = {}
        self._unasked = 0
        self._awaited: dict[bytes, asyncio.Future[Answer]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(opened, self._read)

    @classmethod
    async def open(cls, host: Host, *, address: str = "0.0.0.0", port: int = 0, interface: str = "") -> Socket:
        """Bound to an address (see `source`), and with `interface` sending only there.

        Raises OSError for an address or interface that is not there.
        """
        family = family_of(address)
        opened = await host.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setsockopt(*_RECVERR[family], 1)  # so that ICMP is heard although the socket is not connected
            if interface:
                opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
            opened.bind((address, port))
        except BaseException:
            opened.close()
            raise
        return cls(opened)

    def close(self) -> None:
        """Idempotent."""
        if self.socket.fileno() >= 0:
            self._loop.remove_reader(self.socket)
            self.socket.close()

    @property
    def rto(self) -> float:
        """Seconds to wait for an answer that may come: twice the round trip."""
        return FIRST_RTO if self.round_trip is None else max(FIRST_RTO, 2 * self.round_trip)

    async def ask(
        self,
        server: Endpoint,
        *,
        sends: int = SENDS,
        change_ip: bool = False,
        change_port: bool = False,
        padding: int = 0,
        attributes: bytes = b"",
        rto: float | None = None,
    ) -> Answer | None:
        """A Binding request, repeated until one of the sends is answered; None after the last one's wait.

        `rto`: seconds between the sends, instead of those that follow from the round trip.
        """
        came: asyncio.Future[Answer] = self._loop.create_future()
        marks: list[bytes] = []
        try:
            for number in range(1, sends + 1):
                marks.append(mark := token())
                self._awaited[mark] = came
                request = stun.binding_request(
                    mark, change_ip=change_ip, change_port=change_port, padding=padding, attributes=attributes
                )
                self.send(request, server)
                # The first wait counts from the first send, so an answer has the time of all repetitions together.
                doubled = 1 if self.round_trip else 2 ** (number - 1)
                pause = min(self.rto * doubled, LONGEST_RTO) if rto is None else rto
                if number == sends:
                    pause = max(pause, self.rto)
                await asyncio.wait([came], timeout=pause)
                if came.done():
                    return replace(came.result(), sent=number)
        finally:
            for mark in marks:
                self._awaited.pop(mark, None)
        return None

    async def hear(self, mark: bytes, within: float) -> Answer | None:
        """The first response with this transaction id, whoever asked for it; None when there was none in time."""
        if mark not in self._heard:
            came = self._awaited[mark] = self._loop.create_future()
            try:
                await asyncio.wait([came], timeout=within)
            finally:
                self._awaited.pop(mark, None)
        return self._heard.get(mark)

    def heard(self, mark: bytes) -> Answer | None:
        """The first response with this transaction id that has come."""
        return self._heard.get(mark)

    def send(self, data: bytes, server: Endpoint) -> bool:
        """Send a STUN message; False when the kernel refuses, and why is kept in `errors`."""
        for _ in range(_MOST):
            now = clock.monotonic()
            try:
                self.socket.sendto(data, server)
            except OSError as problem:
                # With IP_RECVERR a send may report what ICMP said of an earlier one, and is then not done: once more.
                complaints = self._read_complaints()
                if complaints and all(complaint.by is not None for complaint in complaints):
                    continue
                if not complaints:
                    self._note(Complaint(clock.monotonic(), problem.errno or 0, server))
                return False
            self._sent[data[8 : 8 + TOKEN]] = _Sent(now, server)
            return True
        return False

    def unanswered(self, server: Endpoint) -> list[float]:
        """When requests were sent to this server that nobody has answered."""
        return [sent.at for mark, sent in self._sent.items() if sent.server == server and mark not in self._heard]

    def _read(self) -> None:
        self._read_complaints()
        for _ in range(_MOST):  # then others have their turn
            try:
                data, address = self.socket.recvfrom(_LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # what ICMP said; it is in the queue of complaints too
                continue
            message = stun.parse(data)
            if message is not None and not message.is_request:
                self._hear(message, address[:2], len(data))

    def _hear(self, message: StunMessage, origin: Endpoint, length: int) -> None:
        mark, now = message.transaction_id, clock.monotonic()
        if mark in self._heard:
            return
        sent = self._sent.get(mark)
        if sent is None and mark not in self._awaited:
            self._unasked += 1
            if self._unasked > _MOST:
                return
        seconds = nan if sent is None else now - sent.at
        if sent is not None and origin == sent.server:
            self.round_trip = max(seconds, self.round_trip or 0.0)
        answer = self._heard[mark] = Answer(now, message, origin, seconds, length=length)
        if (awaited := self._awaited.get(mark)) and not awaited.done():
            awaited.set_result(answer)

    def _read_complaints(self) -> list[Complaint]:
        """Empty the socket's queue of errors (ip(7), IP_RECVERR)."""
        found: list[Complaint] = []
        while True:
            try:
                _, ancillary, _, address = self.socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return found
            for level, kind, data in ancillary:
                if (level, kind) in _RECVERR.values() and len(data) >= _EXTENDED.size:
                    number, origin, _, _, info, _ = _EXTENDED.unpack_from(data)
                    by = None if origin == _LOCAL else _offender(data[_EXTENDED.size :])
                    mtu = info if number == errno.EMSGSIZE else None
                    complaint = Complaint(clock.monotonic(), number, address[:2] if address else None, by, mtu)
                    self._note(complaint)
                    found.append(complaint)

    def _note(self, complaint: Complaint) -> None:
        if len(self.errors) < _MOST:
            self.errors.append(complaint)


async def anywhere(host: Host, ports: Sequence[int], *, address: str, interface: str = "") -> Socket:
    """A socket on a random free one of these ports. Raises OSError like `Socket.open`."""
    *tries, last = random.sample(ports, _TRIES)
    for port in tries:
        try:
            return await Socket.open(host, address=address, port=port, interface=interface)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
    return await Socket.open(host, address=address, port=last, interface=interface)


def _offender(address: bytes) -> str:
    """Who said it: the sockaddr after the extended error (SO_EE_OFFENDER); empty where the kernel does not know."""
    if address[:2] == struct.pack("=H", socket.AF_INET):
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if address[:2] == struct.pack("=H", socket.AF_INET6):
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return ""
