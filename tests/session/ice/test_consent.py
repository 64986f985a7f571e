from __future__ import annotations

from landfast.session.ice import consent
from landfast.session.ice.machine import Step
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair

SETTINGS = Settings(consent=30, disconnected=6, doubt=2)


def test_nothing_is_sent_to_an_address_that_has_not_answered() -> None:
    assert not consent.may_send(pair(), 0, SETTINGS)
    assert consent.may_send(pair(answered=100), 100, SETTINGS)


def test_consent_lasts_for_thirty_seconds_from_the_last_answer() -> None:
    assert consent.may_send(pair(answered=100), 129.9, SETTINGS)
    assert not consent.may_send(pair(answered=100), 130, SETTINGS)


def test_a_pair_that_is_lost_or_barred_carries_nothing() -> None:
    lost, barred = pair(answered=100), pair(answered=100)
    lost.lost, barred.barred = True, True
    assert not consent.may_send(lost, 101, SETTINGS)
    assert not consent.may_send(barred, 101, SETTINGS)


def test_silence_is_told_before_the_end() -> None:
    said = [consent.standing(pair(answered=100), 103, now, SETTINGS) for now in (105.9, 106, 129, 130)]
    assert said == [Step.ANSWER, Step.SILENCE, Step.SILENCE, Step.EXPIRE]
    barred = pair(answered=100)
    barred.barred = True
    assert consent.standing(barred, None, 101, SETTINGS) is Step.EXPIRE


def test_nobody_is_called_silent_who_was_not_asked_or_has_had_no_time_to_answer() -> None:
    answered = pair(answered=100)
    assert consent.standing(answered, None, 110, SETTINGS) is Step.ANSWER
    assert [consent.standing(answered, 106, now, SETTINGS) for now in (107.9, 108)] == [Step.ANSWER, Step.SILENCE]
    assert consent.silent_from(answered, 106, SETTINGS) == 108


def test_a_pair_that_is_lost_is_silent_though_nobody_asks_it() -> None:
    lost = pair(answered=100)
    lost.lost = True
    assert [consent.standing(lost, None, now, SETTINGS) for now in (105.9, 106)] == [Step.ANSWER, Step.SILENCE]
