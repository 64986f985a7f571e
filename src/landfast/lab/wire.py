"""The wire: a process that carries frames between two interfaces and lets them wait, where the kernel has no netem.

    python -m landfast.lab.wire CUTS    JSON: [[end, other end, delay, jitter, reorder, room], …]; seconds and frames
    stdout, JSON Lines                  {"ready": true}; then {"frames": N, "lost": M} for each line of stdin

It lives in a namespace of its own between two veth pairs, on raw packet sockets: an ordinary user may open those in a
namespace of their own, but not always /dev/net/tun. It ends with its stdin. When one end goes down the other stays up.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

from landfast import clock
from landfast.lab.delayline import DelayLine, Manner

# <linux/if_ether.h>, <linux/if_packet.h>, <asm-generic/socket.h>
_ETH_P_ALL, _SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 0x0003, 263, 6, 23
_SO_RCVBUFFORCE = 33
# 0.4 s of 2000 full frames/s, which the kernel keeps at 2304 bytes each; users may get less (net.core.rmem_max).
_BUFFER = 2 << 20
# A cable carries at most 1500 bytes and their Ethernet header, with room for a VLAN's tag.
_FRAME = 1518
# Frames read from one end before the others have their turn.
_BATCH = 64


class Crossing:
    """One direction: read here, wait, write there."""

    def __init__(self, source: socket.socket, sink: socket.socket, manner: Manner) -> None:
        self.source, self.sink = source, sink
        self.line = DelayLine(manner, random.random)
        self.frames = 0
        self._lost = 0

    def read(self) -> None:
        """Take what has come, a batch at most."""
        with suppress(OSError):  # nothing more; or the interface is down, and may come back
            for _ in range(_BATCH):
                self.line.enter(self.source.recv(_FRAME), clock.monotonic())
                self.frames += 1

    def write(self, now: float) -> None:
        """Let out what is due."""
        for frame in self.line.leave(now):
            try:
                self.sink.send(frame)
            except BlockingIOError:
                self._lost += 1
            except OSError:  # the interface is down, and what is sent there lost as on a cable that was pulled
                pass

    @property
    def lost(self) -> int:
        """Frames that nobody asked to lose: no room in the kernel's buffers, or on the line."""
        _, dropped = struct.unpack("@II", self.source.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._lost += dropped  # reading resets the kernel's count
        return self._lost + self.line.lost


def carry(crossings: Sequence[Crossing]) -> None:
    """Until stdin ends."""
    by_source = {crossing.source.fileno(): crossing for crossing in crossings}
    stdin = sys.stdin.fileno()
    while True:
        deadlines = [deadline for crossing in crossings if (deadline := crossing.line.deadline) is not None]
        # select(2) waits in microseconds; epoll and poll of Python in milliseconds.
        left = max(0, min(deadlines) - clock.monotonic()) if deadlines else None
        for readable in select.select([stdin, *by_source], [], [], left)[0]:
            if readable != stdin:
                by_source[readable].read()
            elif asked := os.read(stdin, 4096):
                for _ in range(asked.count(b"\n")):
                    tell(frames=sum(c.frames for c in crossings), lost=sum(c.lost for c in crossings))
            else:
                return
        now = clock.monotonic()
        for crossing in crossings:
            crossing.write(now)


def tell(**values: object) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def open_end(interface: str) -> socket.socket:
    """A packet socket on one interface. veth has no filter of its own, so frames for any address are heard."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0 hears nothing before it is bound
    opened.setblocking(False)
    opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    opened.bind((interface, _ETH_P_ALL))
    return opened


def main(cables: str) -> None:
    """Open both ends of each cable and carry."""
    crossings: list[Crossing] = []
    for near, far, *manner in json.loads(cables):
        one, other = open_end(near), open_end(far)
        crossings += [Crossing(one, other, Manner(*manner)), Crossing(other, one, Manner(*manner))]
    gc.disable()  # there are no cycles here, and a collection takes as long as a hundred frames
    tell(ready=True)
    carry(crossings)


if __name__ == "__main__":
    main(sys.argv[1])
