"""Which data has come before, by another way. Pure.

No two datagrams of a peer's are alike: DTLS and SRTP number them. So what comes twice was copied, and who copies is not
the peer, however well he forwards our checks to it.
"""

from __future__ import annotations

from landfast.session.ice.pairs import NEVER, Pair

_REMEMBERED = 256  # datagrams: those of a second of a video
_WATCHED = 10.0  # seconds since anything came by another way than the selected one; before, nobody copies


class Copies:
    """What was heard lately, while more than one way is heard."""

    def __init__(self) -> None:
        self._first: dict[int, Pair] = {}
        self._until = NEVER

    def first(self, data: bytes, pair: Pair, now: float, *, elsewhere: bool) -> Pair:
        """By which way this came first. `elsewhere`: it came by another than the selected one."""
        if elsewhere:
            self._until = now + _WATCHED
        elif now >= self._until:
            self._first.clear()
            return pair
        first = self._first.setdefault(hash(data), pair)
        if len(self._first) > _REMEMBERED:
            del self._first[next(iter(self._first))]
        return first
