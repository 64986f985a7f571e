"""What a trial does, as data: groups of attempts whose arms alternate. Pure.

The source document's trial is four groups of five attempts: remedy off, on, off, on. Alternating is what tells the
remedy from the hour of day: whatever drifts drifts through both arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from landfast.errors import RequestError

GROUPS, ATTEMPTS = 4, 5
"""The source document's numbers."""
MAX_ATTEMPTS = 1000
"""Of a whole trial: more is a slip of the finger (at 10 s each, this is 3 hours)."""


@dataclass(frozen=True)
class Slot:
    """One attempt to be made. Numbers begin with 1; `attempt` counts within its group."""

    number: int
    group: int
    attempt: int
    arm: str


def plan(arms: Sequence[str], groups: int = GROUPS, attempts: int = ATTEMPTS) -> tuple[Slot, ...]:
    """All attempts in their order. Raises RequestError when an arm would never be tried, or twice named."""
    if not arms or len(set(arms)) < len(arms):
        raise RequestError(f"arms must be named once each: {', '.join(arms) or 'none given'}")
    if groups < len(arms):
        raise RequestError(f"{len(arms)} arms need at least {len(arms)} groups, not {groups}")
    if attempts < 1 or groups * attempts > MAX_ATTEMPTS:
        raise RequestError(f"a trial has 1 to {MAX_ATTEMPTS} attempts, not {groups} x {attempts}")
    return tuple(
        Slot(group * attempts + attempt + 1, group + 1, attempt + 1, arms[group % len(arms)])
        for group in range(groups)
        for attempt in range(attempts)
    )
