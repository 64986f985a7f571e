from __future__ import annotations

import random
from math import inf

import pytest

from landfast.session.ice import credentials
from landfast.session.ice.candidate import Type
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Socket, Why
from landfast.session.ice.generation import Generation
from landfast.session.ice.generations import Generations
from landfast.session.ice.lasting import Lasting
from landfast.session.ice.machine import State
from landfast.session.ice.roles import Role
from landfast.session.ice.settings import Settings
from tests.session.ice.making import pair
from tests.session.ice.world import CONNECTED, World, gap, pair_of, restart

DRAW = random.Random(1).randbytes
SOCKETS = frozenset({1, 2})


def make(controlling: bool, without: frozenset[Socket]) -> Generation:
    return Generation(Lasting(Settings(), DRAW), credentials.drawn(DRAW), Role(controlling, 7), without)


@pytest.fixture
def session() -> Generations:
    made = Generations(Settings(linger=5), make, controlling=True)
    made.current.set_remote(Credentials("rem0", "x" * 22), 100, lite=False)
    works(made.current, 100)
    return made


def works(generation: Generation, now: float, *, settled: bool = True) -> None:
    made = pair()
    generation.pairs.add(made)
    generation.answered(made, now, made.base, now, nominating=False)
    generation.settled = settled


def test_the_pending_one_is_the_newest_and_the_current_one_carries_on(session: Generations) -> None:
    old = session.current
    assert session.restart(SOCKETS, None) is None
    assert session.current is old
    assert session.newest is session.pending
    assert session.pending is not None
    assert session.pending.local != old.local
    assert session.pending.role.controlling
    assert [*session] == [session.pending, old]
    assert session.of_check(old.local.ufrag) is old
    assert session.of_candidate("rem0") is old
    assert session.of_candidate("rem1") is None


def test_it_is_promoted_when_its_pair_is_settled(session: Generations) -> None:
    old = session.current
    session.restart(SOCKETS, False)
    new = session.newest
    new.set_remote(Credentials("rem1", "y" * 22), 101, lite=False)
    assert not session.promote(101)
    works(new, 101, settled=False)
    assert not session.promote(101)
    new.settled = True
    assert session.promote(101)
    assert (session.current, session.pending) == (new, None)
    assert old.retired
    assert session.expired(105.9) == []
    assert session.expired(106) == [old]
    assert [*session] == [new]


def test_it_is_promoted_at_its_first_answer_when_the_old_one_is_silent(session: Generations) -> None:
    old = session.current
    session.restart(SOCKETS, None)
    session.newest.set_remote(Credentials("rem1", "y" * 22), 101, lite=False)
    assert old.selected is not None
    old.selected.lost = True
    works(session.newest, 101, settled=False)
    assert session.promote(101)


def pending(session: Generations, *, tried: bool = True) -> Generation:
    """One that has a relay, which works, and a direct way that does not."""
    session.restart(SOCKETS, None)
    made = session.newest
    made.set_remote(Credentials("rem1", "y" * 22), 101, lite=False)
    direct, relay = pair(("203.0.113.9", 6001)), pair(socket=2, kind=Type.RELAYED)
    direct.tries = int(tried)
    for each in (direct, relay):
        made.pairs.add(each)
    made.answered(relay, 101, relay.base, 101, nominating=False)
    return made


def test_a_restart_that_finds_only_a_relay_waits_while_the_direct_pair_works(session: Generations) -> None:
    old, new = session.current, pending(session)
    assert old.selected is not None
    assert not session.tick(101.4)
    assert session.tick(101.51)  # its patience is over
    assert not session.tick(101.6)  # told once
    assert not new.nominating
    assert new.deadline > 101.6
    old.lasting.rhythm.last = old.selected.answered = 101.6
    for _ in range(20):
        old.lasting.rhythm.beat(old.lasting.rhythm.last + 0.02)
    assert not session.promote(102.3)  # a moment's silence is no reason
    assert old.roaming is not None
    assert old.roaming.is_silent(102.3)
    session.tick(102.51)
    assert session.promote(102.51)
    session.tick(102.51)
    assert new.nominating


def test_a_restart_that_waits_goes_on_when_a_direct_way_is_found(session: Generations) -> None:
    new = pending(session)
    assert session.tick(101.51)
    (direct,) = [each for each in new.pairs if each.path.socket == 1]
    new.answered(direct, 104, direct.base, 104.04, nominating=False)
    assert new.nominating
    assert new.selected is direct


