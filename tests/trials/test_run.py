from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from landfast.errors import WorldError
from landfast.kernel.host import Host
from landfast.remedies.masquerade.options import Options
from landfast.trials.arms import Arm
from landfast.trials.attempt import Terms
from landfast.trials.plan import Slot, plan
from landfast.trials.result import Attempt, Call
from landfast.trials.run import run
from tests.trials.places import FakePlace

pytestmark = pytest.mark.anyio


class Story:
    """Two arms that tell when they are put in place and taken away, one place, and what was finished."""

    def __init__(self, place: FakePlace | None = None) -> None:
        self.told: list[str] = []
        self.finished: list[Attempt] = []
        self.place = place or FakePlace()

        async def enter(_robot: Host, _options: Options) -> None:
            self.told.append("enter")

        async def leave(_robot: Host) -> None:
            self.told.append("leave")

        self.arms = {"off": Arm("off", ""), "on": Arm("on", "", enter, leave)}

    async def run(self, slots: Sequence[Slot], after: float = 0.0) -> None:
        async def place_for(_arm: Arm) -> FakePlace:
            return self.place

        def finished(attempt: Attempt) -> None:
            self.told.append(f"{attempt.number} {attempt.arm}")
            self.finished.append(attempt)

        await run(
            slots,
            self.arms,
            place_for,
            options=Options(),
            terms=Terms(),
            after=after,
            now=lambda _: None,
            finished=finished,
        )


async def test_attempts_are_made_in_their_order_and_the_arm_stands_for_its_whole_group() -> None:
    story = Story()
    await story.run(plan(["off", "on"], 3, 2))
    assert story.told == ["1 off", "2 off", "enter", "3 on", "4 on", "leave", "5 off", "6 off"]


async def test_a_resumed_trial_makes_only_what_is_left_on_the_same_axis() -> None:
    story = Story()
    await story.run(plan(["off", "on"], 2, 2)[3:], after=60.0)
    assert story.told == ["enter", "4 on", "leave"]
    assert 60 <= story.finished[0].began_s < 61


async def test_attempts_lie_one_after_the_other_on_the_axis() -> None:
    story = Story()
    await story.run(plan(["off"], 1, 4))
    ends = [attempt.began_s + attempt.lasted_s for attempt in story.finished]
    begins = [attempt.began_s for attempt in story.finished]
    assert begins[0] == pytest.approx(0, abs=0.1)
    assert all(end <= begin + 0.001 for end, begin in zip(ends, begins[1:], strict=False))


class Broken(FakePlace):
    """Its third attempt fails, or waits for ever."""

    def __init__(self, *, waits: bool) -> None:
        super().__init__()
        self.waiting = asyncio.Event()
        self._waits = waits

    async def connect(self, number: int, arm: Arm) -> Call:
        if number == 3:
            self.waiting.set()
            if self._waits:
                await asyncio.Future()
            raise WorldError("the robot's peer: broken")
        return await super().connect(number, arm)


async def test_a_failure_takes_the_arm_away_and_keeps_what_was_finished() -> None:
    story = Story(Broken(waits=False))
    with pytest.raises(WorldError):
        await story.run(plan(["on"], 1, 4))
    assert story.told == ["enter", "1 on", "2 on", "leave"]


async def test_cancelled_in_the_middle_it_takes_the_arm_away_and_keeps_what_was_finished() -> None:
    place = Broken(waits=True)
    story = Story(place)
    running = asyncio.ensure_future(story.run(plan(["on"], 1, 4)))
    await place.waiting.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert story.told == ["enter", "1 on", "2 on", "leave"]
