"""All attempts of a trial in their order. What happens in each is `attempt.py`'s, where it happens is the caller's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby

from landfast import clock
from landfast.remedies.masquerade.options import Options
from landfast.trials.arms import Arm, in_place
from landfast.trials.attempt import Place, Terms, attempt
from landfast.trials.plan import Slot
from landfast.trials.result import Attempt


async def run(
    slots: Sequence[Slot],
    arms: Mapping[str, Arm],
    place_for: Callable[[Arm], Awaitable[Place]],
    *,
    options: Options,
    terms: Terms,
    after: float,
    now: Callable[[str], None],
    finished: Callable[[Attempt], None],
) -> None:
    """Make the attempts of `slots`. `finished` hears of each before the next begins; `now` hears what is being done.
    `after` is how many seconds of the trial were measured before.

    An arm is put in place for its group and taken away after it, also when the trial is cancelled or fails.
    """
    axis: float | None = None
    for (_, name), of in groupby(slots, key=lambda slot: (slot.group, slot.arm)):
        now(f"{name}: making it ready")
        place = await place_for(arms[name])
        async with in_place(arms[name], place.robot, options):
            for slot in of:
                now(f"{name}: attempt {slot.number}")
                axis = clock.monotonic() - after if axis is None else axis
                finished(await attempt(slot, arms[name], place, terms, axis))
