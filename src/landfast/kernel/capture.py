"""Packets as they leave and enter an interface: the door to AF_PACKET (packet(7)).

What is seen on the way out is what the next router will see: capture stands behind the host's own address translation.
`parse` is pure; `Capture` is the door; `Replay` is its fake, which plays the frames that it is given.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import TracebackType
from typing import Protocol

from landfast import clock
from landfast.errors import CapabilityMissing, UnknownName, WorldError
from landfast.kernel.host import Host
from landfast.model.address import Address

SNAP = 512
"""Bytes kept of a packet: Ethernet, IPv6 and UDP headers are 62, and a connectivity check as browsers send it has up to
150 (RFC 8445 leaves it open; a username may have 513 by RFC 8489, section 14.3). The IP header still tells a packet's
whole length."""

# <linux/if_ether.h>, <linux/if_packet.h>, <linux/socket.h>, <linux/if_arp.h>
_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
_VLAN_TAGS = (0x8100, 0x88A8)
_PACKET_OUTGOING = 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_HARDWARE_ETHERNET = (1, 772)  # ARPHRD_ETHER, and the loopback, which pretends to be one
# Bytes. The kernel books 2304 for a full packet, so this is 1800 of them: 3.6 s of a camera's 500 a second.
_BUFFER = 4 << 20

ETHERNET, RAW_IP = 1, 101
"""Link types of pcap files (LINKTYPE_ETHERNET, LINKTYPE_RAW); a cellular modem's interface is often raw IP."""

TCP, UDP = 6, 17
# Extension headers that say in their second byte how long they are (RFC 8200, section 4).
_EXTENSIONS, _FRAGMENT = (0, 43, 60), 44
_MAX_EXTENSIONS = 8  # a longer chain is not worth following: RFC 7045 lets routers drop it


@dataclass(frozen=True)
class Frame:
    """One captured frame, cut at SNAP. `at` is monotonic, in seconds; `length` is that on the wire."""

    at: float
    outgoing: bool
    link: int
    length: int
    data: bytes


@dataclass(frozen=True)
class Packet:
    """What the headers of a frame say. Ports are None where there are none (ICMP, later fragments, a cut header)."""

    at: float
    outgoing: bool
    source: Address
    destination: Address
    sport: int | None
    dport: int | None
    protocol: int
    length: int
    """Bytes of the IP packet on the wire, its header included."""
    payload: bytes
    """What was kept of the UDP payload; for other protocols, of what follows the IP header."""


def parse(frame: Frame) -> Packet | None:
    """Read Ethernet (or none), IPv4 (RFC 791) or IPv6 (RFC 8200), and UDP or TCP ports. None: not IP, or cut or
    broken."""
    data = frame.data
    if frame.link == ETHERNET:
        kind, start = int.from_bytes(data[12:14], "big"), 14
        while kind in _VLAN_TAGS and len(data) >= start + 4:
            kind, start = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
        if kind not in (_ETH_P_IP, _ETH_P_IPV6):
            return None
        data = data[start:]
    if not data:
        return None
    read = {4: _ipv4, 6: _ipv6}.get(data[0] >> 4)
    return read(frame, data) if read else None


def _ipv4(frame: Frame, data: bytes) -> Packet | None:
    header = (data[0] & 0x0F) * 4
    if header < 20 or len(data) < header:
        return None
    length = int.from_bytes(data[2:4], "big")
    first = not int.from_bytes(data[6:8], "big") & 0x1FFF
    source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
    return _packet(frame, source, destination, data[9], length, data[header : max(length, header)], first)


def _ipv6(frame: Frame, data: bytes) -> Packet | None:
    if len(data) < 40:
        return None
    length = 40 + int.from_bytes(data[4:6], "big")
    source, destination = IPv6Address(data[8:24]), IPv6Address(data[24:40])
    protocol, rest, first = data[6], data[40:length], True
    for _ in range(_MAX_EXTENSIONS):
        if protocol == _FRAGMENT and len(rest) >= 8:
            first = first and not int.from_bytes(rest[2:4], "big") & 0xFFF8
            protocol, rest = rest[0], rest[8:]
        elif protocol in _EXTENSIONS and len(rest) >= 8:
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
        else:
            break
    return _packet(frame, source, destination, protocol, length, rest, first)


