"""Which transaction ids came in the last minute. Pure; bounded in number and in time."""

from __future__ import annotations

from collections import OrderedDict

from landfast.model.facts import Endpoint
from landfast.wire.reflector import Seen

SECONDS = 60.0
"""Longer than any client repeats a request (RFC 8489, section 6.2.1: 39.5 s)."""
MOST = 20_000
"""0.4 KiB each. A flood that fills it makes what came before forgotten sooner, and nothing else."""


class Memory:
    """Transaction id → how often it came, and from where last."""

    def __init__(self, *, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._seen: OrderedDict[bytes, tuple[float, Seen]] = OrderedDict()  # the one that came last stands last

    def __len__(self) -> int:
        return len(self._seen)

    def saw(self, transaction_id: bytes, origin: Endpoint, now: float) -> None:
        """One came."""
        before = self.told(transaction_id, now)
        self._seen.pop(transaction_id, None)
        self._seen[transaction_id] = now, Seen(before.count + 1, origin)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def told(self, transaction_id: bytes, now: float) -> Seen:
        """What is known of one."""
        self._forget(now)
        return self._seen.get(transaction_id, (now, Seen()))[1]

    def _forget(self, now: float) -> None:
        while self._seen and now - next(iter(self._seen.values()))[0] > self._seconds:
            self._seen.popitem(last=False)
