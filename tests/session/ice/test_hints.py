from __future__ import annotations

from functools import partial

import pytest

from landfast.session.ice.hints import Hints
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair
from tests.session.ice.world import ATTACKER, JUNK, checks, connected, gap

SETTINGS = Settings(hints=20, burst=4, tries=4, amplification=3, pace=0.05)
COST = 100


def test_an_address_gets_no_more_than_three_times_what_came_from_it() -> None:
    hints, poor = Hints(SETTINGS), pair(stranger=True)
    hints.paid(poor, 33, COST)
    assert not hints.may_ask(poor, COST, 100)
    hints.paid(poor, 1, COST)
    assert hints.may_ask(poor, COST, 101)
    assert not hints.may_ask(poor, COST, 102)


def test_nobody_saves_for_more_than_a_second() -> None:
    hints, rich = Hints(SETTINGS), pair(stranger=True)
    for _ in range(1000):
        hints.paid(rich, 1200, COST)
    assert rich.credit == 20 * COST


def test_all_strangers_together_cause_few_checks_a_second() -> None:
    hints, asked = Hints(SETTINGS), 0
    crowd = [pair(("198.51.100.1", port), stranger=True) for port in range(1, 1001)]
    for number, each in enumerate(crowd):
        hints.paid(each, 1200, COST)
        asked += hints.may_ask(each, COST, 100 + number / 1000)
    assert asked == 4 + 19


def test_one_address_is_asked_at_the_pace_and_after_some_tries_once_a_second() -> None:
    hints, one = Hints(SETTINGS), pair(stranger=True)
    asked = []
    for step in range(300):
        now = 100 + step / 100
        hints.paid(one, 1200, COST)
        if hints.may_ask(one, COST, now):
            one.tried, one.tries = now, one.tries + 1
            asked.append(round(now - 100, 2))
    assert asked == [0.0, 0.05, 0.1, 0.15, 1.15, 2.15]


def test_what_has_proved_itself_needs_no_credit() -> None:
    assert Hints(SETTINGS).may_ask(pair(answered=90), COST, 100)


@pytest.mark.parametrize("moved", [True, False])
def test_a_flood_of_junk_causes_few_checks_and_no_gap(moved: bool) -> None:
    world, a, b = connected()
    target, start = next(iter(b.open.values())), world.now
    for number in range(4000):
        source = (f"198.51.100.{number % 64}", 1000 + number % 64)
        world.after(number / 1000, partial(world.inject, source, target, JUNK))
    world.run(2)
    if moved:
        assert a.nat is not None
        a.nat.move("192.0.2.77")
    world.run(2)
    mine = [when for when, _, _ in checks(b) if when >= start]
    assert max(sum(begin <= when < begin + 1 for when in mine) for begin in mine) <= (40 if moved else 25)
    strange = sum(len(data) for _, _, remote, data in b.sent if remote[0].startswith("198.51.100."))
    assert 0 < strange < 0.1 * 4000 * len(JUNK)
    b.received = [each for each in b.received if each[1] != JUNK]
    assert gap(a, start, world.now) < (0.3 if moved else 0.021)
    assert gap(b, start, world.now) < 0.041


def test_a_restart_gives_a_stranger_no_more_checks() -> None:
    world, a, b = connected()
    (target,) = b.open.values()
    for number in range(40):
        world.after(number / 10, partial(world.inject, ATTACKER, target, JUNK))
    world.run(2)
    a.agent.restart(world.now, controlling=True)
    a.agent.gather(world.now)
    b.agent.set_remote(a.agent.local, world.now)
    b.agent.gather(world.now)
    a.agent.set_remote(b.agent.local, world.now)
    world.signal()
    world.run(2)
    asked = [check.by for _, remote, check in checks(b) if remote == ATTACKER]
    assert asked[-1] == b.agent.local.ufrag != asked[0]
    assert len(asked) <= Settings().tries + 4
