"""Times that may be unknown: seconds on whatever clock, None where there is none. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def earliest(times: Iterable[float | None]) -> float | None:
    """The first of them; None when none is known."""
    first = None
    for each in times:
        if each is not None and (first is None or each < first):
            first = each
    return first
