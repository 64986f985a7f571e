"""What a landfast reflector speaks beyond STUN (RFC 8489, RFC 5780): one attribute, and the JSON of its control. Pure.

* ANSWER-AFTER, 0xC0F5, comprehension-optional: 32 bits, milliseconds. The request is answered so much later, to the
  asker's own address, and with no more bytes than it has: a request that brings too few gets an answer without address.
* `GET /v1` tells what the reflector is (`Description`), `GET /v1/seen/<24 hex digits>` whether a request with that
  transaction id arrived in the last minute and will be answered (`Seen`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from landfast.model.facts import Endpoint, endpoint, written
from landfast.wire import stun
from landfast.wire.stun import StunMessage

ANSWER_AFTER = 0xC0F5
LONGEST = 300.0
"""Seconds that an answer may be put off: RFC 4787, REQ-5, recommends that bindings live 5 minutes."""

CONTROL_PORT = 3480
OFFERS = frozenset({"other-address", "other-port", "response-port", "later", "nonce", "padding"})

# RFC 8489, sections 5 and 14; RFC 5780, section 7.
_COOKIE = 0x2112A442
_SUCCESS, _ERROR = 0x0101, 0x0111
_MAPPED_ADDRESS, _ERROR_CODE, _UNKNOWN_ATTRIBUTES = 0x0001, 0x0009, 0x000A
_CHANGE_REQUEST, _PADDING, _RESPONSE_ORIGIN, _OTHER_ADDRESS = 0x0003, 0x0026, 0x802B, 0x802C

# Beside the 8 bytes of ANSWER-AFTER and the 4 before this padding: an IPv6 address takes 24.
_ROOM = 16
_MOST_ENDPOINTS = 64  # of a description; there are 4 of each family


def answer_after(seconds: float) -> bytes:
    """The attribute, rounded to a millisecond. Raises ValueError for a time that no reflector would wait."""
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"an answer can be put off for 0 to {LONGEST:g} s, not for {seconds:g} s")
    return struct.pack("!HHI", ANSWER_AFTER, 4, round(seconds * 1000))


def later_request(transaction_id: bytes, seconds: float) -> bytes:
    """A Binding request to be answered later, with room for an answer of either family."""
    return stun.binding_request(transaction_id, padding=_ROOM, attributes=answer_after(seconds))


@dataclass(frozen=True)
class Wishes:
    """What a Binding request asks of a reflector beside what `stun.parse` reads of it."""

    after: float | None = None
    """Seconds; None: at once."""
    padding: bool = False


def wishes(data: bytes) -> Wishes:
    """Read them from a datagram that `stun.parse` takes for a message. A malformed attribute is none."""
    after, wished = None, stun.attribute(data, ANSWER_AFTER)
    if wished is not None and len(wished) == 4:
        after = min(int.from_bytes(wished, "big") / 1000, LONGEST)
    return Wishes(after, stun.attribute(data, _PADDING) is not None)


def answer(
    request: StunMessage,
    mapped: Endpoint,
    most: int,
    *,
    other: Endpoint | None = None,
    origin: Endpoint | None = None,
    padding: int = 0,
) -> bytes:
    """A success response of at most `most` bytes, at least the 20 of a header: what does not fit is left out, the
    least important first. With `padding` it is filled up to so many bytes, as far as a multiple of 4 goes."""
    data = stun.binding_response(request, mapped)
    if len(data) > most:
        return _empty(_SUCCESS, request)
    for kind, said in ((_OTHER_ADDRESS, other), (_RESPONSE_ORIGIN, origin), (_MAPPED_ADDRESS, mapped)):
        if said and len(longer := stun.extended(data, kind, _address(said))) <= most:
            data = longer
    room = (min(padding, most) - len(data) - 4) & ~3
    return stun.extended(data, _PADDING, bytes(room)) if room >= 0 else data


def cannot_change(request: StunMessage) -> bytes:
    """The error of a server that has no other address or port to answer from (RFC 5780, section 6.1)."""
    data = stun.extended(_empty(_ERROR, request), _ERROR_CODE, struct.pack("!HBB", 0, 4, 20))
    return stun.extended(data, _UNKNOWN_ATTRIBUTES, struct.pack("!H", _CHANGE_REQUEST))


def _empty(kind: int, request: StunMessage) -> bytes:
    return struct.pack("!HHI12s", kind, 0, _COOKIE, request.transaction_id)


def _address(said: Endpoint) -> bytes:
    packed = ip_address(said[0]).packed
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, said[1]) + packed


@dataclass(frozen=True)
class Description:
    """What a reflector is: its STUN endpoints, each address with each port, and what can be asked of them."""

    stun: tuple[Endpoint, ...]
    stun6: tuple[Endpoint, ...] = ()
    offers: tuple[str, ...] = ()

    def text(self) -> str:
        """As JSON."""
        said = {"landfast_reflector": 1, "stun": _all_written(self.stun), "stun6": _all_written(self.stun6)}
        return json.dumps({**said, "offers": list(self.offers)})


def described(text: str | bytes) -> Description:
    """Read it. Offers that we do not know are left out. Raises ValueError for what is no reflector's description."""
    said = _object(text)
    if said.get("landfast_reflector") != 1:
        raise ValueError("not a landfast reflector of version 1")
    offers = tuple(offer for offer in _texts(said.get("offers", [])) if offer in OFFERS)
    found = Description(_endpoints(said.get("stun", []), 4), _endpoints(said.get("stun6", []), 6), offers)
    if not (found.stun or found.stun6):
        raise ValueError("a reflector without a STUN endpoint")
    return found


@dataclass(frozen=True)
class Seen:
    """How many requests with one transaction id arrived, and where the last of them came from."""

    count: int = 0
    origin: Endpoint | None = None

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"seen": self.count, "from": written(self.origin) if self.origin else None})


def seen(text: str | bytes) -> Seen:
    """Read it. Raises ValueError."""
    said = _object(text)
    count, origin = said.get("seen"), said.get("from")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"not a count: {count!r}")
    if origin is not None and not isinstance(origin, str):
        raise ValueError(f"not an endpoint: {origin!r}")
    return Seen(count, endpoint(origin) if origin else None)


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON: {problem}") from None
    if not isinstance(said, dict):
        raise ValueError("not a JSON object")
    return said


def _texts(said: Any) -> list[str]:
    if not isinstance(said, list) or len(said) > _MOST_ENDPOINTS or not all(isinstance(item, str) for item in said):
        raise ValueError(f"not a list of texts: {str(said)[:100]}")
    return said


def _endpoints(said: Any, family: int) -> tuple[Endpoint, ...]:
    found = tuple(endpoint(text) for text in _texts(said))
    if any((":" in address) != (family == 6) for address, _ in found):
        raise ValueError(f"not all of IPv{family}: {said}")
    return found


def _all_written(endpoints: Sequence[Endpoint]) -> list[str]:
    return [written(one) for one in endpoints]
