from __future__ import annotations

from landfast.session.ice.hints import Hints
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair

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
