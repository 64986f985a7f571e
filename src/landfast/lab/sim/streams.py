"""Reliable streams, as a simple model of TCP and of TLS on it. Pure.

What is modelled: the handshakes' round trips, order, repetition with Linux's timers and of what the other end says that
it misses (RFC 2018), resets by whoever knows nothing of the stream, and that nobody notices when the other end is gone.
What is not: windows and congestion.

    CONNECTING ──synchronised──▶ SHAKING (TLS) ──the other's handshake──▶ OPEN ──reset, given up, closed──▶ CLOSED
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from itertools import islice
from typing import TYPE_CHECKING

from landfast.lab.sim.packet import TCP, Key, Packet
from landfast.model.facts import Endpoint

if TYPE_CHECKING:
    from landfast.lab.sim.hosts import Host

_HEADER = struct.Struct("!B3xII")  # kind, number of the segment, the next one that is expected
_SEGMENT = 1448  # bytes of data in a full frame
# Linux: TCP_RTO_MIN, TCP_TIMEOUT_INIT, TCP_RTO_MAX; tcp_syn_retries, tcp_retries2.
_RTO_MIN, _RTO_FIRST, _RTO_MAX = 0.2, 1.0, 120.0
_SYN_RETRIES, _RETRIES = 6, 15
_HOLE = struct.Struct("!II")  # the first segment that is missing, and the next that is not
_HOLES = 4  # named in an acknowledgement (RFC 2018, section 3)
_BURST = 10 * _SEGMENT  # RFC 6928: what goes out at once; small segments are put together when they are repeated
# Sizes of TLS 1.3's first flights: a usual ClientHello; the answer with a chain of two certificates.
_HELLO, _FLIGHT = b"\x16\x03\x01".ljust(517, b"\0"), b"\x16\x03\x03".ljust(3000, b"\0")


class Kind(IntEnum):
    """What a segment is for."""

    SYN = 1
    SYN_ACK = 2
    DATA = 3
    ACK = 4
    FIN = 5
    RST = 6


_KINDS = {each.value: each for each in Kind}  # of every segment: an enumeration takes twenty times as long


class State(Enum):
    """What a stream is doing."""

    CONNECTING = "connecting"
    SHAKING = "shaking"
    OPEN = "open"
    CLOSED = "closed"


class Stream:
    """One end of a stream. `closed` is called once, when the other end or the way to it is gone."""

    def __init__(self, streams: Streams, key: Key, *, tls: bool, server: bool) -> None:
        self.opened: Callable[[], None] = _nothing
        self.received: Callable[[bytes], None] = _ignore
        self.closed: Callable[[], None] = _nothing
        self.state = State.CONNECTING
        self._streams, self._key, self._tls, self._server = streams, key, tls, server
        self._sent = 0
        self._waiting: dict[int, tuple[Kind, bytes]] = {}
        self._said: dict[int, float] = {}  # when each of them was last sent
        self._recovers = 0  # what is below was on its way when nothing was acknowledged any more
        self._expected = 0
        self._early: dict[int, tuple[Kind, bytes]] = {}
        self._shaken = b""
        self._tries = 0
        self._rto, self._due = _RTO_FIRST, 0.0
        self._timing: tuple[int, float] | None = None
        self._trip = _RTO_FIRST  # the shortest that was measured

    @property
    def local(self) -> Endpoint:
        """Our address and port."""
        return self._key[1:3]

    @property
    def remote(self) -> Endpoint:
        """Whom we speak to."""
        return self._key[3:5]

    @property
    def waiting(self) -> int:
        """Bytes that the other end has not acknowledged."""
        return sum(len(data) for _, data in self._waiting.values())

    def send(self, data: bytes) -> None:
        """Send bytes; nothing happens unless it is open."""
        if self.state is State.OPEN:
            self._put(data)

    def close(self) -> None:
        """Say good-bye and forget it; `closed` is not called."""
        if self.state not in (State.CLOSED, State.CONNECTING):
            self._say(Kind.FIN, self._sent)
        self._end()

    def begin(self) -> None:
        """Make oneself known to the other end."""
        self._queue(Kind.SYN_ACK if self._server else Kind.SYN, b"")

    def take(self, kind: Kind, number: int, expected: int, data: bytes) -> None:
        """A segment came."""
        if kind is Kind.RST:
            self._lost()
            return
        self._acknowledged(expected)
        if kind is Kind.ACK:
            for first, end in _HOLE.iter_unpack(data):
                self._repeat(first, end)
        if kind in (Kind.SYN, Kind.SYN_ACK) and number < self._expected:
            self._say(Kind.ACK, self._sent)  # again: ours was lost
        elif kind is not Kind.ACK:
            if number >= self._expected:
                self._early[number] = kind, data
            while self.state is not State.CLOSED and self._expected in self._early:
                arrived = self._early.pop(self._expected)
                self._expected += 1
                self._arrived(*arrived)
            if self.state is not State.CLOSED and not (self._server and kind is Kind.SYN):
                self._say(Kind.ACK, self._sent, b"".join(islice(self._holes(), _HOLES)))

    def _holes(self) -> Iterator[bytes]:
        """What has not arrived, though something behind it has."""
        next_ = self._expected
        for number in sorted(self._early):
            if number > next_:
                yield _HOLE.pack(next_, number)
            next_ = number + 1

    def _arrived(self, kind: Kind, data: bytes) -> None:
        if kind is Kind.FIN:
            self._lost()
        elif kind is Kind.SYN_ACK:
            self._established()
        elif kind is Kind.SYN:
            self.begin()
        elif self.state is State.SHAKING:
            self._shaken += data
            self._shake()
        elif self.state is State.OPEN:
            self.received(data)

    def _established(self) -> None:
        if not self._tls:
            self.state = State.OPEN
            self.opened()
            return
        self.state = State.SHAKING
        if not self._server:
            self._put(_HELLO)

    def _shake(self) -> None:
        theirs, ours = (_HELLO, _FLIGHT) if self._server else (_FLIGHT, b"")
        if self._shaken[:3] != theirs[: len(self._shaken[:3])]:  # who speaks no TLS
            self._say(Kind.RST, self._sent)
            self._lost()
        elif len(self._shaken) >= len(theirs):
            self._put(ours)
            self.state = State.OPEN
            self.opened()

    def _put(self, data: bytes) -> None:
        for start in range(0, len(data), _SEGMENT):
            self._queue(Kind.DATA, data[start : start + _SEGMENT])

    def _queue(self, kind: Kind, data: bytes) -> None:
        """Send a segment that is to be acknowledged."""
        if not self._waiting:
            self._arm()
        number, self._sent = self._sent, self._sent + 1
        now = self._streams.host.world.now
        self._waiting[number], self._said[number] = (kind, data), now
        self._timing = self._timing or (number, now)
        self._say(kind, number, data)

    def _say(self, kind: Kind, number: int, data: bytes = b"") -> None:
        self._streams.say(self._key, kind, number, self._expected, data)

    def _arm(self) -> None:
        world = self._streams.host.world
        self._due = world.now + min(_RTO_MAX, self._rto * 2**self._tries)
        world.push(self._due, self._late, self._due, None)

    def _late(self, due: float, _: None) -> None:
        """Nothing was acknowledged in time: repeat, or give up."""
        if due != self._due or not self._waiting or self.state is State.CLOSED:
            return
        self._tries += 1
        if self._tries > (_SYN_RETRIES if self.state is State.CONNECTING else _RETRIES):
            self._lost()
            return
        self._timing = None  # Karn's rule: what was repeated is not timed
        self._recovers = self._sent
        self._repeat(next(iter(self._waiting)), self._sent)
        self._arm()

    def _repeat(self, first: int, end: int) -> None:
        """Send these again, as much as goes out at once, but what is on its way."""
        size, now = 0, self._streams.host.world.now
        for number in range(first, end):
            kind, data = self._waiting.get(number, (Kind.ACK, b""))
            size += len(data)
            if size > _BURST:
                break
            if kind is not Kind.ACK and now >= self._said[number] + self._trip:
                self._said[number] = now
                self._say(kind, number, data)

    def _acknowledged(self, expected: int) -> None:
        first = next(iter(self._waiting), None)
        if first is None or expected <= first:
            return
        for number in range(first, expected):
            self._waiting.pop(number, None)
            self._said.pop(number, None)
        if self._timing and self._timing[0] < expected:
            took = self._streams.host.world.now - self._timing[1]
            self._rto, self._trip, self._timing = max(_RTO_MIN, 2 * took), min(self._trip, took), None
        self._tries = 0
        if self._server and self.state is State.CONNECTING:
            self._established()
        if self._waiting:
            self._repeat(expected, self._recovers)
            self._arm()

    def _lost(self) -> None:
        if self.state is not State.CLOSED:
            self._end()
            self.closed()

    def _end(self) -> None:
        self.state = State.CLOSED
        self._waiting.clear()
        self._said.clear()
        self._streams.forget(self._key)


class Streams:
    """The streams of one host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._streams: dict[Key, Stream] = {}
        self._listeners: dict[Endpoint, tuple[Callable[[Stream], None], bool]] = {}

    def connect(self, source: str, port: int, remote: Endpoint, *, tls: bool) -> Stream:
        """Begin a stream to an endpoint."""
        key: Key = (TCP, source, port, *remote)
        made = self._streams[key] = Stream(self, key, tls=tls, server=False)
        self.host.world.push(self.host.world.now, _begin, made, None)
        return made

    def listen(self, at: Endpoint, accept: Callable[[Stream], None], *, tls: bool) -> None:
        """Call `accept` with each stream that somebody begins to this endpoint."""
        self._listeners[at] = accept, tls

    def take(self, packet: Packet) -> None:
        """A packet of TCP came."""
        kind, number, expected = _HEADER.unpack_from(packet.data)
        key: Key = (TCP, packet.destination, packet.dport, packet.source, packet.sport)
        stream = self._streams.get(key)
        if stream is None and kind == Kind.SYN and (found := self._listeners.get(key[1:3])):
            accept, tls = found
            stream = self._streams[key] = Stream(self, key, tls=tls, server=True)
            accept(stream)
        if stream:
            stream.take(_KINDS[kind], number, expected, packet.data[_HEADER.size :])
        elif answer := refusal(packet):
            self.host.send(key, answer)

    def say(self, key: Key, kind: Kind, number: int, expected: int, data: bytes) -> None:
        """Let a segment leave."""
        self.host.send(key, _HEADER.pack(kind, number, expected) + data)

    def forget(self, key: Key) -> None:
        """A stream has ended."""
        self._streams.pop(key, None)


def refusal(packet: Packet) -> bytes | None:
    """What a host says to a segment of a stream that it does not know; None: nothing."""
    return None if packet.data[0] == Kind.RST else _HEADER.pack(Kind.RST, 0, 0)


def _begin(stream: Stream, _: None) -> None:
    if stream.state is State.CONNECTING:
        stream.begin()


def _nothing() -> None:
    pass


def _ignore(_: bytes) -> None:
    pass
