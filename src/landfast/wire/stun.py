"""STUN (RFC 8489) as this project needs it: Binding requests and responses, with RFC 5780's attributes.

The codec is aioice's; the two attributes that it lacks, RESPONSE-PORT and PADDING, are read and written here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from aioice import stun as codec

from landfast.model.facts import Endpoint

_HEADER = 20
_PADDING, _RESPONSE_PORT = 0x0026, 0x0027  # RFC 5780, sections 7.6 and 7.5
_CHANGE_IP, _CHANGE_PORT = 0x4, 0x2  # RFC 5780, section 7.2


class Kind(Enum):
    """The class of a message (RFC 8489, section 5)."""

    REQUEST = codec.Class.REQUEST
    INDICATION = codec.Class.INDICATION
    SUCCESS = codec.Class.RESPONSE
    ERROR = codec.Class.ERROR


@dataclass(frozen=True)
class StunMessage:
    """A message that was received. What it does not carry is None."""

    kind: Kind
    is_binding: bool
    transaction_id: bytes
    xor_mapped_address: Endpoint | None = None
    mapped_address: Endpoint | None = None
    """The same, written plainly: where they differ, a middlebox rewrote it (RFC 5780, section 3.6)."""
    other_address: Endpoint | None = None
    response_origin: Endpoint | None = None
    error_code: int | None = None
    username: str | None = None
    """Binding requests with a username are ICE connectivity checks (RFC 8445, section 7.2.2)."""
    change_ip: bool = False
    change_port: bool = False
    response_port: int | None = None

    @property
    def is_request(self) -> bool:
        """Whether it asks for an answer."""
        return self.kind is Kind.REQUEST

    @property
    def mapped(self) -> Endpoint | None:
        """Where the server saw us: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS from a server older than RFC 5389."""
        return self.xor_mapped_address or self.mapped_address


def binding_request(
    transaction_id: bytes,
    *,
    change_ip: bool = False,
    change_port: bool = False,
    response_port: int | None = None,
    padding: int = 0,
    attributes: bytes = b"",
) -> bytes:
    """A Binding request. `transaction_id` is 12 random bytes; `padding` bytes and `attributes` as they are, are added.

    RFC 5780 forbids `padding` together with `response_port` (section 7.6).
    """
    message = codec.Message(codec.Method.BINDING, codec.Class.REQUEST, transaction_id)
    if change := change_ip * _CHANGE_IP | change_port * _CHANGE_PORT:
        message.attributes["CHANGE-REQUEST"] = change
    data = bytes(message)
    if response_port is not None:
        data = extended(data, _RESPONSE_PORT, struct.pack("!HH", response_port, 0))
    if padding:
        data = extended(data, _PADDING, bytes(padding))
    return data[:2] + struct.pack("!H", len(data) + len(attributes) - _HEADER) + data[4:] + attributes


def binding_indication(transaction_id: bytes) -> bytes:
    """A Binding indication: nobody answers it, and a NAT keeps its binding for it (RFC 8489, section 2)."""
    return bytes(codec.Message(codec.Method.BINDING, codec.Class.INDICATION, transaction_id))


def binding_response(
    request: StunMessage, mapped: Endpoint, *, origin: Endpoint | None = None, other: Endpoint | None = None
) -> bytes:
    """The success response to a request that came from `mapped`; `origin` and `other` are for RFC 5780 servers."""
    message = codec.Message(codec.Method.BINDING, codec.Class.RESPONSE, request.transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = mapped
    if origin:
        message.attributes["RESPONSE-ORIGIN"] = origin
    if other:
        message.attributes["OTHER-ADDRESS"] = other
    return bytes(message)


def parse(data: bytes) -> StunMessage | None:
    """Read a datagram. None: not STUN, or broken (its fingerprint too); nothing raises."""
    message = decode(data)
    if message is None:
        return None
    said = message.attributes
    change = said.get("CHANGE-REQUEST", 0)
    port = attribute(data, _RESPONSE_PORT)
    return StunMessage(
        kind=Kind(message.message_class),
        is_binding=message.message_method == codec.Method.BINDING,
        transaction_id=message.transaction_id,
        xor_mapped_address=said.get("XOR-MAPPED-ADDRESS"),
        mapped_address=said.get("MAPPED-ADDRESS"),
        other_address=said.get("OTHER-ADDRESS"),
        response_origin=said.get("RESPONSE-ORIGIN"),
        error_code=message.error_code,
        username=said.get("USERNAME"),
        change_ip=bool(change & _CHANGE_IP),
        change_port=bool(change & _CHANGE_PORT),
        response_port=int.from_bytes(port[:2], "big") if port and len(port) >= 2 else None,
    )


def decode(data: bytes) -> codec.Message | None:
    """A datagram as the codec reads it, for what has more attributes than `StunMessage`; None like `parse`."""
    # The first two bits and the magic cookie tell STUN from what shares the port (RFC 8489, section 5; RFC 7983).
    if len(data) < _HEADER or data[0] & 0xC0 or data[4:8] != codec.COOKIE.to_bytes(4, "big"):
        return None
    try:
        return codec.parse_message(data)
    except (ValueError, struct.error):
        return None


def extended(data: bytes, kind: int, value: bytes) -> bytes:
    """A message with one more attribute, which the codec need not know."""
    value_padded = value + bytes(-len(value) % 4)
    longer = data + struct.pack("!HH", kind, len(value)) + value_padded
    return longer[:2] + struct.pack("!H", len(longer) - _HEADER) + longer[4:]


def attribute(data: bytes, kind: int) -> bytes | None:
    """The value of a message's first attribute of a type, which the codec need not know; None when it has none."""
    position = _find(data, kind)
    if position is None:
        return None
    (length,) = struct.unpack_from("!H", data, position + 2)
    return data[position + 4 : position + 4 + length]


def before(data: bytes, kind: int) -> bytes:
    """A message up to its first attribute of a type: what stands behind MESSAGE-INTEGRITY is nobody's word."""
    return data[: _find(data, kind)]


def _find(data: bytes, kind: int) -> int | None:
    position = _HEADER
    while position + 4 <= len(data):
        found, length = struct.unpack_from("!HH", data, position)
        if found == kind:
            return position
        position += 4 + length + -length % 4
    return None
