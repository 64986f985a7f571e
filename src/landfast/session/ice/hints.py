"""Data from an address that is not the peer's, as far as known: may it be asked whether it is? Pure.

Strangers cost checks, and a forged source would have us send to a victim. So four limits stand between them, each a
method: together they may not cause more than a few checks a second, nor one of them, nor more bytes than it paid for.
"""

from __future__ import annotations

from landfast.session.ice.pairs import NEVER, Pair
from landfast.session.ice.settings import Settings

_PATIENT = 1.0  # seconds between checks to one that has left `tries` of them unanswered
_SAVED = 20  # checks that an address can pay for ahead: what a second of data may cost


class Hints:
    """The budget of one session."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = float(settings.burst)
        self._at = NEVER

    def paid(self, pair: Pair, size: int, cost: int) -> None:
        """Bytes came from there, and earn some (RFC 9000, section 8.1); `cost` is that of one check."""
        pair.credit = min(pair.credit + self._settings.amplification * size, _SAVED * cost)

    def may_ask(self, pair: Pair, cost: int, now: float) -> bool:
        """Whether to check it now; when True, it is spent."""
        if not (self.is_its_turn(pair, now) and self.has_credit(pair, cost) and self.is_within_budget(now)):
            return False
        self._tokens -= 1
        if not pair.proved:
            pair.credit -= cost
        return True

    def is_its_turn(self, pair: Pair, now: float) -> bool:
        """Not more often than the pace, and seldom after some tries."""
        wait = self._settings.pace if pair.tries < self._settings.tries else _PATIENT
        return now >= pair.tried + wait

    def has_credit(self, pair: Pair, cost: int) -> bool:
        """An address that has not proved itself gets no more than three times what came from there."""
        return pair.proved or pair.credit >= cost

    def is_within_budget(self, now: float) -> bool:
        """All strangers together: a bucket that fills with `hints` a second."""
        if self._at > NEVER:
            self._tokens = min(self._settings.burst, self._tokens + self._settings.hints * (now - self._at))
        self._at = now
        return self._tokens >= 1
