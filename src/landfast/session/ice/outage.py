"""What an outage may cost: bytes of our own, while nothing of the peer's is heard. Pure.

A bucket that is full whenever the peer answers, and fills slowly while it does not. Everything of ours takes from it,
but only checks wait for it: questions to servers have a pace of their own, and are what finds the way back. What they
take from an empty bucket is owed, and checks wait until it is paid. Those that go back where the peer has just asked
wait less: it is there, and what else is asked is mostly asked in vain.
"""

from __future__ import annotations

from landfast.session.ice.pairs import NEVER
from landfast.session.ice.settings import Settings

_MINUTE = 60.0
_AT_ONCE = 1 / 6  # of a minute's bytes: ten seconds of checks at their quickest
_STEADILY = 0.72  # of them, over the minute; what is left is for restarts, and for what does not wait
_AGAIN = 1 / 20  # for a restart: three seconds of a check list
_AT_LEAST = 0.5  # seconds until the next check, whatever else was sent; and until the next that goes back


class Outage:
    """Of one session."""

    def __init__(self, settings: Settings) -> None:
        self._full = settings.outage * _AT_ONCE
        self._rate = settings.outage * _STEADILY / _MINUTE
        self._restart = settings.outage * _AGAIN
        self._left, self._at = self._full, NEVER
        self._last = self._back = NEVER  # when the last check was sent, and the last that went back

    def answered(self) -> None:
        """The peer is there."""
        self._left = self._full

    def restarted(self) -> None:
        """The peer has said so by signalling."""
        self._left = max(self._left, self._restart)

    def spent(self, size: int) -> None:
        """Bytes of our own have left."""
        self._left = max(-self._full, self._left - size)

    def may_check(self, cost: int, now: float, *, back: bool = False) -> bool:
        """Whether a check of so many bytes may be sent; when True, it is. `back`: one of the peer's has just come that
        way."""
        if self._at > NEVER:
            self._left = min(self._full, self._left + self._rate * (now - self._at))
        self._at = now
        if self._left < cost and now < (self._back if back else self._last) + _AT_LEAST:
            return False
        if back:
            self._back = now
        else:
            self._last = now
        return True
