"""When a way that is gone is there again, measured: whoever is asked to end a blackout does it when it has the time.

ICMP echoes go from the robot's own router by the carrier, which lets nothing pass, to the server and back. What the
carrier drops reaches neither its connection tracking nor the cable of the robot, so no mapping of a session, none of
its budgets and none of its bytes are touched, and there is no delay to be taken off.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from itertools import count

from landfast import clock
from landfast.kernel.host import Host

EVERY = 0.003
"""Seconds between two echoes: what is measured is no more exact than that. Their numbers last for three minutes."""
_REQUEST, _REPLY = 8, 0  # RFC 792
_NUMBER = 0x6C66  # by which our echoes are known
_LARGE = 1 << 8  # bytes: more than an echo of ours has


async def first_answer(host: Host, address: str) -> tuple[float, float]:
    """Ask until there is an answer: when the last echo was sent before the one that is answered first, and when that
    one was. The way was back between these; monotonic seconds."""
    sent: list[float] = []
    with await host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as opened:
        for number in count():
            sent.append(clock.monotonic())
            opened.sendto(echo(number), (address, 0))
            await asyncio.sleep(EVERY)
            if (first := _answer(opened)) is not None:
                return sent[max(0, first - 1)], sent[first]
    raise AssertionError("it asks for ever")


def echo(number: int) -> bytes:
    """An echo request."""
    words = (_REQUEST << 8, 0, _NUMBER, number & 0xFFFF)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!4H", words[0], ~total & 0xFFFF, *words[2:])


def answered(packet: bytes) -> int | None:
    """Whose answer an IPv4 packet is: the number of an echo of ours, or None."""
    header = (packet[0] & 0x0F) * 4 if packet else 0
    if len(packet) < header + 8:
        return None
    kind, _, number, sequence = struct.unpack_from("!BxHHH", packet, header)
    return sequence if (kind, number) == (_REPLY, _NUMBER) else None


def _answer(opened: socket.socket) -> int | None:
    """The first that has come; the socket hears every other ICMP packet of its host, too."""
    with suppress(BlockingIOError):
        while True:
            if (number := answered(opened.recv(_LARGE))) is not None:
                return number
    return None
