"""Checks that may still be answered. Pure.

Each sending is a transaction of its own, as in libwebrtc, and none is repeated under one number: so every answer tells
its round trip, and one that comes late still counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from landfast.session.ice.pairs import Pair

MOST = 2000
"""Remembered: 30 s of checks in all generations at their quickest, and more."""

Owner = TypeVar("Owner")


class Sent(Generic[Owner]):
    """A check on its way. `password` signs its answer; `controlling` is the role that it claimed, `priority` what it
    said our address is worth."""

    __slots__ = ("at", "controlling", "nominating", "owner", "pair", "password", "priority")

    def __init__(
        self, owner: Owner, pair: Pair, at: float, password: str, controlling: bool, nominating: bool, priority: int
    ) -> None:
        self.owner, self.pair, self.at, self.password = owner, pair, at, password
        self.controlling, self.nominating, self.priority = controlling, nominating, priority


class Transactions(Generic[Owner]):
    """By number, for `remembered` seconds."""

    def __init__(self, remembered: float) -> None:
        self._remembered = remembered
        self._sent: dict[bytes, Sent[Owner]] = {}

    def __len__(self) -> int:
        return len(self._sent)

    def add(self, number: bytes, sent: Sent[Owner]) -> None:
        """Remember one, and forget what is too old for an answer."""
        while self._sent:
            oldest = next(iter(self._sent))
            if sent.at < self._sent[oldest].at + self._remembered and len(self._sent) < MOST:
                break
            del self._sent[oldest]
        self._sent[number] = sent

    def find(self, number: bytes, now: float) -> Sent[Owner] | None:
        """The check that an answer belongs to."""
        sent = self._sent.get(number)
        return sent if sent and now < sent.at + self._remembered else None

    def drop(self, number: bytes) -> None:
        """It is answered."""
        self._sent.pop(number, None)

    def renewed(self, whose: Callable[[Sent[Owner]], Pair]) -> None:
        """Other pairs are in the place of those that were asked."""
        for sent in self._sent.values():
            sent.pair = whose(sent)

    def forget(self, which: Callable[[Sent[Owner]], bool]) -> None:
        """Those that nobody waits for any more."""
        self._sent = {number: sent for number, sent in self._sent.items() if not which(sent)}
