from __future__ import annotations

import pytest

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Type
from landfast.session.ice.events import ServerRefused, ServerUnanswered
from landfast.session.ice.ground import Address, Gathered, GatheringDone, Lost
from tests.session.ice.ground.nodes import Reflector
from tests.session.ice.ground.world import ASK, BOTH, HERE, RTT, STUN, THERE, UDP, World, gathered, kinds


def test_each_address_gives_a_host_candidate_and_each_mapping_a_reflexive_one() -> None:
    world = World(ASK, addresses=BOTH)
    told = world.gather()
    first, second, mapped = gathered(world)
    assert (first.type, first.endpoint, first.related) == (Type.HOST, (THERE, 30001), None)
    assert (second.type, second.endpoint) == (Type.HOST, (HERE, 30002))
    assert (mapped.type, mapped.endpoint, mapped.related) == (
        Type.SERVER_REFLEXIVE,
        ("192.0.2.7", 40001),
        second.endpoint,
    )
    assert told == [*(Gathered(socket, candidate) for socket, candidate in world.ground.candidates), GatheringDone()]
    assert world.now == pytest.approx(RTT)
    assert world.ground.base(2) == second


def test_ipv6_addresses_have_reflexive_candidates_too_and_are_preferred() -> None:
    over6: Endpoint = ("2001:db8::1", 3478)
    world = World("stun:both.example", addresses=BOTH, nodes={STUN: Reflector(), over6: Reflector()})
    world.names = {"both.example": [STUN[0], over6[0]]}
    world.gather()
    assert kinds(world) == [Type.HOST, Type.HOST, Type.SERVER_REFLEXIVE, Type.SERVER_REFLEXIVE]
    first, second, mapped, mapped4 = gathered(world)
    assert first.priority > second.priority > mapped.priority > mapped4.priority
    assert mapped.related == first.endpoint


def test_where_nothing_is_translated_there_is_no_reflexive_candidate() -> None:
    world = World(ASK)
    world.nat = False
    world.gather()
    assert kinds(world) == [Type.HOST]
    assert world.now == pytest.approx(RTT)


def test_two_servers_that_say_the_same_give_one_candidate_and_two_that_differ_give_two() -> None:
    other: Endpoint = ("198.51.100.2", 3478)
    for symmetric, reflexive in ((False, 1), (True, 2)):
        world = World(ASK, "stun:198.51.100.2", nodes={STUN: Reflector(), other: Reflector()})
        world.symmetric = symmetric
        world.gather()
        assert kinds(world).count(Type.SERVER_REFLEXIVE) == reflexive
        assert len({candidate.priority for candidate in gathered(world)}) == 1 + reflexive


def test_a_refusal_and_a_silence_of_a_stun_server_are_told_once() -> None:
    other: Endpoint = ("198.51.100.2", 3478)
    nodes = {STUN: Reflector(code=500), other: Reflector(silent=True)}
    world = World(ASK, "stun:198.51.100.2", addresses=(Address(HERE), Address("10.0.0.1")), nodes=dict(nodes))
    told = world.gather() + world.run(60.0)
    assert ServerRefused(ASK, 500, "") in told
    assert told.count(ServerUnanswered("stun:198.51.100.2", "no answer")) == 1
    assert len([said for said in told if isinstance(said, ServerRefused)]) == 1
    assert ServerRefused(ASK, 500, "") in world.gather()


def test_a_server_that_answers_one_socket_is_not_told_to_be_silent() -> None:
    reflector = Reflector(silent=True)
    world = World(ASK, nodes={STUN: reflector})
    world.gather()
    world.run(8.0)
    reflector.silent = False
    world.set_addresses(HERE, "10.0.0.9")
    told = world.run(3 * RTT)
    reflector.silent = True
    world.run(60.0)  # the first has given up
    assert [said for _, said in world.told if isinstance(said, ServerUnanswered)] == []
    assert [said.candidate.type for said in told if isinstance(said, Gathered)] == [Type.HOST, Type.SERVER_REFLEXIVE]


def test_a_vanished_address_is_lost_and_a_new_one_is_opened_and_asked() -> None:
    world = World(ASK)
    world.gather()
    assert world.set_addresses("10.0.0.9") == [Lost(1, "its address is gone")]
    assert world.closed == [1]
    told = world.run(1.0)
    assert [said.candidate.type for said in told if isinstance(said, Gathered)] == [Type.HOST, Type.SERVER_REFLEXIVE]
    assert {socket for socket, _ in world.ground.candidates} == {2}
    assert world.ground.base(1) is None


def test_a_broken_socket_is_lost_and_opened_anew_with_the_next_look_at_the_addresses() -> None:
    world = World()
    world.gather()
    assert world.break_line(1) == [Lost(1, "reset")]
    world.set_addresses(HERE)
    world.run(0.1)
    assert [socket for socket, _ in world.ground.candidates] == [2]


def test_a_second_gathering_uses_the_same_sockets_and_asks_again() -> None:
    world = World(ASK, UDP)
    world.gather()
    assert world.gather() == [GatheringDone()]
    assert len(world.ever) == 2
    reflector = world.nodes[STUN]
    assert isinstance(reflector, Reflector)
    assert len(reflector.asked) == 2


def test_a_mapping_that_has_changed_takes_the_place_of_the_old_one() -> None:
    world = World(ASK)
    world.gather()
    world.rebind()
    (changed, done) = world.gather()
    assert isinstance(changed, Gathered)
    assert changed.candidate.endpoint == ("192.0.2.7", 40002)
    assert done == GatheringDone()
    assert gathered(world)[1:] == [changed.candidate]


def test_a_replaced_socket_is_another_at_the_same_address() -> None:
    world = World(ASK)
    world.gather()
    assert world.ground.replace(1, world.now) == 2
    world.run(1.0)
    old, new = world.ground.base(1), world.ground.base(2)
    assert old
    assert new
    assert old.endpoint[0] == new.endpoint[0]
    assert old.priority > new.priority
    assert world.ground.replace(77, world.now) is None


def test_answers_of_a_stun_server_are_not_for_the_agent() -> None:
    world = World(ASK)
    world.gather()
    assert world.got == []


def test_the_preference_of_an_address_is_heeded() -> None:
    world = World(addresses=(Address(HERE, preference=7),))
    world.gather()
    (host,) = gathered(world)
    assert host.priority >> 8 & 0xFFFF == 7


def test_a_silent_server_is_told_after_ten_seconds_and_heard_afterwards() -> None:
    reflector = Reflector(silent=True)
    world = World(ASK, nodes={STUN: reflector})
    world.gather()
    assert world.run(9.0 - world.now) == []
    assert world.run(2.0) == [ServerUnanswered(ASK, "no answer")]
    reflector.silent = False
    assert [said.candidate.type for said in world.run(60.0) if isinstance(said, Gathered)] == [Type.SERVER_REFLEXIVE]
