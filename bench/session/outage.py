"""What arrived → how long nothing did. Pure. All times are seconds of the machine's monotonic clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

NEAR = 2.0
"""A gap that begins so long after an event still belongs to it: Chromium goes on for 2 s to an address that is dead."""
STEADY = 1.5
"""So long without a gap of note, and a direction is over it. Longer than SCTP's and ICE's first timers."""
NOTE = 0.5
"""Twenty-five probes in a row."""


def outage(arrivals: Sequence[float], began: float, over: float, until: float) -> float | None:
    """The longest time without an arrival that has to do with an event, which `began` and was `over` at these times.

    None: it had not ended at `until`, so nobody knows.
    """
    times = [at for at in arrivals if at <= until]
    start = max(0, bisect_right(times, began) - 1)
    points = times[start:] or [began]
    if _open(points, over, until):
        return None
    return max((b - a for a, b in pairwise(points) if b > began and a < over + NEAR), default=0.0)


def return_after(arrivals: Sequence[float], back: float, until: float) -> float | None:
    """The longest time without an arrival after a way is `back`; None when it had not ended at `until`."""
    points = [back, *(at for at in arrivals if back < at <= until)]
    if _open(points, back, until):
        return None
    return max((b - a for a, b in pairwise(points) if a < back + NEAR), default=0.0)


def is_over(arrivals: Sequence[float], since: float, now: float) -> bool:
    """Whether a direction has been steady for long enough after `since`."""
    recent = [at for at in arrivals if at > now - STEADY]
    points = [now - STEADY, *recent, now]
    return now - STEADY > since and all(b - a < NOTE for a, b in pairwise(points))


def lost(numbers: Sequence[int], sent: int) -> int:
    """How many did not come of all that was sent, numbered from 1."""
    return sent - len(set(numbers))


def reordered(numbers: Sequence[int]) -> int:
    """How many came after a later one, or once more."""
    return sum(after <= before for before, after in pairwise(numbers))


def _open(points: Sequence[float], over: float, until: float) -> bool:
    return points[-1] < over + NEAR and until - points[-1] > NOTE
