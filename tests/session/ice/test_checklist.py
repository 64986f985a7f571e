from __future__ import annotations

from math import inf

from landfast.session.ice import checklist
from landfast.session.ice.candidate import Type
from landfast.session.ice.checklist import Checklist
from landfast.session.ice.pairs import Pair, PairState
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair

SETTINGS = Settings(pace=0.05, rto=0.5)


def play(
    pairs: list[Pair], seconds: float, *, trip: float | None = None, seldom: bool = False
) -> list[tuple[float, Pair]]:
    """Whom the list asks, and when, while nobody answers."""
    asked, each = [], Checklist(SETTINGS)
    each.seldom = seldom
    if trip is not None:
        each.measured(trip)
    now = 100.0
    while (now := max(now, each.deadline(pairs))) < 100 + seconds:
        chosen = each.next(pairs, now, controlling=True)
        assert chosen is not None
        chosen.tried, chosen.tries, chosen.state = now, chosen.tries + 1, PairState.IN_PROGRESS
        asked.append((round(now - 100, 3), chosen))
    return asked


def test_pairs_are_asked_by_priority_and_at_the_pace() -> None:
    relayed, direct = pair(kind=Type.RELAYED, socket=2), pair()
    assert play([relayed, direct], 0.4) == [(0.0, direct), (0.05, relayed)]


def test_an_unanswered_check_is_repeated_less_often_after_three_but_goes_on() -> None:
    assert [when for when, _ in play([pair()], 4)] == [0, 0.5, 1, 1.5, 2.5, 3.5]


def test_once_all_have_failed_each_is_asked_now_and_then_and_all_together_as_in_a_long_silence() -> None:
    assert [when for when, _ in play([pair()], 12, seldom=True)] == [0, 5, 10]
    assert len(play([pair(("203.0.113.9", port)) for port in range(1, 41)], 20, seldom=True)) == 20


def test_once_all_have_failed_a_peer_that_gets_through_has_its_turn_first() -> None:
    heard, other = pair(), pair(("203.0.113.9", 7))
    heard.asked = 100.0  # and so was asked back
    assert [when for when, _ in play([heard, other], 4, seldom=True)] == [2, 3]


def test_who_has_had_a_turn_and_was_not_asked_waits_for_the_next() -> None:
    for seldom in (False, True):
        each, only = Checklist(SETTINGS), [pair()]
        each.seldom = seldom
        assert each.next(only, 100.0, controlling=True) is only[0]
        assert each.deadline(only) == 100.05


def test_with_a_known_round_trip_it_is_repeated_after_two() -> None:
    assert [when for when, _ in play([pair()], 0.5, trip=0.1)] == [0, 0.2, 0.4]
    assert [when for when, _ in play([pair()], 3, trip=0.7)] == [0, 1.4, 2.8]
    assert [when for when, _ in play([pair()], 9, trip=11)] == [0, 4, 8]  # what a queue had held back


def test_while_the_peer_gets_through_it_is_repeated_soon_and_as_often() -> None:
    heard, stranger = pair(), pair()
    heard.asked = stranger.asked = 99
    assert [when for when, _ in play([heard], 0.7)] == [0, 0.2, 0.4, 0.6]
    stranger.stranger = True  # whose budget is small
    assert [when for when, _ in play([stranger], 1)] == [0, 0.5]


def test_what_has_answered_or_cannot_be_used_is_not_asked() -> None:
    answered, lost, failed = pair(answered=90), pair(), pair()
    lost.lost, failed.state = True, PairState.FAILED
    each = Checklist(SETTINGS)
    assert each.deadline([answered, lost, failed]) == inf
    assert each.next([answered, lost, failed], 100, controlling=True) is None


def test_the_best_is_the_valid_pair_of_the_highest_priority() -> None:
    relayed, direct, waiting = pair(kind=Type.RELAYED, answered=1), pair(kind=Type.SERVER_REFLEXIVE, answered=1), pair()
    assert checklist.best([relayed, direct, waiting], controlling=True) is direct
    assert checklist.best([waiting], controlling=True) is None


def test_a_nomination_waits_for_a_pair_that_would_be_preferred() -> None:
    chosen, better = pair(kind=Type.SERVER_REFLEXIVE, answered=1), pair()
    worse = pair(kind=Type.RELAYED)
    settled = checklist.nothing_better
    assert not settled(chosen, [chosen, better], controlling=True, complete=True)
    assert settled(chosen, [chosen, worse], controlling=True, complete=False)
    better.state = PairState.FAILED
    assert settled(chosen, [chosen, better], controlling=True, complete=False)


def test_a_relay_is_nominated_early_only_when_all_candidates_are_known() -> None:
    chosen = pair(kind=Type.RELAYED, answered=1)
    assert not checklist.nothing_better(chosen, [chosen], controlling=True, complete=False)
    assert checklist.nothing_better(chosen, [chosen], controlling=True, complete=True)


def test_relays_are_counted_on_both_sides() -> None:
    both = pair(kind=Type.RELAYED, remote_kind=Type.RELAYED)
    assert [checklist.relays(each) for each in (pair(), pair(kind=Type.RELAYED), both)] == [0, 1, 2]
