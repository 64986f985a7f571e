from __future__ import annotations

from landfast.session.ice.ground.patience import Patience
from landfast.session.ice.settings import Settings

SETTINGS = Settings(repair=1.0)


def test_a_server_is_asked_once_per_repair() -> None:
    patience = Patience(SETTINGS)
    assert [tenth for tenth in range(30) if patience.may_ask(tenth / 10)] == [0, 10, 20]


def test_a_server_that_owes_an_answer_for_long_is_deaf_until_it_is_heard() -> None:
    patience = Patience(SETTINGS)
    assert not patience.is_deaf(100)
    for now in (0, 1, 2):
        patience.may_ask(now)
    assert [patience.is_deaf(now) for now in (0.9, 1.0)] == [False, True]
    patience.heard()
    assert not patience.is_deaf(100)
    patience.may_ask(100)
    assert [patience.is_deaf(now) for now in (100.9, 101.0)] == [False, True]
    patience.stands()
    assert not patience.is_deaf(200)


def test_one_that_refuses_is_asked_ever_less_until_it_grants_something() -> None:
    patience, now, waits = Patience(SETTINGS), 0.0, []
    for _ in range(9):
        patience.refused(now)
        began = now
        while not patience.may_ask(now):
            now += 0.5
        waits.append(now - began)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    patience.stands()
    patience.refused(now)
    assert patience.may_ask(now + 1)


def test_what_fails_is_tried_again_ever_later_and_not_before_there_is_room() -> None:
    patience = Patience(SETTINGS)
    rests = []
    for _ in range(8):
        patience.failed(100.0, 0.0)
        rests.append(patience.rest)
    assert rests == [101, 102, 104, 108, 116, 132, 160, 160]
    patience.failed(100.0, 500.0)
    assert patience.rest == 500
    patience.stands()
    assert patience.rest is None
