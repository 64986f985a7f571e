from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.session import alarms
from landfast.session.alarms import Alarm, Alarms


class Loop:
    """Time that is set, and the one timer that may be waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.alarms = Alarms()
        self.waits: list[tuple[float, Loop.Timer]] = []
        monkeypatch.setattr("landfast.clock.monotonic", lambda: self.now)
        monkeypatch.setattr("asyncio.get_running_loop", lambda: self)
        monkeypatch.setattr(alarms, "alarms", lambda: self.alarms)

    class Timer:
        def __init__(self, ring: Callable[[], None]) -> None:
            self.ring = ring
            self.over = False

        def cancel(self) -> None:
            self.over = True

    def call_later(self, wait: float, ring: Callable[[], None]) -> asyncio.TimerHandle:
        self.waits.append((self.now + wait, Loop.Timer(ring)))
        return cast("asyncio.TimerHandle", self.waits[-1][1])

    @property
    def waiting(self) -> list[tuple[float, Loop.Timer]]:
        return [(when, timer) for when, timer in self.waits if not timer.over]

    def run(self, until: float) -> None:
        while self.waiting and self.waiting[0][0] <= until:
            ((when, timer),) = self.waiting  # never more than one
            self.now, timer.over = max(self.now, when), True
            timer.ring()
        self.now = until


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    return Loop(monkeypatch)


def test_what_moves_away_costs_no_timer_and_no_ring(loop: Loop) -> None:
    rung: list[float] = []
    alarm = Alarm(lambda: rung.append(loop.now))
    alarm.set(1)
    for when in range(2, 50):
        alarm.set(when)
    assert len(loop.waits) == 1
    loop.run(48)
    assert rung == []
    loop.run(60)
    assert rung == [49]
    assert loop.waiting == []


def test_what_comes_nearer_rings_sooner(loop: Loop) -> None:
    rung: list[float] = []
    alarm = Alarm(lambda: rung.append(loop.now))
    alarm.set(60)
    alarm.set(1)
    loop.run(100)
    assert rung == [1]


def test_hundreds_that_ask_and_are_answered_wait_with_one_timer_each_turn(loop: Loop) -> None:
    made: list[Alarm] = []

    def turn(number: int) -> None:
        made[number].set(loop.now + 0.1)  # asked
        made[number].set(loop.now + 5)  # and answered

    for number in range(500):
        made.append(Alarm(partial(turn, number)))
        made[number].set(5 + number / 100)
    loop.waits.clear()
    loop.run(100)
    assert len(loop.waits) <= 500 * 19 + 1


def test_who_has_ended_never_rings_and_leaves_no_timer(loop: Loop) -> None:
    one, other = Alarm(lambda: pytest.fail("it has ended")), Alarm(lambda: None)
    one.set(5)
    other.set(5)
    one.end()
    loop.run(10)
    assert loop.waiting == []
    assert loop.alarms._noted == []


def test_who_ends_another_that_is_due_as_well_is_the_last_to_ring(loop: Loop) -> None:
    made: list[Alarm] = []
    rung: list[int] = []

    def ring(number: int) -> None:
        rung.append(number)
        made[1 - number].end()

    made += [Alarm(lambda: ring(0)), Alarm(lambda: ring(1))]
    for each in made:
        each.set(1)
    loop.run(2)
    assert rung == [0]


def test_one_that_is_always_due_does_not_keep_the_others_waiting(loop: Loop) -> None:
    rung: list[str] = []

    def again() -> None:
        rung.append("again")
        if len(rung) < 10:
            hasty.set(loop.now)

    hasty, other = Alarm(again), Alarm(lambda: rung.append("other"))
    hasty.set(1)
    other.set(1)
    loop.run(1)
    assert rung[1] == "other"
    assert rung.count("again") == 9


def test_one_that_raises_stops_no_other(loop: Loop) -> None:
    rung: list[float] = []

    def fail() -> None:
        raise ArithmeticError

    bad, beside, later = Alarm(fail), Alarm(lambda: rung.append(loop.now)), Alarm(lambda: rung.append(loop.now))
    bad.set(1)
    beside.set(1)
    later.set(2)
    with pytest.raises(ArithmeticError):
        loop.run(1)
    loop.run(3)
    assert rung == [1, 2]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.integers(0, 3)), max_size=60))
def test_each_rings_once_at_the_time_that_was_set_last(steps: list[tuple[int, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        loop = Loop(monkeypatch)
        rung: list[tuple[int, float]] = []

        def ring(number: int) -> None:
            rung.append((number, loop.now))

        made = [Alarm(partial(ring, number)) for number in range(5)]
        due: dict[int, float] = {}
        expected: list[tuple[int, float]] = []
        for number, wait, passed in steps:
            due[number] = loop.now + wait
            made[number].set(due[number])
            until = loop.now + passed
            expected += [(each, when) for each, when in due.items() if when <= until]
            due = {each: when for each, when in due.items() if when > until}
            loop.run(until)
        assert sorted(rung) == sorted(expected)
