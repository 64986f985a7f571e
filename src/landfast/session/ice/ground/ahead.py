"""Checks by an allocation that is only asked for: behind the Allocate, most of a round trip before its answer. Pure."""

from __future__ import annotations

from math import inf

from landfast.model.facts import Endpoint
from landfast.wire.turn import Client

_LOOKS_UP = 0.005
"""Seconds that a server may take to let an Allocate through; what comes sooner is dropped. coturn 4.6 asks another
thread for the user's key: 1 ms, and on a busy machine 3 to 13, where to wait for 10 costs more than it saves."""
_LAST_STUN = 3  # of the first byte (RFC 7983): data waits until a check was answered (RFC 7675)


class Ahead:
    """Of one attempt."""

    def __init__(self) -> None:
        self.since = inf
        """When that began."""
        self.due: float | None = None
        """When it begins."""

    def challenged(self, client: Client, stands: Client | None, now: float) -> None:
        """The server has first answered `client`. If the nonce is that of what stands, the server sees us where it did:
        then all is well, and nothing begins."""
        if client.nonce and not (stands and client.nonce == stands.nonce):
            self.due = now + _LOOKS_UP

    def begins(self, now: float) -> bool:
        """Whether checks go by it from now on."""
        if self.due is None or now < self.due:
            return False
        self.since, self.due = now, None
        return True

    def send(self, client: Client, data: bytes, peer: Endpoint) -> bool:
        """Send a check, or an answer to one. False for what must go by what stands."""
        return self.since < inf and len(data) > 0 and data[0] <= _LAST_STUN and client.send_ahead(data, peer)
