"""A host's addresses and its ways out, and when they change: the door to rtnetlink (rtnetlink(7)).

It needs no program, so it works where a container has none, and answers in well under a millisecond. `parse` is pure;
`NetEvents` is the door; `FakeNetEvents` is its fake, which is told what the world looks like.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from typing import Protocol, Self

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host
from landfast.kernel.routes import ELSEWHERE
from landfast.model.address import Address, InterfaceAddress
from landfast.model.routing import Surroundings, Way

BATCH = 0.005
"""Seconds from the first event of a change to the look at its outcome: one change of an address is 3 to 8 events, which
come within a millisecond."""

# <linux/netlink.h>, <linux/rtnetlink.h>, <linux/if_addr.h>
_ERROR, _DONE = 2, 3
_NEWLINK, _GETLINK, _NEWADDR, _GETADDR, _NEWROUTE, _GETROUTE = 16, 18, 20, 22, 24, 26
_REQUEST, _DUMP = 0x1, 0x300
# RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_IFLA_IFNAME, _IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 3, 1, 2, 8
_RTA_DST, _RTA_OIF, _RTA_PREFSRC = 1, 4, 7
_UP, _TEMPORARY = 0x1, 0x1  # IFF_UP, IFA_F_TEMPORARY
# Of an address that may not be bound, or that is on its way out: DADFAILED, DEPRECATED, TENTATIVE.
_UNUSABLE = 0x08 | 0x20 | 0x40
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_READ = 1 << 16  # bytes; the kernel fills parts of a dump up to 32 kB


@dataclass(frozen=True)
class Link:
    """An interface by its number."""

    index: int
    name: str
    up: bool


@dataclass(frozen=True)
class Held:
    """An address that the interface of this number has. `usable`: neither tentative nor deprecated (RFC 4862)."""

    index: int
    address: Address
    prefix: int
    usable: bool
    temporary: bool
    """Random, for privacy (RFC 8981)."""


@dataclass(frozen=True)
class Leads:
    """Packets leave by the interface of this number, with this source."""

    index: int
    source: Address | None


class Source(Protocol):
    """Who tells: `NetEvents`, or `FakeNetEvents`."""

    def look(self) -> Surroundings:
        """As it is now."""

    def close(self) -> None:
        """Tell nothing more. Idempotent."""


class NetEvents:
    """`changed` is called when `look` would give another answer than before; in the event loop that opened it."""

    def __init__(self, events: socket.socket, questions: socket.socket, changed: Callable[[], None]) -> None:
        self._events, self._questions, self._changed = events, questions, changed
        self._numbers = count(1)
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.TimerHandle | None = None
        self._seen = self.look()
        self._loop.add_reader(events, self._heard)

    @classmethod
    async def open(cls, host: Host, changed: Callable[[], None]) -> Self:
        """Begin. Raises CapabilityMissing where the kernel, or whoever confines this process, has no rtnetlink."""
        opened: list[socket.socket] = []
        try:
            for groups in (_GROUPS, 0):
                opened.append(await host.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
                opened[-1].bind((0, groups))
            return cls(opened[0], opened[1], changed)
        except OSError as problem:
            for each in opened:
                each.close()
            raise CapabilityMissing("network events", "rtnetlink, allowed for this process", str(problem)) from None

    def look(self) -> Surroundings:
        links = {link.index: link for link in self._ask(_GETLINK, bytes(16)) if isinstance(link, Link)}
        held = [each for each in self._ask(_GETADDR, bytes(8)) if isinstance(each, Held)]
        addresses = [
            InterfaceAddress(links[each.index].name, each.address, each.prefix)
            for each in sorted(held, key=lambda each: not each.temporary)
            if each.usable and each.index in links and links[each.index].up
        ]
        ways = [
            (version, Way(links[way.index].name, way.source))
            for version, there in ELSEWHERE.items()
            for way in self._ask(_GETROUTE, _to(there))
            if isinstance(way, Leads) and way.index in links
        ]
        return Surroundings(tuple(addresses), tuple(ways))

    def close(self) -> None:
        if self._events.fileno() >= 0:
            self._loop.remove_reader(self._events)
        if self._waiting:
            self._waiting.cancel()
        self._events.close()
        self._questions.close()

    def _ask(self, kind: int, body: bytes) -> Iterator[Link | Held | Leads]:
        """What the kernel answers; nothing when it refuses, as it does for a place that no route leads to."""
        number = next(self._numbers)
        flags = _REQUEST | (0 if kind == _GETROUTE else _DUMP)
        self._questions.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, number, 0) + body)
        while True:
            # The kernel answers while it is asked, so there is always something to read.
            for sequence, found in parse(self._questions.recv(_READ)):
                if sequence != number:  # of a question that was left in the middle
                    continue
                if found is not None:
                    yield found
                if found is None or kind == _GETROUTE:
                    return

    def _heard(self) -> None:
        # EAGAIN: that was all. ENOBUFS: there were more than the socket holds; what they led to is looked up anyway.
        with suppress(OSError):
            while self._events.recv(_READ):
                pass
        if self._waiting is None:
            self._waiting = self._loop.call_later(BATCH, self._batch_over)

    def _batch_over(self) -> None:
        self._waiting = None
        seen = self.look()
        if seen != self._seen:
            self._seen = seen
            self._changed()


def parse(data: bytes) -> Iterator[tuple[int, Link | Held | Leads | None]]:
    """What rtnetlink messages say, each with its question's number; None is the end of an answer, or a refusal.

    Other messages, and what is cut off, are passed over: newer kernels say more than older ones.
    """
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind, _, number, _ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > len(data):
            return
        body = data[start + _HEADER.size : start + length]
        if kind in (_ERROR, _DONE):
            yield number, None
        elif kind in _READERS and (found := _READERS[kind](body)):
            yield number, found
        start += (length + 3) & ~3


def _link(body: bytes) -> Link | None:
    if len(body) < 16:
        return None
    index, flags = struct.unpack_from("=iI", body, 4)
    name = _attributes(body[16:]).get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
    return Link(index, name, bool(flags & _UP)) if name else None


def _held(body: bytes) -> Held | None:
    if len(body) < 8:
        return None
    family, prefix, flags, _, index = struct.unpack_from("=BBBBI", body)
    said = _attributes(body[8:])
    # IFA_LOCAL is ours where IFA_ADDRESS is the other end of a point-to-point link; IPv6 has only the latter.
    address = _address(family, said.get(_IFA_LOCAL) or said.get(_IFA_ADDRESS) or b"")
    if len(said.get(_IFA_FLAGS, b"")) == 4:
        (flags,) = struct.unpack("=I", said[_IFA_FLAGS])
    if address is None:
        return None
    temporary = family == socket.AF_INET6 and bool(flags & _TEMPORARY)  # of IPv4 the same bit says "secondary"
    return Held(index, address, prefix, not flags & _UNUSABLE, temporary)


def _leads(body: bytes) -> Leads | None:
    if len(body) < 12:
        return None
    said = _attributes(body[12:])
    if len(said.get(_RTA_OIF, b"")) != 4:
        return None
    (index,) = struct.unpack("=I", said[_RTA_OIF])
    return Leads(index, _address(body[0], said.get(_RTA_PREFSRC, b"")))


_READERS: Mapping[int, Callable[[bytes], Link | Held | Leads | None]] = {
    _NEWLINK: _link,
    _NEWADDR: _held,
    _NEWROUTE: _leads,
}


def _attributes(data: bytes) -> dict[int, bytes]:
    """struct rtattr: length, type, value, each padded to 4 bytes."""
    found = {}
    start = 0
    while start + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, start)
        if length < 4 or start + length > len(data):
            break
        found[kind & 0x3FFF] = data[start + 4 : start + length]  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
        start += (length + 3) & ~3
    return found


def _address(family: int, packed: bytes) -> Address | None:
    return ip_address(packed) if (family, len(packed)) in ((socket.AF_INET, 4), (socket.AF_INET6, 16)) else None


def _to(there: Address) -> bytes:
    """struct rtmsg that asks for the way to one address, and the address."""
    bits = there.max_prefixlen
    return struct.pack("=BBBBBBBBI", _FAMILIES[there.version], bits, 0, 0, 0, 0, 0, 0, 0) + struct.pack(
        f"=HH{bits // 8}s", 4 + bits // 8, _RTA_DST, there.packed
    )


class FakeNetEvents:
    """The fake of `NetEvents`: it sees what it is told."""

    def __init__(self, surroundings: Surroundings, changed: Callable[[], None] = lambda: None) -> None:
        self._surroundings, self._changed = surroundings, changed
        self.closed = False

    def become(self, surroundings: Surroundings) -> None:
        """Let the world change."""
        if surroundings != self._surroundings and not self.closed:
            self._surroundings = surroundings
            self._changed()

    def look(self) -> Surroundings:
        return self._surroundings

    def close(self) -> None:
        self.closed = True
