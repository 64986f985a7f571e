"""Connectivity checks (RFC 8445, section 7) and consent (RFC 7675): Binding requests, signed, and their answers. Pure.

On aioice's codec. What it lacks is written here: NOMINATION, by which libwebrtc nominates again and again
(draft-thatcher-ice-renomination).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from aioice import stun as codec

from landfast.model.facts import Endpoint
from landfast.wire import stun

NOMINATION = 0xC001  # draft-thatcher-ice-renomination: four bytes, the newest nomination is the greatest
_MESSAGE_INTEGRITY, _FINGERPRINT = 0x0008, 0x8028  # RFC 8489, sections 14.5 and 14.7


class Code(IntEnum):
    """What an answer may say instead of yes."""

    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    """The peer takes its consent back (RFC 7675, section 5.2)."""
    ROLE_CONFLICT = 487
    """RFC 8445, section 7.2.5.1."""


_REASONS = {
    Code.BAD_REQUEST: "Bad Request",
    Code.UNAUTHENTICATED: "Unauthenticated",
    Code.FORBIDDEN: "Forbidden",
    Code.ROLE_CONFLICT: "Role Conflict",
}


@dataclass(frozen=True)
class _Signed:
    """What has a signature to be looked at."""

    transaction_id: bytes
    _read: codec.Message = field(repr=False, compare=False)

    def signed_with(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is there and right (RFC 8489, section 9.1)."""
        try:
            return self._read.check_message_integrity(password.encode())
        except struct.error:  # the attribute lies where no length of 16 bits reaches
            return False


@dataclass(frozen=True)
class Check(_Signed):
    """A Binding request with a username. What it does not carry is None."""

    to: str = ""
    """The fragment of whom it asks, the first half of USERNAME."""
    by: str = ""
    priority: int | None = None
    controlling: bool | None = None
    """The role that the sender believes to have."""
    tie_breaker: int = 0
    use_candidate: bool = False
    nomination: int | None = None


@dataclass(frozen=True)
class Answer(_Signed):
    """What came back. `code` is None for a success, and then `mapped` is where the peer saw us."""

    mapped: Endpoint | None = None
    code: int | None = None


def parse(data: bytes) -> Check | Answer | None:
    """Read a datagram; None for everything else, a keepalive (Binding indication) included. Nothing raises."""
    read = stun.decode(data)
    if read is None or read.message_method != codec.Method.BINDING:
        return None
    said = read.attributes
    if read.message_class == codec.Class.REQUEST:
        to, colon, by = said.get("USERNAME", "").partition(":")
        if not colon:
            return None
        roles = [
            (name == "ICE-CONTROLLING", said[name]) for name in ("ICE-CONTROLLING", "ICE-CONTROLLED") if name in said
        ]
        nomination = stun.attribute(stun.before(data, _MESSAGE_INTEGRITY), NOMINATION)
        return Check(
            read.transaction_id,
            read,
            to=to,
            by=by,
            priority=said.get("PRIORITY"),
            controlling=roles[0][0] if roles else None,
            tie_breaker=roles[0][1] if roles else 0,
            use_candidate="USE-CANDIDATE" in said,
            nomination=int.from_bytes(nomination, "big") if nomination else None,
        )
    if read.message_class == codec.Class.RESPONSE and "XOR-MAPPED-ADDRESS" in said:
        return Answer(read.transaction_id, read, mapped=said["XOR-MAPPED-ADDRESS"])
    if read.message_class == codec.Class.ERROR and read.error_code is not None:
        return Answer(read.transaction_id, read, code=read.error_code)
    return None


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
    message = codec.Message(codec.Method.BINDING, codec.Class.REQUEST, transaction_id)
    message.attributes["USERNAME"] = f"{to}:{by}"
    message.attributes["PRIORITY"] = priority
    message.attributes["ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"] = tie_breaker
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    data = bytes(message)
    if nomination is not None:
        data = stun.extended(data, NOMINATION, struct.pack("!I", nomination))
    return _signed(data, password)


def success(asked: Check, mapped: Endpoint, password: str) -> bytes:
    """Yes, to a check that came from `mapped`. `password` is the answering side's, as it was in the check."""
    message = codec.Message(codec.Method.BINDING, codec.Class.RESPONSE, asked.transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = mapped
    return _signed(bytes(message), password)


def refusal(asked: Check, code: Code, password: str) -> bytes:
    """No."""
    message = codec.Message(codec.Method.BINDING, codec.Class.ERROR, asked.transaction_id)
    message.attributes["ERROR-CODE"] = (int(code), _REASONS[code])
    return _signed(bytes(message), password)


def _signed(data: bytes, password: str) -> bytes:
    data = stun.extended(data, _MESSAGE_INTEGRITY, codec.message_integrity(data, password.encode()))
    return stun.extended(data, _FINGERPRINT, struct.pack("!I", codec.message_fingerprint(data)))
