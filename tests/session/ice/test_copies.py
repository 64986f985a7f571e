from __future__ import annotations

from functools import partial

import pytest

from landfast.model.facts import Endpoint
from landfast.session.ice.copies import Copies
from landfast.session.ice.events import Why
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair
from tests.session.ice.world import ATTACKER, JUNK, World, connected, gap, is_data, outside

PEER, COPIER = pair(), pair(("198.51.100.66", 1), stranger=True)


def test_what_comes_twice_is_known_by_the_way_that_it_came_first() -> None:
    heard = Copies()
    assert heard.first(b"hint", COPIER, 100, elsewhere=True) is COPIER
    assert heard.first(b"one", PEER, 100, elsewhere=False) is PEER
    assert heard.first(b"one", COPIER, 101, elsewhere=True) is PEER
    assert heard.first(b"one", PEER, 101, elsewhere=False) is PEER
    assert heard.first(b"two", COPIER, 101, elsewhere=True) is COPIER
    assert heard.first(b"two", PEER, 101, elsewhere=False) is COPIER


def test_while_one_way_is_heard_nothing_is_remembered() -> None:
    heard = Copies()
    heard.first(b"one", PEER, 100, elsewhere=False)
    assert not heard._first
    heard.first(b"two", COPIER, 101, elsewhere=True)
    heard.first(b"three", PEER, 110, elsewhere=False)
    assert len(heard._first) == 2
    heard.first(b"four", PEER, 111, elsewhere=False)
    assert not heard._first


def test_a_flood_is_not_remembered_for_ever() -> None:
    heard = Copies()
    for number in range(1000):
        heard.first(number.to_bytes(2, "big"), COPIER, 100, elsewhere=True)
    assert len(heard._first) == 256
    assert heard.first((999).to_bytes(2, "big"), PEER, 100, elsewhere=False) is COPIER


# In a session.


def pass_on(world: World, data: bytes, there: Endpoint, delay: float = 0.01) -> None:
    """The attacker sends it again; so much later than it would have come there."""
    world.after(world.trip / 2 + delay, partial(world.arrive, ATTACKER, there, data))


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("delay", [-0.015, 0.005, 0.05])
def test_who_copies_packets_and_forwards_checks_gets_no_data(controlling: bool, delay: float) -> None:
    """Off the path: it may be quicker than the original, but cannot hold it back."""
    world, a, b = connected(controlling=controlling)
    client, (peer,) = outside(a), b.open.values()
    diverted = []

    def tap(source: Endpoint, target: Endpoint, data: bytes) -> bool:
        if (source, target) == (client, peer):
            pass_on(world, data, peer, delay)
        elif target == ATTACKER:
            diverted.append(is_data(data))
            pass_on(world, data, peer if source == client else client, abs(delay))
            return False
        return True

    world.passes = tap
    world.run(5)
    assert diverted  # it was asked
    assert not any(diverted)


@pytest.mark.parametrize("controlling", [True, False])
def test_who_has_the_last_packets_of_a_talk_alone_is_left_again(controlling: bool) -> None:
    world, a, b = connected(controlling=controlling, seconds=2)
    client, (peer,) = outside(a), b.open.values()

    def tap(source: Endpoint, target: Endpoint, data: bytes) -> bool:
        if (source, target) == (client, peer) and is_data(data) and int.from_bytes(data[1:5], "big") > 80:
            world.after(0.1, partial(world.arrive, ATTACKER, peer, data))
            return False
        if target == ATTACKER:
            pass_on(world, data, peer if source == client else client)
            return False
        return True

    world.passes = tap
    world.run(2)
    assert a.agent.selected is not None
    assert b.agent.selected is not None
    assert (a.agent.selected.path.remote, b.agent.selected.path.remote) == (peer, client)
    assert Why.FOLLOWED in b.moves
    assert b.moves[-1] is Why.RETURNED
    assert b.moves.count(Why.FOLLOWED) == 1  # and is not believed twice


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("delay", [0.005, 0.1, 0.5])
def test_who_copies_packets_is_not_followed_for_those_that_are_lost_nor_for_the_last(
    controlling: bool, delay: float
) -> None:
    world, a, b = connected(controlling=controlling, seconds=4)
    client, (peer,) = outside(a), b.open.values()
    start, passed = world.now, 0

    def tap(source: Endpoint, target: Endpoint, data: bytes) -> bool:
        nonlocal passed
        if (source, target) == (client, peer):
            pass_on(world, data, peer, delay)
            passed += is_data(data) and world.now > start + 1
            return not is_data(data) or passed % 10 not in (1, 2, 3)
        if target == ATTACKER:
            pass_on(world, data, peer if source == client else client)
            return False
        return True

    world.passes = tap
    world.run(4)
    assert passed > 50
    assert Why.FOLLOWED not in b.moves


def test_where_copies_came_from_the_peer_is_found_all_the_same_once_the_old_way_is_dead() -> None:
    """Its data goes on, by the new way: nothing is silent but the old one."""
    world, a, b = connected(controlling=False, seconds=10)
    client, (peer,) = outside(a), b.open.values()
    assert b.agent.selected is not None
    current = b.agent._generations.current
    assert current.roaming is not None
    world.inject(ATTACKER, peer, JUNK)
    world.run(world.trip)
    stranger = next(each for each in current.pairs if each.path.remote == ATTACKER)
    current.roaming._distrusted[stranger] = world.now
    assert a.nat is not None
    a.nat.move(ATTACKER[0])
    a.nat._next = ATTACKER[1] - 1
    start = world.now
    world.run(3)
    assert outside(a) == ATTACKER != client
    assert b.moves[-1] is Why.FALLBACK
    assert gap(b, start, world.now) < 0.1
    assert gap(a, start, world.now) < Settings().fallback + 0.3
