"""A packet on its way, and why it may end before it arrives. Pure."""

from __future__ import annotations

from enum import StrEnum

UDP, TCP = 17, 6
"""IANA's protocol numbers."""
_IPV4, _IPV6 = 20, 40  # bytes of a header
_UDP, _TCP = 8, 20  # TCP's has 32 with timestamps, 12 of which are in our segments (`streams.py`)

Key = tuple[int, str, int, str, int]
"""Protocol, source and its port, destination and its port: what conntrack knows a direction of a flow by."""


class Lost(StrEnum):
    """Why a packet ended somewhere."""

    LINK_DOWN = "the link is down"
    LOSS = "lost on a cable"
    RATE = "too much for a cable's rate"
    NOWHERE = "the interface leads nowhere"
    NO_ROUTE = "no route"
    NO_NEIGHBOUR = "nobody has the address"
    NO_SOCKET = "nobody listens"
    NO_ADDRESS = "the sender's address is gone"
    MARTIAN = "its source is the receiver's own"
    REVERSE_PATH = "its source is not reached that way"
    FOREIGN = "its source was not given out"
    SUSPENDED = "the radio is suspended"
    UDP_BLOCKED = "UDP is blocked"
    ONE_WAY = "IPv6 does not come back"
    UNASKED = "nobody asked for it"
    FILTERED = "not from whom the mapping was made for"
    EXPIRED = "its mapping was not refreshed"
    BUDGET = "the budget is used up"
    NO_PORT = "no external port is left"
    TOO_LONG = "longer than the path allows"


class Packet:
    """Never changed once it is made: a translation makes a new one with the same `number`.

    `data` is what UDP carries, or one segment of a stream; `length` the bytes of the whole packet, IP header included.
    `aimed` is where its sender sent it, whatever its destination is by now. `piece` is the length of its fragments;
    None: it may not be fragmented.
    """

    __slots__ = (
        "aimed",
        "data",
        "destination",
        "dport",
        "key",
        "length",
        "number",
        "origin",
        "piece",
        "protocol",
        "six",
        "source",
        "sport",
    )

    def __init__(self, number: int, origin: str, key: Key, data: bytes, six: bool, piece: int | None) -> None:
        self.number, self.origin = number, origin
        self.key = key
        self.protocol, self.source, self.sport, self.destination, self.dport = key
        self.data, self.six, self.piece = data, six, piece
        self.aimed = self.destination
        self.length = (_IPV6 if six else _IPV4) + (_UDP if self.protocol == UDP else _TCP) + len(data)

    def __repr__(self) -> str:
        return f"#{self.number} {self.source}:{self.sport} > {self.destination}:{self.dport}, {len(self.data)} bytes"


def readdressed(packet: Packet, key: Key) -> Packet:
    """The same packet with other endpoints."""
    made = Packet(packet.number, packet.origin, key, packet.data, packet.six, packet.piece)
    made.aimed = packet.aimed
    return made
