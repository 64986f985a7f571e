from __future__ import annotations

import pytest

from landfast.session.ice import pairs
from landfast.session.ice.candidate import Type, pair_priority
from landfast.session.ice.pairs import Pairs
from tests.session.ice.making import pair


def stranger(port: int, heard: float = 0.0) -> pairs.Pair:
    made = pair(("198.51.100.1", port), stranger=True)
    made.heard = heard
    return made


def test_the_priority_of_a_pair_is_that_of_the_rfc_for_either_role() -> None:
    one = pair(kind=Type.RELAYED)
    ours, theirs = one.local.priority, one.remote.priority
    assert one.priority(controlling=True) == pair_priority(ours, theirs)
    assert one.priority(controlling=False) == pair_priority(theirs, ours)


def test_strangers_are_few_and_the_one_not_heard_for_longest_makes_room() -> None:
    known = Pairs(strangers=3)
    assert all(known.add(stranger(port, heard=port)) for port in (1, 2, 3, 4))
    assert sorted(each.path.remote[1] for each in known) == [2, 3, 4]
    assert known.take_pushed_out() == [("198.51.100.1", 1)]
    assert known.take_pushed_out() == []


def test_junk_does_not_push_out_who_has_shown_to_be_the_peer() -> None:
    known = Pairs(strangers=2)
    peer, guest = stranger(1), stranger(2)
    peer.answered, guest.asked = 50, 60
    assert known.add(peer)
    assert known.add(guest)
    assert not known.add(stranger(3, heard=100))
    newcomer = stranger(4)
    newcomer.asked = 70
    assert known.add(newcomer)
    assert list(known) == [guest, newcomer]


def test_what_is_kept_never_makes_room() -> None:
    known, kept = Pairs(strangers=1), stranger(1)
    assert known.add(kept)
    assert not known.add(stranger(2, heard=100), keep=lambda each: each is kept)
    assert list(known) == [kept]


def test_a_peer_that_signals_a_thousand_addresses_gets_a_hundred_pairs() -> None:
    known = Pairs(strangers=2)
    assert sum(known.add(pair(("192.0.2.1", port))) for port in range(1, 1001)) == pairs.MOST


def test_with_a_socket_go_its_pairs() -> None:
    known, here, there = Pairs(strangers=2), pair(socket=1), pair(socket=2)
    known.add(here)
    known.add(there)
    known.lose(1)
    assert (list(known), here.lost, there.lost) == ([there], True, False)
    assert known.get(here.path) is None


def test_only_who_was_signalled_or_has_signed_something_is_vouched_for() -> None:
    asked, answered = stranger(1), stranger(2)
    asked.asked, answered.answered = 1, 1
    assert [each.vouched for each in (pair(), stranger(3), asked, answered)] == [True, False, True, True]
    assert [each.unasked for each in (pair(), stranger(3), asked, answered)] == [True, False, False, True]


@pytest.mark.parametrize("late", [True, False])
def test_a_relay_that_comes_back_with_its_address_has_no_consent_again(late: bool) -> None:
    known, before = Pairs(strangers=2), pair(socket=1, kind=Type.RELAYED)
    again, other = pair(socket=2, kind=Type.RELAYED), pair(("198.51.100.1", 9), socket=2, kind=Type.RELAYED)
    known.add(before)
    if late:
        known.bar(before)
    known.lose(1)
    known.add(again)
    known.add(other)
    known.bar(before)
    assert before.base == again.base
    assert (before.barred, again.barred, other.barred) == (True, True, False)


def test_mere_strangers_have_spent_what_they_had_spent_under_older_credentials() -> None:
    older, newer = Pairs(strangers=4), Pairs(strangers=4)
    mere, asked, known = stranger(1), stranger(2), pair()
    mere.tried, mere.tries, mere.credit, mere.heard, asked.asked = 99, 4, 30, 99, 99
    for each in (mere, asked, known):
        older.add(each)
    newer.inherit(older)
    (made,) = newer
    assert (made.path, made.tried, made.tries, made.credit) == (mere.path, 99, 4, 30)
    assert (made.stranger, made.heard) == (True, pairs.NEVER)
    newer.inherit(older)
    assert list(newer) == [made]
