from __future__ import annotations

from landfast.session.ice.outage import Outage
from landfast.session.ice.settings import Settings

MINUTE = Settings().outage
COST = 90


def spend(outage: Outage, since: float, seconds: float, every: float = 0.01, beside: int = 0) -> int:
    """Bytes of checks in so many seconds, when each is sent that may be; others take `beside` bytes each time."""
    sent = 0
    for step in range(int(seconds / every)):
        outage.spent(beside)
        if outage.may_check(COST, since + step * every):
            outage.spent(COST)
            sent += COST
    return sent


def test_a_minute_of_silence_costs_no_more_than_is_allowed() -> None:
    outage = Outage(Settings())
    assert MINUTE * 0.85 < spend(outage, 0, 60) <= MINUTE


def test_nor_does_any_later_one_nor_one_with_a_restart() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 30)
    outage.restarted()
    assert spend(outage, 30, 30) <= MINUTE - spend(Outage(Settings()), 0, 30)
    assert spend(outage, 60, 60) < MINUTE


def test_the_first_seconds_are_not_slowed_down() -> None:
    outage = Outage(Settings())
    assert spend(outage, 0, 4, every=0.04) == 100 * COST


def test_a_peer_that_answers_makes_good_all_that_was_spent() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    outage.answered()
    assert spend(outage, 60, 4, every=0.04) == 100 * COST


def test_a_restart_is_not_slowed_down_at_first() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    outage.restarted()
    assert spend(outage, 60, 1.5, every=0.05) == 30 * COST


def test_whatever_others_take_a_check_goes_twice_a_second() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    assert 18 * COST <= spend(outage, 60, 10, beside=1000) <= 20 * COST


def test_checks_wait_for_what_servers_were_asked_meanwhile() -> None:
    """Several relays ask at once, each second."""
    outage, sent = Outage(Settings()), 0
    for step in range(600):
        others = 460 if step % 10 == 0 else 0
        outage.spent(others)
        mine = COST if step % 2 == 0 and outage.may_check(COST, step * 0.1) else 0
        outage.spent(mine)
        sent += others + mine
    assert MINUTE * 0.8 < sent < MINUTE * (1 / 6 + 0.72) + 460


def test_who_has_just_asked_is_asked_back_whatever_was_asked_in_vain() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    outage.spent(MINUTE)
    back = []
    for step in range(600):
        now = 60 + step / 100
        outage.may_check(COST, now)
        if step % 20 == 0 and outage.may_check(COST, now, back=True):
            outage.spent(COST)
            back.append(step)
    assert back == list(range(0, 600, 60))


def test_that_costs_no_more_than_is_allowed_while_nothing_is_answered() -> None:
    outage, sent = Outage(Settings()), 0
    for step in range(600):
        for back in (False, True):
            if outage.may_check(COST, step / 10, back=back):
                outage.spent(COST)
                sent += COST
    assert MINUTE * 0.85 < sent <= MINUTE
