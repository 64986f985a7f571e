"""Who may ask how often, and how many answers may be put off. Pure; bounded however many addresses ask."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address


@dataclass(frozen=True)
class Rate:
    """A token bucket: `burst` at once, `per_second` in the long run."""

    per_second: float
    burst: float


PER_SOURCE = Rate(per_second=300, burst=3000)
"""A doctor that measures lifetimes asks 1500 times within 3 s, and a NAT may show several of them as one address."""
TOTAL = Rate(per_second=5000, burst=20_000)
"""A sixth of what one core answers (33 000 a second with Python 3.11), so that there is time for what is put off."""
MOST_SOURCES = 4096
"""Addresses that are remembered. One that is forgotten begins with a full bucket; the total holds all the same."""


class _Bucket:
    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._tokens, self._at = rate, rate.burst, now

    def refill(self, now: float) -> bool:
        """Whether there is one to take."""
        self._tokens = min(self._rate.burst, self._tokens + (now - self._at) * self._rate.per_second)
        self._at = now
        return self._tokens >= 1

    def take(self) -> None:
        self._tokens -= 1


class Limits:
    """A bucket for each source, and one for all."""

    def __init__(
        self, now: float, *, per_source: Rate = PER_SOURCE, total: Rate = TOTAL, most_sources: int = MOST_SOURCES
    ) -> None:
        self._per_source, self._most_sources = per_source, most_sources
        self._total = _Bucket(total, now)
        self._sources: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._sources)

    def admits(self, address: str, now: float) -> bool:
        """Whether one more request from this address is answered; counts it if so."""
        if not self._total.refill(now):
            return False
        source = subscriber(address)
        bucket = self._sources.pop(source, None) or _Bucket(self._per_source, now)
        self._sources[source] = bucket
        if len(self._sources) > self._most_sources:
            self._sources.popitem(last=False)  # who has been silent for longest
        if not bucket.refill(now):
            return False
        bucket.take()
        self._total.take()
        return True


class Waiting:
    """How many answers are put off: in total and for each source."""

    def __init__(self, *, total: int = 20_000, per_source: int = 4000) -> None:
        # 0.5 KiB each with its timer: 10 MiB at most. One doctor needs 900.
        self._total, self._per_source = total, per_source
        self._counts: Counter[str] = Counter()
        self._all = 0

    def __len__(self) -> int:
        return self._all

    def begin(self, address: str) -> bool:
        """Make room for one; False when there is none."""
        source = subscriber(address)
        if self._all >= self._total or self._counts[source] >= self._per_source:
            return False
        self._counts[source] += 1
        self._all += 1
        return True

    def end(self, address: str) -> None:
        """It was sent."""
        source = subscriber(address)
        self._all -= 1
        self._counts[source] -= 1
        if not self._counts[source]:
            del self._counts[source]


def subscriber(address: str) -> str:
    """Who is behind an address: itself, or of IPv6 the /64 that one subscriber has to choose from (RFC 6177)."""
    if ":" not in address:
        return address
    return str(IPv6Address(address.partition("%")[0]).packed[:8])
