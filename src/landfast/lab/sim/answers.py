"""What a TURN server says, as bytes (RFC 8489, RFC 8656). Pure.

Written by hand and not by the codec that the clients use: what both got wrong alike would not be found.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Iterable

from landfast.lab.sim.stack import number
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn.messages import MOBILITY_TICKET, Method

_COOKIE = 0x2112A442
_CLASSES = {Kind.SUCCESS: 0x0100, Kind.ERROR: 0x0110, Kind.INDICATION: 0x0010}  # RFC 8489, section 5
# RFC 8489, section 18.3; RFC 8656, section 18.
MAPPED, RELAYED, PEER = 0x0020, 0x0016, 0x0012
ERROR_CODE, REALM, NONCE, LIFETIME, DATA, TICKET = 0x0009, 0x0014, 0x0015, 0x000D, 0x0013, MOBILITY_TICKET
_INTEGRITY, _FINGERPRINT = 0x0008, 0x8028
_CRC = 0x5354554E  # section 14.7

Attribute = tuple[int, bytes]


def message(kind: Kind, method: Method, transaction: bytes, attributes: Iterable[Attribute]) -> bytes:
    """A message with these attributes, in their order."""
    data = struct.pack("!HHI", _CLASSES[kind] | int(method), 0, _COOKIE) + transaction
    for what, value in attributes:
        data = stun.extended(data, what, value)
    return data


def signed(data: bytes, key: bytes) -> bytes:
    """The same with MESSAGE-INTEGRITY (RFC 8489, section 14.5)."""
    length = struct.pack("!H", len(data) - 20 + 24)
    return stun.extended(data, _INTEGRITY, hmac.digest(key, data[:2] + length + data[4:], hashlib.sha1))


def fingerprinted(data: bytes) -> bytes:
    """The same with FINGERPRINT (RFC 8489, section 14.7)."""
    length = struct.pack("!H", len(data) - 20 + 8)
    return stun.extended(data, _FINGERPRINT, struct.pack("!I", zlib.crc32(data[:2] + length + data[4:]) ^ _CRC))


def address(endpoint: Endpoint, transaction: bytes) -> bytes:
    """The value of an XOR-…-ADDRESS (RFC 8489, section 14.2)."""
    host, port = endpoint
    six = ":" in host
    mask = struct.pack("!I", _COOKIE) + transaction
    size = 16 if six else 4
    masked = number(host) ^ int.from_bytes(mask[:size], "big")
    return struct.pack("!BBH", 0, 2 if six else 1, port ^ _COOKIE >> 16) + masked.to_bytes(size, "big")


def lifetime(seconds: int) -> Attribute:
    """LIFETIME."""
    return LIFETIME, struct.pack("!I", seconds)


def error(code: int) -> Attribute:
    """ERROR-CODE (RFC 8489, section 14.8)."""
    return ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100)
