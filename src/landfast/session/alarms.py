"""One timer of an event loop for all of its sessions.

A session's deadline moves with each packet, mostly away, and of hundreds each has one. asyncio would make and cancel a
timer every time, and keep the cancelled ones. Here a deadline that moves away costs nothing until it would be the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from weakref import WeakKeyDictionary

from landfast import clock


class Alarm:
    """Of one session: `ring` is called once, at the time that was set last."""

    __slots__ = ("_alarms", "noted", "ring", "when")

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.when = self.noted = inf
        """When it is to ring, by `clock.monotonic`, and the time under which it is noted: the same or sooner."""
        self._alarms: Alarms | None = None

    def set(self, when: float) -> None:
        """Another time; infinite for none. Needs a running event loop, always the same."""
        self.when = when
        if when < self.noted:
            self._alarms = self._alarms or alarms()
            self._alarms.note(self)

    def end(self) -> None:
        """It never rings again, and holds nothing."""
        self.when, self.ring = inf, _nothing
        if self._alarms:
            self._alarms.arm()


class Alarms:
    """All of one event loop."""

    def __init__(self) -> None:
        self._count = count()
        self._noted: list[tuple[float, int, Alarm]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed = inf

    def note(self, alarm: Alarm) -> None:
        """It is to ring sooner than it is noted."""
        alarm.noted = alarm.when
        heappush(self._noted, (alarm.when, next(self._count), alarm))
        if alarm.when < self._armed:
            self.arm()

    def arm(self) -> None:
        """Wait for the first that has not moved away since it was noted."""
        self._armed = -inf  # what is noted meanwhile is waited for in the end
        while self._noted and self._noted[0][2].when > self._noted[0][0]:
            if alarm := self._take():
                self.note(alarm)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._armed = self._noted[0][0] if self._noted else inf
        if self._noted:
            wait = max(0.0, self._armed - clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        self._timer, self._armed, now = None, -inf, clock.monotonic()
        due: list[Alarm] = []
        while self._noted and self._noted[0][0] <= now:
            if alarm := self._take():
                due.append(alarm)
        try:
            while due:
                alarm = due.pop(0)
                if alarm.when <= now:
                    alarm.when = inf
                    alarm.ring()
                elif alarm.when < alarm.noted:
                    self.note(alarm)
        finally:
            for alarm in due:  # one before them raised
                if alarm.when < alarm.noted:
                    self.note(alarm)
            self.arm()

    def _take(self) -> Alarm | None:
        """The first; None if it is noted elsewhere, or shall not ring at all."""
        noted, _, alarm = heappop(self._noted)
        if noted != alarm.noted:
            return None
        alarm.noted = inf
        return alarm if alarm.when < inf else None


_ALARMS: WeakKeyDictionary[asyncio.AbstractEventLoop, Alarms] = WeakKeyDictionary()


def alarms() -> Alarms:
    """Those of the running event loop."""
    return _ALARMS.setdefault(asyncio.get_running_loop(), Alarms())


def _nothing() -> None:
    """What is over does not ring."""
