"""Which nomination is the peer's own word. Pure.

A check that nominates is signed, but its source is not: a copy of it, sent from elsewhere, would choose that address.
So each is counted where it came first. (Who can hold the first one back stands in the way anyway.)
"""

from __future__ import annotations

from collections import OrderedDict

from landfast.session.ice.events import Path

_REMEMBERED = 64  # checks: those of three seconds at the quickest pace


class Nominations:
    """Those heard lately."""

    def __init__(self) -> None:
        self._first: OrderedDict[bytes, Path] = OrderedDict()

    def counts(self, transaction: bytes, path: Path) -> bool:
        """Whether a nominating check, by its transaction's number, was not heard from elsewhere before."""
        first = self._first.setdefault(transaction, path)
        if len(self._first) > _REMEMBERED:
            self._first.popitem(last=False)
        return first == path
