"""A history that fails → a small one that fails in the same way: fewer faults, shorter, and a plainer network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from pydantic import BaseModel

from landfast.trials.campaign.history import NAMES, History, Side, Uplink

Fails = Callable[[History], bool]
"""Whether a history fails as the first one did."""
Part = TypeVar("Part", bound=BaseModel)
MOST = 300
"""Plays at most: half a minute."""


def shrink(history: History, fails: Fails, most: int = MOST) -> History:
    """The smallest that is found. What `fails` says must depend on the history alone."""
    left = most

    def still(smaller: History) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(smaller)

    while left > 0:
        found = next((smaller for smaller in _smaller(history) if still(smaller)), None)
        if found is None:
            break
        history = found
    return history


def _smaller(history: History) -> Iterator[History]:
    """The next steps, the greatest first."""
    faults = history.faults
    half = len(faults) // 2
    for some in [faults[:half], faults[half:]] if half else []:
        yield history.model_copy(update={"faults": some})
    for place in range(len(faults)):
        yield history.model_copy(update={"faults": faults[:place] + faults[place + 1 :]})
    yield from _plainer(history, ("seed", "lasts", "faults", *NAMES))
    for name in NAMES:
        side = history.side(name)
        for other in _sides(side):
            yield history.model_copy(update={name: other})
    for place, fault in enumerate(faults):
        if fault.lasts > 0.2:
            shorter = fault.model_copy(update={"lasts": round(fault.lasts / 2, 1)})
            yield history.model_copy(update={"faults": (*faults[:place], shorter, *faults[place + 1 :])})
    if history.lasts > 2:
        yield history.model_copy(update={"lasts": float(int(history.lasts * 0.75))})


def _sides(side: Side) -> Iterator[Side]:
    yield from _plainer(side, ("uplink", "second"))
    if side.second:
        yield side.model_copy(update={"second": None})
        for uplink in _plainer(side.second):
            yield side.model_copy(update={"second": uplink})
    if side.uplink != Uplink():
        yield side.model_copy(update={"uplink": Uplink()})
    for uplink in _plainer(side.uplink):
        yield side.model_copy(update={"uplink": uplink})


def _plainer(part: Part, but: tuple[str, ...] = ()) -> Iterator[Part]:
    """With one field as usual."""
    for name, field in type(part).model_fields.items():
        usual = field.get_default()
        if name not in but and getattr(part, name) != usual:
            yield part.model_copy(update={name: usual})
