"""TURN messages (RFC 8656) and their long-term credentials (RFC 8489, section 9.2), on aioice's codec. Pure.

Written here because the codec lacks them: REQUESTED-ADDRESS-FAMILY, ALTERNATE-SERVER, and RFC 8016's MOBILITY-TICKET.
Credentials are HMAC-SHA-1 under an MD5 key; of RFC 8489's newer algorithms neither coturn 4.6 nor browsers speak any.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

from aioice import stun as codec

from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import Kind

Method = codec.Method
"""ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION, CHANNEL_BIND (RFC 8656, section 17)."""

REQUESTED_ADDRESS_FAMILY, ALTERNATE_SERVER = 0x0017, 0x8023  # RFC 8656, section 18; RFC 8489, section 14.15
MOBILITY_TICKET = 0x8030  # RFC 8016
_MESSAGE_INTEGRITY, _FINGERPRINT = 0x0008, 0x8028  # RFC 8489, sections 14.5 and 14.7
_FAMILIES = {4: b"\x01\0\0\0", 6: b"\x02\0\0\0"}  # RFC 8656, section 18.6

UDP = 17 << 24
"""REQUESTED-TRANSPORT: IANA's number of UDP, then three reserved bytes."""
MAX_USERNAME = 508
"""Bytes (RFC 8489, section 14.3)."""
_MAX_QUOTED = 763  # bytes of REALM and NONCE (sections 14.9 and 14.10): what is longer is not repeated to the server
_MAX_REASON = 763  # bytes of an error's reason phrase (section 14.8)


class Code(IntEnum):
    """Error codes and who is asked to do what (RFC 8489, section 14.8; RFC 8656, section 19; RFC 8016)."""

    TRY_ALTERNATE = 300
    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    """To a request without credentials: here is a nonce. To one with: the credentials are wrong, or have expired."""
    FORBIDDEN = 403
    """The server's policy: no such relay for this user, or no such peer."""
    MOBILITY_FORBIDDEN = 405
    UNKNOWN_ATTRIBUTE = 420
    ALLOCATION_MISMATCH = 437
    """To Allocate: the 5-tuple has an allocation already. To anything else: it has none."""
    STALE_NONCE = 438
    ADDRESS_FAMILY_NOT_SUPPORTED = 440
    WRONG_CREDENTIALS = 441
    """The allocation is another user's."""
    UNSUPPORTED_TRANSPORT = 442
    PEER_ADDRESS_FAMILY_MISMATCH = 443
    QUOTA_REACHED = 486
    SERVER_ERROR = 500
    INSUFFICIENT_CAPACITY = 508


@dataclass(frozen=True)
class Credential:
    """A user of a TURN server. Raises ValueError for what no message can carry."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        self.password.encode()
        if len(self.username.encode()) > MAX_USERNAME:
            raise ValueError(f"a username of more than {MAX_USERNAME} bytes")

    def key(self, realm: str) -> bytes:
        """RFC 8489, section 9.2.2."""
        return _key(self.username, realm, self.password)


@lru_cache(1 << 8)
def _key(username: str, realm: str, password: str) -> bytes:
    """Remembered: every request is signed with it."""
    text = f"{username}:{_opaque(realm)}:{_opaque(password)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _opaque(text: str) -> str:
    """RFC 8265's OpaqueString: other spaces become U+0020, the rest is composed."""
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in text)
    return unicodedata.normalize("NFC", spaced)


@dataclass(frozen=True)
class Challenge:
    """What a server wants to see repeated beside the username."""

    realm: str
    nonce: bytes


@dataclass(frozen=True)
class Message:
    """A message that was received. What it does not carry is None."""

    kind: Kind
    method: codec.Method
    transaction_id: bytes
    mapped: Endpoint | None = None
    relayed: Endpoint | None = None
    peer: Endpoint | None = None
    data: bytes | None = None
    lifetime: int | None = None
    """Seconds."""
    ticket: bytes | None = None
    code: int | None = None
    reason: str = ""
    challenge: Challenge | None = None
    alternate: Endpoint | None = None
    _read: codec.Message | None = field(default=None, repr=False, compare=False)

    def signed_with(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and right."""
        try:
            return self._read is not None and self._read.check_message_integrity(key)
        except struct.error:  # the attribute lies where no length of 16 bits reaches
            return False


def parse(data: bytes, known: Challenge | None = None) -> Message | None:
    """Read a message; None for what is none. Nothing raises. `known` is the last challenge, whose realm still holds."""
    read = stun.decode(data)
    if read is None:
        return None
    said = read.attributes
    code, reason = said.get("ERROR-CODE", (None, ""))
    alternate = stun.attribute(data, ALTERNATE_SERVER)
    return Message(
        kind=Kind(read.message_class),
        method=read.message_method,
        transaction_id=read.transaction_id,
        mapped=said.get("XOR-MAPPED-ADDRESS"),
        relayed=said.get("XOR-RELAYED-ADDRESS"),
        peer=said.get("XOR-PEER-ADDRESS"),
        data=said.get("DATA"),
        lifetime=said.get("LIFETIME"),
        ticket=stun.attribute(data, MOBILITY_TICKET),
        code=code,
        reason="".join(letter for letter in reason[:_MAX_REASON] if letter.isprintable()),  # coturn's may end in NUL
        challenge=_challenge(said.get("REALM", known.realm if known else None), said.get("NONCE")),
        alternate=_address(alternate) if alternate else None,
        _read=read,
    )


def _challenge(realm: str | None, nonce: bytes | None) -> Challenge | None:
    if realm is None or nonce is None or max(len(realm.encode()), len(nonce)) > _MAX_QUOTED:
        return None
    return Challenge(realm, nonce)


def _address(value: bytes) -> Endpoint | None:
    try:
        return codec.unpack_address(value)
    except (ValueError, struct.error):
        return None


def request(
    method: codec.Method,
    transaction_id: bytes,
    attributes: Mapping[str, Any],
    *,
    family: int | None = None,
    ticket: bytes | None = None,
    challenge: Challenge | None = None,
    credential: Credential | None = None,
) -> bytes:
    """A request, signed when there are a challenge and a credential. `attributes` as the codec names them.

    `family` (4 or 6) is that of the relayed address; `ticket` may be empty, which asks for one (RFC 8016).
    """
    said = dict(attributes)
    if challenge and credential:
        said |= {"USERNAME": credential.username, "REALM": challenge.realm, "NONCE": challenge.nonce}
    data = bytes(codec.Message(method, codec.Class.REQUEST, transaction_id, said))
    if family is not None:
        data = stun.extended(data, REQUESTED_ADDRESS_FAMILY, _FAMILIES[family])
    if ticket is not None:
        data = stun.extended(data, MOBILITY_TICKET, ticket)
    if challenge and credential:
        key = credential.key(challenge.realm)
        data = stun.extended(data, _MESSAGE_INTEGRITY, codec.message_integrity(data, key))
    return stun.extended(data, _FINGERPRINT, struct.pack("!I", codec.message_fingerprint(data)))


def send_indication(transaction_id: bytes, peer: Endpoint, data: bytes) -> bytes:
    """Data for a peer (RFC 8656, section 11.1); nobody answers it. Raises ValueError when it is too long for one."""
    attributes = {"XOR-PEER-ADDRESS": peer, "DATA": data}
    try:
        return bytes(codec.Message(Method.SEND, codec.Class.INDICATION, transaction_id, attributes))
    except struct.error:
        raise ValueError(f"{len(data)} bytes are more than one message carries") from None
