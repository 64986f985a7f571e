"""The one reader of time. Everything that decides gets `now` as an argument; shells ask here.

`monotonic` is CLOCK_MONOTONIC in seconds, the same in every network namespace of one machine, so that
the meter, the peers and the capture of one trial can be laid on one axis. `wall` is only for people.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def monotonic() -> float:
    """Seconds on the machine's monotonic clock (clock_gettime(2), CLOCK_MONOTONIC)."""
    return time.monotonic()


def wall() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)
