"""Whether data flows: wherever the world stays passable, it flows again both ways within the stated bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from landfast.trials.campaign.application import Ear
from landfast.trials.campaign.history import Name, Traffic, other

BOUND = 5.0
"""Seconds of a passable world until data must flow both ways, beside ten round trips."""
_TRIPS = 10
AFTER_CONSENT = 12.0
"""The same after a silence of 30 s: consent has ended, and another socket is taken every 10 s (settings.rotate)."""
_CONSENT = 30.0
_QUIET = 1.0  # seconds, beside the traffic's own gaps, until one looks at all


class Passable(Protocol):
    """Who knows."""

    def passable(self) -> bool:
        """Whether the two could find each other now."""
        ...


class Flows:
    """Of one history; `look` is called every half a second."""

    named = "no data in a passable world"

    def __init__(
        self,
        traffic: Traffic,
        ears: dict[Name, Ear],
        world: Passable,
        blame: Callable[[str, str, str], None],
        trip: float = 0.0,
    ) -> None:
        self._ears, self._world, self._blame = ears, world, blame
        self._slack = 3 * traffic.every + _TRIPS * trip
        self._every = traffic.every
        self._since: float | None = None
        self._over = 0.0  # when the last fault ended
        self._interrupted = False
        self.recoveries: list[float] = []
        self.connected = False

    def disturbed(self, now: float, lasts: float) -> None:
        """A fault begins."""
        self._settle(now)
        self._since = None
        self._over = max(self._over, now + lasts)
        self._interrupted = True

    @property
    def open(self) -> bool:
        """Whether data is missing that could flow, and still has time to."""
        return self._since is not None

    def look(self, now: float) -> None:
        """Has data come lately, and if not: could it?"""
        self._settle(now)
        starved = [name for name, ear in self._ears.items() if now - max(ear.last, 0.0) > _QUIET + self._every]
        if not starved or now < self._over:
            self._since = None
            return
        if not self._world.passable():
            self._since = None
            return
        if self._since is None:
            self._since = now
        name = min(starved, key=lambda name: self._ears[name].last)
        last = self._ears[name].last  # consent needs both directions; and what a stream had held back is no news
        bound = BOUND if self._since + BOUND - last < _CONSENT else AFTER_CONSENT  # if it ends before the bound does
        if now - self._since > bound + self._slack:
            heard = f"since {last:.2f} s" if last > 0 else "ever"
            self._blame(self.named, name, f"nothing of {other(name)}'s {heard}; passable since {self._since:.1f} s")

    def _settle(self, now: float) -> None:
        """Note how long it took until both had heard the other after the last fault."""
        last = min(ear.last for ear in self._ears.values())
        self.connected = self.connected or last > 0
        if self._interrupted and now > self._over and last > self._over:
            self._interrupted = False
            back = [when for ear in self._ears.values() for when, _ in ear.gaps if when > self._over]
            if back:
                self.recoveries.append(max(back) - self._over)
