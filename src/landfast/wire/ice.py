"""Connectivity checks (RFC 8445, section 7) and consent (RFC 7675): Binding requests, signed, and their answers. Pure.

They are written and read here and not by aioice's codec, which knows every message and takes five times as long: an
idle session does little else. What the two make of a check is the same; the tests hold them against each other. What
aioice lacks is NOMINATION, by which libwebrtc nominates again and again (draft-thatcher-ice-renomination).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from functools import lru_cache
from hashlib import sha1
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from landfast.model.facts import Endpoint

if TYPE_CHECKING:
    from hashlib import _Hash

NOMINATION = 0xC001  # draft-thatcher-ice-renomination: four bytes, the newest nomination is the greatest
# RFC 8489, section 18.3; RFC 8445, section 20.
_USERNAME, _MESSAGE_INTEGRITY, _ERROR_CODE, _XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0009, 0x0020
_PRIORITY, _USE_CANDIDATE, _FINGERPRINT, _CONTROLLED, _CONTROLLING = 0x0024, 0x0025, 0x8028, 0x8029, 0x802A
_SIZES = {_PRIORITY: 4, _CONTROLLED: 8, _CONTROLLING: 8, NOMINATION: 4}
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111  # of the method Binding (RFC 8489, section 5)
_HEADER, _LARGEST = 20, 0xFFFF
_SIGNED, _PRINTED = 24, 8  # bytes of MESSAGE-INTEGRITY and FINGERPRINT, with their heads
_COOKIE = b"\x21\x12\xa4\x42"
_SPOILT = 0x5354554E  # what the checksum is XORed with (RFC 8489, section 14.7)
_FAMILIES = {4: b"\0\1", 16: b"\0\2"}  # by the length of an address
_HEAD, _ATTRIBUTE = struct.Struct("!HH4s12s"), struct.Struct("!HH")
_FOUR, _EIGHT = struct.Struct("!HHI"), struct.Struct("!HHQ")
_SIGNATURE = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, _SIGNED - 4)
_BLOCK = 64  # bytes of SHA-1
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # RFC 2104, section 2
_KNOWN = 1 << 12  # addresses, and passwords, that need not be looked at anew


class Code(IntEnum):
    """What an answer may say instead of yes."""

    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    """The peer takes its consent back (RFC 7675, section 5.2)."""
    ROLE_CONFLICT = 487
    """RFC 8445, section 7.2.5.1."""


_REASONS = {
    Code.BAD_REQUEST: b"Bad Request",
    Code.UNAUTHENTICATED: b"Unauthenticated",
    Code.FORBIDDEN: b"Forbidden",
    Code.ROLE_CONFLICT: b"Role Conflict",
}


class Check(NamedTuple):
    """A Binding request with a username. What it does not carry is None."""

    transaction_id: bytes
    data: bytes
    """The whole of it."""
    place: int | None
    """Where in it the signature stands."""
    to: str = ""
    """The fragment of whom it asks, the first half of USERNAME."""
    by: str = ""
    priority: int | None = None
    controlling: bool | None = None
    """The role that the sender believes to have."""
    tie_breaker: int = 0
    use_candidate: bool = False
    nomination: int | None = None

    def signed_with(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is there and right (RFC 8489, section 9.1)."""
        return _is_signed(self.data, self.place, password)


class Answer(NamedTuple):
    """What came back. `code` is None for a success, and then `mapped` is where the peer saw us."""

    transaction_id: bytes
    data: bytes
    place: int | None
    """As of a check."""
    mapped: Endpoint | None = None
    code: int | None = None

    def signed_with(self, password: str) -> bool:
        """As of a check."""
        return _is_signed(self.data, self.place, password)


def parse(data: bytes) -> Check | Answer | None:
    """Read a datagram; None for everything else, a keepalive (Binding indication) included. Nothing raises."""
    # The first two bits and the magic cookie tell STUN from what shares the port (RFC 8489, section 5; RFC 7983).
    if not _HEADER <= len(data) <= _LARGEST or data[4:8] != _COOKIE:
        return None
    kind, number = int.from_bytes(data[:2], "big"), data[8:_HEADER]
    if kind not in (_REQUEST, _SUCCESS, _ERROR) or (read := _attributes(data)) is None:
        return None
    said, place = read
    if kind == _REQUEST:
        return _check(number, data, said, place)
    if kind == _SUCCESS:
        mapped = _address(said.get(_XOR_MAPPED_ADDRESS, b""), number)
        return Answer(number, data, place, mapped=mapped) if mapped else None
    code = said.get(_ERROR_CODE, b"")
    return Answer(number, data, place, code=100 * code[2] + code[3]) if len(code) >= 4 else None


def _check(number: bytes, data: bytes, said: dict[int, bytes], place: int | None) -> Check | None:
    try:
        to, colon, by = said.get(_USERNAME, b"").decode().partition(":")
    except UnicodeDecodeError:
        return None
    if not colon:
        return None
    priority, nomination = said.get(_PRIORITY), said.get(NOMINATION)
    controlling = True if _CONTROLLING in said else False if _CONTROLLED in said else None
    return Check(
        number,
        data,
        place,
        to,
        by,
        None if priority is None else int.from_bytes(priority, "big"),
        controlling,
        int.from_bytes(said.get(_CONTROLLING) or said.get(_CONTROLLED, b""), "big"),
        _USE_CANDIDATE in said,
        None if nomination is None else int.from_bytes(nomination, "big"),
    )


