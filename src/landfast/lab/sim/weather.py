"""What lies over a router for a while, as the keeper counts it (`lab/keeper.py`). Pure."""

from __future__ import annotations

from collections import Counter

from landfast.lab.network import Occasion


class Weather:
    """The same may lie over a router more than once, each with its own end."""

    def __init__(self) -> None:
        self._over: Counter[Occasion] = Counter()
        self._read()

    def under(self, what: Occasion) -> None:
        """One more over it."""
        self._over[what] += 1
        self._read()

    def relieved(self, what: Occasion) -> None:
        """One less over it."""
        self._over[what] -= 1
        self._read()

    def _read(self) -> None:
        self.suspended = self._over[Occasion.SUSPEND_RADIO] > 0
        self.udp_blocked = self._over[Occasion.BLOCK_UDP] > 0
        self.one_way = self._over[Occasion.ONE_WAY_IPV6] > 0
        self.clear = not (self.suspended or self.udp_blocked or self.one_way)
