from __future__ import annotations

import pytest

from landfast.wire.turn.events import Ask, Bound, Permitted
from landfast.wire.turn.framing import CHANNELS
from landfast.wire.turn.wishes import Wishes, canonical

ONE, SAME, OTHER = ("198.51.100.9", 9000), ("198.51.100.9", 9001), ("198.51.100.10", 9000)


def test_peers_are_written_one_way() -> None:
    assert canonical(("2001:DB8:0::1", 5)) == ("2001:db8::1", 5)
    assert canonical(("fe80::1%eth0", 5)) == ("fe80::1", 5)
    for wrong in (("robot.local", 5), ("198.51.100.9", 65536), ("198.51.100.9", -1), ("", 5)):
        with pytest.raises(ValueError, match=r"."):
            canonical(wrong)


def test_a_permission_is_for_an_address_and_lasts_while_one_of_its_peers_is_wished() -> None:
    wishes = Wishes()
    wishes.permit(ONE)
    wishes.permit(SAME)
    assert len(list(wishes)) == 1
    wishes.forget(ONE)
    assert wishes.may_send(ONE[0])
    wishes.forget(SAME)
    assert not wishes.may_send(ONE[0])
    assert list(wishes) == []


def test_each_is_refreshed_a_minute_before_its_end_and_told_once() -> None:
    wishes = Wishes()
    wishes.permit(ONE)
    wishes.bind(ONE)
    permission, channel = wishes
    assert wishes.granted(permission, 100.0) == Permitted(ONE[0])
    assert wishes.granted(channel, 100.0) == Bound(ONE)
    assert (permission.due, channel.due) == (100.0 + 300 - 60, 100.0 + 600 - 60)
    assert wishes.granted(permission, 340.0) is None


def test_a_channel_carries_only_while_it_stands() -> None:
    wishes = Wishes()
    wishes.bind(ONE)
    assert wishes.channel(ONE, 0.0) is None
    (wish,) = wishes
    wishes.granted(wish, 0.0)
    assert wishes.channel(ONE, 599.9) == CHANNELS[0]
    assert wishes.channel(ONE, 600.0) is None
    assert wishes.peer(CHANNELS[0]) == ONE


def test_no_number_is_given_to_two_peers_and_a_peer_gets_its_own_again() -> None:
    wishes = Wishes()
    wishes.bind(ONE)
    wishes.forget(ONE)
    wishes.bind(OTHER)
    wishes.bind(ONE)
    assert [wish.channel for wish in wishes] == [CHANNELS[1], CHANNELS[0]]
    assert [wishes.given(number) for number in CHANNELS[:3]] == [True, True, False]


def test_without_a_free_number_there_is_no_channel() -> None:
    wishes = Wishes()
    for port in range(len(CHANNELS) + 1):
        wishes.bind((ONE[0], port))
    assert len(list(wishes)) == len(CHANNELS)
    assert wishes.of(Ask.BIND, (ONE[0], len(CHANNELS))) is None


def test_what_is_refused_is_wished_later_or_never() -> None:
    wishes = Wishes()
    wishes.permit(ONE)
    wishes.bind(OTHER)
    permission, channel = wishes
    permission.asking = channel.asking = True
    wishes.refused(permission, 12.0)
    assert (permission.due, permission.asking) == (12.0, False)
    wishes.refused(channel, None)
    assert list(wishes) == [permission]
    assert wishes.peer(CHANNELS[0]) is None


def test_what_is_asked_for_is_not_due() -> None:
    wishes = Wishes()
    assert wishes.due == float("inf")
    wishes.bind(ONE)
    wishes.permit(ONE)
    channel, permission = wishes.of(Ask.BIND, ONE), wishes.of(Ask.PERMIT, ONE)
    assert channel
    assert permission
    wishes.refused(channel, 7.0)
    wishes.refused(permission, 5.0)
    assert wishes.due == 5.0
    permission.asking = True
    assert wishes.due == 7.0