def _packet(
    frame: Frame, source: Address, destination: Address, protocol: int, length: int, rest: bytes, first: bool
) -> Packet:
    sport = dport = None
    if first and protocol in (TCP, UDP) and len(rest) >= 4:
        sport, dport = struct.unpack_from("!HH", rest)
        if protocol == UDP:
            rest = rest[8:]
    return Packet(frame.at, frame.outgoing, source, destination, sport, dport, protocol, length, rest)


class Source(Protocol):
    """Where frames come from: `Capture`, or `Replay`."""

    def fileno(self) -> int:
        """Readable when frames wait."""

    def drain(self) -> list[Frame]:
        """The frames that wait, oldest first; none is not an error."""

    def dropped(self) -> int:
        """How many frames the kernel could not keep for us since the capture began. Not 0: any count of ours is too
        low."""

    def close(self) -> None:
        """Stop. Idempotent."""


class Capture:
    """Frames of one interface, both directions. `async with await Capture.open(host, "wlan0") as capture`."""

    def __init__(self, opened: socket.socket, link: int) -> None:
        self.link = link
        self._socket = opened
        self._dropped = 0

    @classmethod
    async def open(cls, host: Host, interface: str) -> Capture:
        """Begin. Raises CapabilityMissing without CAP_NET_RAW, UnknownName when there is no such interface."""
        try:
            # Protocol 0 hears nothing until bind names the interface, so no other interface's frames get in.
            opened = await host.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as problem:
            raise CapabilityMissing("packet capture", "CAP_NET_RAW, or root", str(problem)) from None
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            try:
                opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            except PermissionError:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            opened.bind((interface, _ETH_P_ALL))
        except OSError as problem:
            opened.close()
            names = [name for _, name in await host.call(socket.if_nameindex)]
            if interface not in names:
                raise UnknownName("interface", interface, names) from None
            raise WorldError(f"cannot capture on {interface}: {problem}") from None
        return cls(opened, ETHERNET if opened.getsockname()[3] in _HARDWARE_ETHERNET else RAW_IP)

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> list[Frame]:
        frames: list[Frame] = []
        # The kernel stamps with the wall clock; both clocks are read for each batch so that a step of the former does
        # no harm.
        difference = clock.monotonic() - clock.wall().timestamp()
        while True:
            try:
                data, stamps, _, address = self._socket.recvmsg(SNAP, socket.CMSG_SPACE(16))
            except (BlockingIOError, InterruptedError):
                return frames
            except OSError:  # ENETDOWN: the interface went down; it may come back, and the socket stays bound to it
                return frames
            at = clock.monotonic()
            for level, kind, value in stamps:
                if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("@qq", value)
                    at = seconds + nanoseconds / 1e9 + difference
            frames.append(Frame(at, address[2] == _PACKET_OUTGOING, self.link, _length(data, self.link), data))

    def dropped(self) -> int:
        _, drops = struct.unpack("@II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._dropped += drops  # reading resets the kernel's count
        return self._dropped

    def close(self) -> None:
        self._socket.close()


def _length(data: bytes, link: int) -> int:
    """How long a frame was before it was cut, from its IP header."""
    packet = parse(Frame(0, True, link, len(data), data)) if len(data) == SNAP else None
    return max(len(data), packet.length + (14 if link == ETHERNET else 0)) if packet else len(data)


class Replay:
    """The fake of `Capture`: plays frames that are given to it. It is readable while some wait."""

    def __init__(self, frames: Iterable[Frame] = (), dropped: int = 0) -> None:
        self._frames: list[Frame] = []
        self._dropped = dropped
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self.feed(*frames)

    def feed(self, *frames: Frame) -> None:
        """Let frames arrive."""
        if frames:
            self._frames += frames
            self._writing.send(b".")

    def fileno(self) -> int:
        return self._reading.fileno()

    def drain(self) -> list[Frame]:
        try:
            self._reading.recv(4096)
        except BlockingIOError:
            return []
        frames, self._frames = self._frames, []
        return frames

    def dropped(self) -> int:
        return self._dropped

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
