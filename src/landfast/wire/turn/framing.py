"""ChannelData (RFC 8656, section 12.4), and messages cut out of a stream: TURN over TCP and TLS. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable

from aioice import stun as codec

CHANNELS = range(0x4000, 0x5000)
"""RFC 8656, section 12."""
MAX_DATA = 0xFFFF
"""Bytes that a ChannelData's length can tell."""

_STUN_HEADER, _CHANNEL_HEADER = 20, 4
_COOKIE = codec.COOKIE.to_bytes(4, "big")


def padded(data: bytes) -> bytes:
    """A message for a stream, where all of them are multiples of 4 bytes (RFC 8656, section 12.5)."""
    return data + bytes(-len(data) % 4)


def channel_data(channel: int, data: bytes) -> bytes:
    """Data for the peer that a channel is bound to. Raises ValueError when it is too long for one."""
    if len(data) > MAX_DATA:
        raise ValueError(f"{len(data)} bytes are more than one message carries")
    return struct.pack("!HH", channel, len(data)) + data


def read_channel_data(data: bytes) -> tuple[int, bytes] | None:
    """The channel's number and the data without padding, which UDP may have too; None for what is no ChannelData."""
    if len(data) < _CHANNEL_HEADER:
        return None
    channel, length = struct.unpack_from("!HH", data)
    if channel not in CHANNELS or len(data) < _CHANNEL_HEADER + length:
        return None
    return channel, data[_CHANNEL_HEADER : _CHANNEL_HEADER + length]


class Cutter:
    """Cuts a stream into messages. `broken` once something else came: what follows has no beginning any more.

    `expected`: whether a number may be a channel's; "HT" of HTTP is one, but none that was bound. It keeps less than
    one message, at most 64 KiB.
    """

    def __init__(self, expected: Callable[[int], bool] = CHANNELS.__contains__) -> None:
        self.broken = False
        self._expected = expected
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete with these bytes."""
        found: list[bytes] = []
        stream, position = self._rest + data, 0
        while not self.broken:
            length = self._length(stream, position)
            if length is None or position + length > len(stream):
                break
            if length == 0:
                self.broken = True
                break
            found.append(stream[position : position + length])
            position += length
        self._rest = b"" if self.broken else stream[position:]
        return found

    def _length(self, stream: bytes, at: int) -> int | None:
        """Of the message that begins there, with its padding: None while too little of it came, 0 when it is none."""
        if len(stream) < at + _CHANNEL_HEADER:
            return None
        kind, length = int.from_bytes(stream[at : at + 2], "big"), int.from_bytes(stream[at + 2 : at + 4], "big")
        if kind in CHANNELS:
            return _CHANNEL_HEADER + length + -length % 4 if self._expected(kind) else 0
        if kind & 0xC000 or length % 4:
            return 0
        if len(stream) < at + 8:
            return None
        return _STUN_HEADER + length if stream[at + 4 : at + 8] == _COOKIE else 0