def _attributes(data: bytes) -> tuple[dict[int, bytes], int | None] | None:
    """What stands before the signature, the first of each type, and where that is. None: broken, or not as printed."""
    size, at = len(data), _HEADER
    if size != _HEADER + int.from_bytes(data[2:4], "big"):
        return None
    said: dict[int, bytes] = {}
    place = None
    while at + 4 <= size:
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        end = at + 4 + length
        if end > size or _SIZES.get(kind, length) != length:
            return None
        if kind == _FINGERPRINT:
            printed = data[:at] if end == size else _sized(data[:at], _PRINTED)
            if data[at:end] != _fingerprint(printed):
                return None
        elif kind == _MESSAGE_INTEGRITY:
            place = place or at
        elif place is None and kind not in said:  # what stands behind it is nobody's word
            said[kind] = data[at + 4 : end]
        at = end + -length % 4
    return said, place


def check(
    transaction_id: bytes,
    *,
    to: str,
    by: str,
    password: str,
    priority: int,
    controlling: bool,
    tie_breaker: int,
    use_candidate: bool = False,
    nomination: int | None = None,
) -> bytes:
    """A check for the agent whose fragment is `to` and whose password is `password`."""
    body = _attribute(_USERNAME, f"{to}:{by}".encode())
    body += _FOUR.pack(_PRIORITY, 4, priority)
    body += _EIGHT.pack(_CONTROLLING if controlling else _CONTROLLED, 8, tie_breaker)
    if use_candidate:
        body += _ATTRIBUTE.pack(_USE_CANDIDATE, 0)
    if nomination is not None:
        body += _FOUR.pack(NOMINATION, 4, nomination)
    return _message(_REQUEST, transaction_id, body, password)


def success(asked: Check, mapped: Endpoint, password: str) -> bytes:
    """Yes, to a check that came from `mapped`. `password` is the answering side's, as it was in the check."""
    number, address = asked.transaction_id, _packed(mapped[0])
    value = _FAMILIES[len(address)] + _xored(mapped[1].to_bytes(2, "big") + address, number)
    return _message(_SUCCESS, number, _attribute(_XOR_MAPPED_ADDRESS, value), password)


def refusal(asked: Check, code: Code, password: str) -> bytes:
    """No."""
    body = _attribute(_ERROR_CODE, bytes((0, 0, *divmod(code, 100))) + _REASONS[code])
    return _message(_ERROR, asked.transaction_id, body, password)


# Bytes.


def _message(kind: int, number: bytes, body: bytes, password: str) -> bytes:
    """Signed, and then printed: each covers what stands before it, with a length that counts it in."""
    data = _HEAD.pack(kind, len(body) + _SIGNED, _COOKIE, number) + body
    data = _sized(data + _SIGNATURE + _signature(data, password), _PRINTED)
    return data + _fingerprint(data)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _sized(data: bytes, more: int) -> bytes:
    """The beginning of a message, with the length that it has when so many bytes follow."""
    return data[:2] + (len(data) - _HEADER + more).to_bytes(2, "big") + data[4:]


def _is_signed(data: bytes, place: int | None, password: str) -> bool:
    if place is None:
        return False
    right = _SIGNATURE + _signature(_sized(data[:place], _SIGNED), password)
    return compare_digest(data[place : place + _SIGNED], right)


def _signature(data: bytes, password: str) -> bytes:
    """The value of MESSAGE-INTEGRITY (RFC 8489, section 14.5): an HMAC, half of which is the same for all messages."""
    begun, ended = _keyed(password)
    inner, outer = begun.copy(), ended.copy()
    inner.update(data)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(_KNOWN)
def _keyed(password: str) -> tuple[_Hash, _Hash]:
    """HMAC's two hashes as far as the key goes (RFC 2104, section 2)."""
    key = password.encode()
    if len(key) > _BLOCK:
        key = sha1(key).digest()  # noqa: S324 -- RFC 8489 has no other where both sides do not agree on one
    key = key.ljust(_BLOCK, b"\0")
    return sha1(key.translate(_INNER)), sha1(key.translate(_OUTER))  # noqa: S324 -- as above


def _fingerprint(data: bytes) -> bytes:
    """FINGERPRINT (RFC 8489, section 14.7)."""
    return _FOUR.pack(_FINGERPRINT, _PRINTED - 4, crc32(data) ^ _SPOILT)


def _xored(value: bytes, number: bytes) -> bytes:
    """A port and an address, as no middlebox recognises them (RFC 8489, section 14.2)."""
    size = len(value)
    mask = int.from_bytes((_COOKIE[:2] + _COOKIE + number)[:size], "big")
    return (int.from_bytes(value, "big") ^ mask).to_bytes(size, "big")


def _address(value: bytes, number: bytes) -> Endpoint | None:
    family = _FAMILIES.get(len(value) - 4)
    if family is None or family[1] != value[1]:
        return None
    place = _xored(value[2:], number)
    return _text(place[2:]), int.from_bytes(place[:2], "big")


@lru_cache(_KNOWN)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


@lru_cache(_KNOWN)
def _text(address: bytes) -> str:
    return str(ip_address(address))
