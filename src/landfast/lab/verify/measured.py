"""What a verification saw, as data: one row an axis, declared beside observed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str

NONE = "none"
"""What is not there, declared or observed. Python's None, in `observed`, is *unknown*."""


@dataclass(frozen=True)
class Row:
    """One axis of one router or host. `how` says how it was seen, or why it could not be."""

    place: str
    axis: str
    """As in the declaration: `nat.mapping`, `interfaces.wlan0.via`."""
    declared: Value
    observed: Value | None
    how: str
    tolerance: float = 0
    """How far a measured number may be from the declared one, in the same unit."""

    @property
    def agrees(self) -> bool | None:
        """None when nothing was observed: what is unknown is no difference."""
        if self.observed is None:
            return None
        if self.tolerance and isinstance(self.declared, int | float) and isinstance(self.observed, int | float):
            return abs(self.observed - self.declared) <= self.tolerance
        return self.observed == self.declared

    def __str__(self) -> str:
        return f"{self.place}: {self.axis} is declared {self.declared}, observed {self.observed} ({self.how})"


@dataclass(frozen=True)
class Measured:
    """A network beside its declaration."""

    network: str
    rows: tuple[Row, ...]

    @property
    def differences(self) -> tuple[Row, ...]:
        """Where it is not what it says."""
        return tuple(row for row in self.rows if row.agrees is False)

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def observed(self, place: str, axis: str) -> Value | None:
        """What was seen of an axis; None when it is unknown or there is no such row."""
        return next((row.observed for row in self.rows if (row.place, row.axis) == (place, axis)), None)

    def and_then(self, rows: Iterable[Row]) -> Measured:
        """With what was seen later: it replaces what was unknown, and a difference is never forgotten."""
        merged = {(row.place, row.axis): row for row in self.rows}
        for row in rows:
            earlier = merged.get((row.place, row.axis))
            if earlier is None or earlier.agrees is None or (earlier.agrees and row.agrees is not None):
                merged[row.place, row.axis] = row
        return Measured(self.network, tuple(merged.values()))

    def seen_again(self, again: Measured) -> Measured:
        """Only what differs on two looks is a difference; else the look counts on which it did not differ."""
        second = {(row.place, row.axis): row for row in again.rows}
        rows = (second.get((row.place, row.axis), row) if row.agrees is False else row for row in self.rows)
        return Measured(self.network, tuple(rows))

    def as_json(self) -> dict[str, Any]:
        """`{name, ok, declared, observed, how}`, the last three by place and axis."""
        columns: dict[str, dict[str, dict[str, Value | None]]] = {"declared": {}, "observed": {}, "how": {}}
        for row in self.rows:
            for name, value in (("declared", row.declared), ("observed", row.observed), ("how", row.how)):
                columns[name].setdefault(row.place, {})[row.axis] = value
        return {"name": self.network, "ok": self.ok, **columns}
