"""One request → one reply, or none. Pure.

The rules of size, which leave nothing to gain for who writes somebody else's address as his own:

* a plain answer, at once and from where the request went to where it came from, has at most 3 times its bytes;
* what is sent later, from another address or port, or to another port (RFC 5780's CHANGE-REQUEST and RESPONSE-PORT)
  has at most as many bytes as the request, and always goes to the address that the request came from.
"""

from __future__ import annotations

from dataclasses import dataclass

from landfast.model.facts import Endpoint
from landfast.servers.reflector.settings import Settings
from landfast.wire import reflector, stun

PLAIN = 3
"""Times the request: 60 bytes for the shortest, which hold both an IPv4 address seen and the other to ask."""


@dataclass(frozen=True)
class Reply:
    """A datagram from one of our endpoints to an asker, so many seconds later."""

    transaction_id: bytes
    data: bytes
    by: Endpoint
    to: Endpoint
    after: float = 0.0


def reply(settings: Settings, data: bytes, here: Endpoint, source: Endpoint) -> Reply | None:
    """What answers a datagram that came to `here`; None where it is no Binding request, or from where none can be
    reached."""
    message = stun.parse(data)
    if message is None or not (message.is_request and message.is_binding) or not source[1]:
        return None
    by = settings.other(here, address=message.change_ip, port=message.change_port)
    if by is None:
        return Reply(message.transaction_id, reflector.cannot_change(message), here, source)
    wish = reflector.wishes(data)
    to = source[0], message.response_port or source[1]
    plain = wish.after is None and by == here and to == source
    other = settings.other(here, address=True, port=True)
    answer = reflector.answer(
        message,
        source,
        PLAIN * len(data) if plain else len(data),
        other=settings.seen_from_outside(other) if other else None,
        origin=settings.seen_from_outside(by),
        padding=len(data) if wish.padding and wish.after is None else 0,
    )
    return Reply(message.transaction_id, answer, by, to, wish.after or 0.0)