def test_where_no_direct_way_could_be_tried_a_relay_is_what_was_wanted(session: Generations) -> None:
    new = pending(session, tried=False)
    assert not session.tick(101.51)
    assert new.nominating


def test_after_a_failure_the_next_one_uses_other_sockets_until_one_succeeds(session: Generations) -> None:
    session.restart(SOCKETS, None)
    first = session.pending
    assert first is not None
    assert first.without == frozenset()
    assert session.restart(SOCKETS, None) is first
    assert session.newest.without == SOCKETS
    assert session.abort() is not None
    assert session.abort() is None
    session.restart(SOCKETS, None)
    assert session.newest.without == SOCKETS
    session.newest.set_remote(Credentials("rem1", "y" * 22), 101, lite=False)
    works(session.newest, 101)
    assert session.promote(101)
    session.restart(SOCKETS, None)
    assert session.newest.without == frozenset()


def test_a_restart_that_no_peer_took_up_says_nothing_against_the_sockets(session: Generations) -> None:
    for _ in range(3):
        session.restart(SOCKETS, None)
        assert session.newest.without == frozenset()
        assert session.abort() is not None


def test_before_the_peer_is_known_a_restart_only_changes_the_credentials() -> None:
    session = Generations(Settings(), make, controlling=True)
    old = session.current
    assert session.restart(SOCKETS, None) is old
    assert session.pending is None
    assert session.current.local != old.local
    assert session.deadline == inf


# Of two agents.


@pytest.mark.parametrize("by_client", [True, False])
def test_a_restart_leaves_no_gap_and_keeps_the_socket(by_client: bool) -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    world.talk(20)
    old, start, sockets = a.agent.local, world.now, dict(a.open)
    restart(world, *((a, b) if by_client else (b, a)))
    world.run(19)
    assert a.agent.local != old
    assert Why.RESTARTED in a.moves
    assert Why.RESTARTED in b.moves
    assert max(gap(a, start + 0.1, world.now - 0.1), gap(b, start + 0.1, world.now - 0.1)) < 0.021
    assert a.states == b.states == CONNECTED
    assert a.open == sockets
    assert (a.agent.controlling, b.agent.controlling) == (by_client, not by_client)


def test_the_old_generation_answers_for_a_while_and_is_forgotten() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    old = b.agent.local.ufrag
    restart(world, a, b)
    world.run(1)
    assert b.agent._generations.of_check(old) is not None
    world.run(6)
    assert b.agent._generations.of_check(old) is None
    assert len(list(a.agent._generations)) == 1
    assert all(sent.owner is a.agent._generations.current for sent in a.agent._checks.transactions._sent.values())


def test_a_peer_that_cannot_restart_changes_nothing() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    world.talk(10)
    start, old = world.now, a.agent.local
    a.agent.restart(world.now)
    a.agent.gather(world.now)
    world.run(3)
    a.agent.set_remote(b.agent.local, world.now)  # the answer says what it always said
    a.agent.abort_restart(world.now)
    assert a.agent.local == old
    world.run(6)
    assert max(gap(a, start + 0.1, world.now - 0.1), gap(b, start + 0.1, world.now - 0.1)) < 0.021


def test_the_second_restart_in_a_row_uses_fresh_sockets_and_gives_them_back() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    first = dict(a.open)
    for _ in range(2):
        a.agent.restart(world.now)
        a.agent.gather(world.now)
        world.run(1)
    assert len(a.open) == 2
    assert a.agent.local_candidates[0].endpoint not in first.values()
    a.agent.abort_restart(world.now)
    world.run(1)
    assert a.open == first
    restart(world, a, b)  # still after a failure
    world.run(10)
    assert Why.RESTARTED in a.moves
    assert len(a.open) == 1
    assert a.open != first


def test_a_restart_heals_what_has_failed() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    healthy, b.addresses = b.addresses, []  # b's host is gone, without its agent knowing
    world.run(40)
    assert a.agent.state is State.FAILED
    b.addresses = healthy
    b.nat = None
    restart(world, a, b)
    world.run(2)
    assert a.agent.state is b.agent.state is State.COMPLETED
    world.talk(1)
    world.run(2)
    assert len(a.received) == len(b.received) == 50


def test_credentials_of_a_restart_that_nobody_announced_make_one() -> None:
    world = World()
    a, _ = pair_of(world)
    world.start()
    world.run(1)
    old = a.agent.local
    a.agent.set_remote(Credentials("newu", "y" * 22), world.now)
    assert a.agent.local != old
    assert a.agent.may_send(world.now)
