"""Permissions and channels that are to stand, each asked for and refreshed in its own time (RFC 8656, sections 9, 12).

A permission is for an address, a channel for an address and a port. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from math import inf

from landfast.model.facts import Endpoint
from landfast.wire.turn import framing
from landfast.wire.turn.events import Ask, Bound, Permitted

PERMISSION, CHANNEL = 300.0, 600.0
"""Seconds that they live (RFC 8656, sections 9 and 12)."""
AHEAD = 60.0
"""Seconds before its end that something is refreshed: a request is repeated for 39.5 s (RFC 8489, section 6.2.1)."""
MOVED = inf
"""When something is due that the server may grant from elsewhere: once the allocation is asked to move."""

_AT_ONCE, _NEVER = -inf, -inf


@lru_cache(1 << 12)
def canonical(peer: Endpoint) -> Endpoint:
    """An address and a port as the codec writes them, without a zone. Raises ValueError for anything else."""
    address, port = peer
    if not 0 <= port < 1 << 16:
        raise ValueError(f"{port} is no port")
    return str(ip_address(address.partition("%")[0])), port


@dataclass
class Wish:
    """One of them; it stands until `until`. `due` is when to ask for it (again), unless that is under way."""

    peer: Endpoint
    channel: int | None = None
    due: float = _AT_ONCE
    asking: bool = False
    until: float = _NEVER
    owners: set[Endpoint] = field(default_factory=set)
    """The peers for which a permission is wished: they share an address."""

    @property
    def ask(self) -> Ask:
        """What the server is asked for it."""
        return Ask.PERMIT if self.channel is None else Ask.BIND


class Wishes:
    """All of one allocation. Peers are given as `canonical` writes them."""

    def __init__(self) -> None:
        self._permissions: dict[str, Wish] = {}
        self._channels: dict[Endpoint, Wish] = {}
        self._peers: dict[int, Endpoint] = {}
        # A peer that is forgotten keeps its number: another may have it only 5 minutes later (RFC 8656, section 12).
        self._numbers: dict[Endpoint, int] = {}

    def __iter__(self) -> Iterator[Wish]:
        yield from self._permissions.values()
        yield from self._channels.values()

    @property
    def due(self) -> float:
        """When something is to be asked for; infinite while nothing is."""
        soonest = inf
        for wishes in (self._permissions, self._channels):
            for wish in wishes.values():
                if wish.due < soonest and not wish.asking:
                    soonest = wish.due
        return soonest

    def permit(self, peer: Endpoint) -> None:
        """Wish for a permission."""
        self._permissions.setdefault(peer[0], Wish(peer)).owners.add(peer)

    def bind(self, peer: Endpoint) -> None:
        """Wish for a channel, while there is a number for it."""
        number = self._numbers.get(peer, framing.CHANNELS[0] + len(self._numbers))
        if peer not in self._channels and number in framing.CHANNELS:
            self._channels[peer] = Wish(peer, number)
            self._numbers[peer] = number
            self._peers[number] = peer

    def forget(self, peer: Endpoint) -> None:
        """Wish for neither any more."""
        if wish := self._channels.get(peer):
            self._drop(wish)
        permission = self._permissions.get(peer[0])
        if permission:
            permission.owners.discard(peer)
            if not permission.owners:
                self._drop(permission)

    def of(self, ask: Ask, peer: Endpoint | None) -> Wish | None:
        """The wish that a request was about; None when it was about none, or is wished no more."""
        if peer is None:
            return None
        return self._permissions.get(peer[0]) if ask is Ask.PERMIT else self._channels.get(peer)

    def may_send(self, address: str) -> bool:
        """Whether data from this address is wanted."""
        return address in self._permissions

    def channel(self, peer: Endpoint, now: float) -> int | None:
        """The number of the channel that stands to a peer."""
        wish = self._channels.get(peer)
        return wish.channel if wish and now < wish.until else None

    def peer(self, channel: int) -> Endpoint | None:
        """Whom a channel is bound to."""
        return self._peers.get(channel)

    def given(self, channel: int) -> bool:
        """Whether this number was ever a peer's: the server may still send by it."""
        return channel in framing.CHANNELS[: len(self._numbers)]

    def granted(self, wish: Wish, since: float) -> Permitted | Bound | None:
        """It stands, from `since` on; the event when it did not before."""
        lasts, event = (PERMISSION, Permitted(wish.peer[0])) if wish.channel is None else (CHANNEL, Bound(wish.peer))
        new = wish.until < since
        wish.asking, wish.until, wish.due = False, since + lasts, since + lasts - AHEAD
        return event if new else None

    def refused(self, wish: Wish, due: float | None) -> None:
        """It was not granted: wished again when `due`, or never."""
        if due is None:
            self._drop(wish)
        else:
            wish.asking, wish.due = False, due

    def unasked(self) -> None:
        """The requests that were under way are given up, for the allocation moves."""
        for wish in self:
            if wish.asking or wish.due == MOVED:
                wish.asking, wish.due = False, _AT_ONCE

    def clear(self) -> None:
        """Wish for nothing."""
        self._permissions.clear()
        self._channels.clear()
        self._peers.clear()

    def _drop(self, wish: Wish) -> None:
        if wish.channel is None:
            del self._permissions[wish.peer[0]]
        else:
            del self._channels[wish.peer]
            del self._peers[wish.channel]
