"""What an outage may cost: bytes of our own, while nothing of the peer's is heard. Pure.

A bucket that is full whenever the peer answers, and fills slowly while it does not. Whatever is ours takes from it, by
whichever socket it leaves. Checks wait for it, except for one each half a second, and as many that go back where the
peer has just asked: it is there, and what else is asked is mostly asked in vain. The rest may be owed, the less the
longer it can wait; what would be owed beyond that does not leave, and is lost as on any way that loses. So no minute
costs more than the bucket, the most that may be owed, and what flows in: 59 of the 60 kB, whatever is said in it.
"""

from __future__ import annotations

from landfast.session.ice.pairs import NEVER
from landfast.session.ice.settings import Settings

_MINUTE = 60.0
_AT_ONCE = 1 / 6  # of a minute's bytes: ten seconds of checks at their quickest
_STEADILY = 0.72  # of them, over the minute
_AGAIN = 1 / 20  # for a restart: three seconds of a check list
_AT_LEAST = 0.5  # seconds until the next goes without waiting: of checks, of those that go back, of what is repeated

# The most that may be owed, of a minute's bytes, when something leaves. Each of them less than the next, which thereby
# finds room that the one before can not take.
REPEATED = 1 / 24
"""For what is said again, and to strangers. In need what is small goes on, and what is large waits; but one each half a
second may take what is there for the next: a server that is back is told much at once, and not all of it arrives."""
SPOKEN = 1 / 12
"""For what is said once: answers, and questions for the first time, as to a server that is back."""
CHECK = 1 / 10
"""For a check that need not wait: consent depends on it."""


class Outage:
    """Of one session."""

    def __init__(self, settings: Settings) -> None:
        self._minute = settings.outage
        self._left = self._full = self._minute * _AT_ONCE
        self._lent = 0.0  # bytes of checks that need not wait
        self._at = NEVER
        self._last = self._back = NEVER  # when the last check was sent, and the last that went back
        self._again = NEVER  # when the last was repeated for which more was owed

    def answered(self) -> None:
        """The peer is there."""
        self._left = self._full

    def restarted(self) -> None:
        """The peer has said so by signalling."""
        self._lent = self._minute * _AGAIN

    def may_leave(self, size: int, owed: float, now: float) -> bool:
        """Whether so many bytes of our own may leave, with so much `owed` at most; when True, they do."""
        self._fill(now)
        left = self._left - size
        if left < -owed * self._minute:
            if left < -SPOKEN * self._minute or now < self._again + _AT_LEAST:
                return False
            self._again = now
        self._left = left
        return True

    def may_check(self, cost: int, now: float, *, back: bool = False) -> bool:
        """Whether a check of so many bytes may be sent; when True, it is. `back`: one of the peer's has just come that
        way."""
        self._fill(now)
        if max(self._left, self._lent) < cost and now < (self._back if back else self._last) + _AT_LEAST:
            return False
        self._lent = max(0.0, self._lent - cost)
        if back:
            self._back = now
        else:
            self._last = now
        return True

    def _fill(self, now: float) -> None:
        if self._at > NEVER:
            self._left = min(self._full, self._left + self._minute * _STEADILY / _MINUTE * (now - self._at))
        self._at = now
