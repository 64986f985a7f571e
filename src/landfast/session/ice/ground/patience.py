"""When a relay's server is asked again, and since when it owes an answer. Pure.

The agent asks as often as it misses data; a server is asked less often, and ever less while it refuses or fails.
"""

from __future__ import annotations

from landfast.session.ice.settings import Settings

_NEVER = float("-inf")
_LONGEST = 60.0
"""Seconds between two attempts that nobody asked for; they begin after settings.repair, and double."""


class Patience:
    """Of one relay."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = _NEVER  # when the agent last made us ask
        self._until = _NEVER  # until when a server that has refused is left alone
        self._owed: float | None = None  # since when it owes an answer
        self._failures = self._refusals = 0  # in a row
        self.rest: float | None = None
        """Until the next attempt that nobody asks for."""

    def may_ask(self, now: float) -> bool:
        """Whether the server may be asked, because the agent wants it; when True, it is."""
        if now < max(self._asked + self._settings.repair, self._until):
            return False
        self._asked = now
        if self._owed is None:
            self._owed = now
        return True

    def is_deaf(self, now: float) -> bool:
        """Whether the server has owed an answer for so long that nothing is expected to go by it."""
        return self._owed is not None and now >= self._owed + self._settings.repair

    def answered(self, now: float) -> None:
        """The server has said something, and owes more."""
        if self._owed is not None:
            self._owed = now

    def heard(self) -> None:
        """The server says that the allocation stands as it is."""
        self._owed, self._refusals = None, 0

    def stands(self) -> None:
        """There is an allocation, new or moved."""
        self._owed = self.rest = None
        self._failures = self._refusals = 0

    def refused(self, now: float) -> None:
        """The server will not."""
        self._until = now + self._ever_later(self._refusals)
        self._refusals += 1

    def failed(self, now: float, not_before: float) -> None:
        """An attempt has come to nothing, and there shall be another one."""
        self.rest = max(now + self._ever_later(self._failures), not_before)
        self._failures += 1

    def _ever_later(self, times: int) -> float:
        return min(self._settings.repair * 2.0 ** min(times, 8), _LONGEST)
