"""What the meter makes of what reaches it: packets and lines in, facts out. Pure; `meter.py` is the shell around it.

The sense for the public address is in probes/public_address.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from landfast.kernel.capture import UDP, Packet
from landfast.model.address import Address, is_foreign
from landfast.model.facts import (
    EchoAnswered,
    Fact,
    ForeignSourcePacket,
    IceCheckSent,
)
from landfast.wire import stun

ECHO_EVERY = 0.1
"""Seconds; a person who types notices a wait of about that."""
Flow = tuple[int | None, Address, int | None]
"""Source port, destination and destination port."""


class Echoes:
    """Numbered lines on one connection, and which of them came back."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: dict[bytes, float] = {}

    def line(self, now: float) -> bytes:
        """The next line to write."""
        self._number += 1
        line = b"%d\n" % self._number
        self._waiting[line] = now
        return line

    def answer(self, line: bytes, now: float) -> list[Fact]:
        """A line that came back; anything else says nothing."""
        sent = self._waiting.pop(line, None)
        return [] if sent is None else [EchoAnswered(now, sent)]

    def forget(self) -> None:
        """The connection died, and with it what was under way."""
        self._waiting.clear()


def departures(
    interface: str,
    packets: Iterable[Packet],
    addresses: Collection[Address],
    own_flows: AbstractSet[Flow] = frozenset(),
) -> list[Fact]:
    """What outgoing packets show: sources foreign to an interface with these addresses, and connectivity checks.

    The meter's own flows are not looked at: it must not be what it measures, even when an address changes under it.
    """
    facts: list[Fact] = []
    for packet in packets:
        if not packet.outgoing or (packet.sport, packet.destination, packet.dport) in own_flows:
            continue
        source, destination = str(packet.source), str(packet.destination)
        if is_foreign(packet.source, addresses):
            facts.append(ForeignSourcePacket(packet.at, interface, source, destination, packet.protocol))
        if packet.protocol == UDP and packet.sport is not None and packet.dport is not None:
            message = stun.parse(packet.payload)
            if message and message.is_request and message.username is not None:
                facts.append(IceCheckSent(packet.at, interface, (source, packet.sport), (destination, packet.dport)))
    return facts
