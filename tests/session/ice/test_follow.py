from __future__ import annotations

from landfast.session.ice import follow
from landfast.session.ice.candidate import Type
from landfast.session.ice.rhythm import Rhythm
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair

SETTINGS = Settings(margin=1.5, fallback=0.5)
ELSEWHERE = ("198.51.100.1", 7)


def test_only_a_fresh_answer_is_proof() -> None:
    assert not follow.is_proved(pair(ELSEWHERE, stranger=True), 100)
    assert follow.is_proved(pair(ELSEWHERE, answered=99.5), 100)
    assert not follow.is_proved(pair(ELSEWHERE, answered=99), 100)


def test_a_path_is_gone_with_its_socket_or_with_consent() -> None:
    well, lost, barred = pair(answered=1), pair(answered=1), pair(answered=1)
    lost.lost, barred.barred = True, True
    assert [follow.is_gone(each) for each in (well, lost, barred)] == [False, True, True]


def test_only_a_controlled_side_is_told_by_nominations() -> None:
    old, new = pair(), pair(ELSEWHERE)
    old.nominated, new.nominated, new.confirmed = 100, 101, 101
    assert follow.is_nominated(new, old, controlling=False)
    assert not follow.is_nominated(old, new, controlling=False)
    assert not follow.is_nominated(new, old, controlling=True)


def test_a_nomination_counts_after_a_later_check_was_answered() -> None:
    old, new = pair(answered=1), pair(ELSEWHERE, answered=101)
    old.nominated, new.nominated, new.confirmed = 100, 101, 100.99
    assert not follow.is_nominated(new, old, controlling=False)


def test_data_counts_only_when_the_old_path_has_missed_its_turn() -> None:
    old, new, rhythm = pair(), pair(ELSEWHERE), Rhythm(0.1)  # the usual gap is 20 ms, so the margin is 30
    old.heard = 100.0
    for heard, moved in ((100.005, False), (100.029, False), (100.031, True)):
        new.heard = heard
        assert follow.is_spoken_from(new, old, 90, rhythm, SETTINGS) is moved
    assert not follow.is_spoken_from(new, old, 100.02, rhythm, SETTINGS)


def test_a_move_is_given_three_round_trips_and_a_tenth_of_a_second() -> None:
    assert [follow.is_settled(100, 0.04, now) for now in (100.11, 100.13)] == [False, True]
    assert [follow.is_settled(100, 0.01, now) for now in (100.09, 100.11)] == [False, True]


def test_a_rescue_has_answered_within_a_long_silence() -> None:
    early, late = pair(ELSEWHERE, answered=99.9), pair(ELSEWHERE, answered=100.3)
    assert not follow.is_rescue(late, 100, 100.4, SETTINGS)
    assert follow.is_rescue(late, 100, 100.5, SETTINGS)
    assert not follow.is_rescue(early, 100, 100.5, SETTINGS)


def test_the_controlling_side_leaves_a_relay_for_less() -> None:
    relayed, direct = pair(kind=Type.RELAYED), pair(ELSEWHERE)
    assert follow.is_better(direct, relayed, controlling=True)
    assert not follow.is_better(direct, relayed, controlling=False)
    assert not follow.is_better(relayed, direct, controlling=True)
