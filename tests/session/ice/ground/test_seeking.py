from __future__ import annotations

import pytest

from landfast.session.ice.ground import Gathered
from landfast.session.ice.ground.seeking import Seeking
from tests.session.ice import world as two
from tests.session.ice.ground.nodes import Relays
from tests.session.ice.ground.relaying import SETTINGS, passes, standing
from tests.session.ice.ground.world import TCP, TLS, TURN, UDP, World


def test_relays_are_asked_every_five_seconds_while_checks_go_on() -> None:
    seeking = Seeking()
    assert not seeking.due(100)
    seeking.begin(100)
    asked = []
    while seeking.deadline is not None:
        asked.append(seeking.deadline)
        assert not seeking.due(asked[-1] - 0.1)
        assert seeking.due(asked[-1])
    assert asked == [105.0 + 5 * turn for turn in range(66)]


def test_who_has_found_a_way_asks_no_more() -> None:
    seeking = Seeking()
    seeking.begin(100)
    seeking.end()
    assert not seeking.due(105)


# In a world.


@pytest.mark.parametrize("url", [UDP, TCP, TLS])
def test_a_relay_that_could_not_be_had_is_tried_again_until_there_is_a_way(url: str) -> None:
    relays = Relays()
    world = World(url, settings=SETTINGS, nodes={TURN: relays})
    world.path = False
    world.gather()
    world.ground.seek(world.now)
    world.run(70.0)
    assert world.ground.candidates == []
    world.path = True
    told = world.run(9.0)
    assert [type(said) for said in told if isinstance(said, Gathered)] == [Gathered]
    assert passes(world, relays)
    world.ground.found()
    relays.heard.clear()
    world.path = False
    world.run(9.0)
    assert relays.heard == []


@pytest.mark.parametrize("mobile", [True, False])
def test_before_the_first_pair_a_relay_that_a_nat_has_cut_off_is_found_again(mobile: bool) -> None:
    world, relays, _ = standing(mobile=mobile)
    world.ground.seek(world.now)
    world.rebind()
    world.run(5.5)
    assert passes(world, relays)


def test_where_one_knocks_no_other_relay_of_that_server_is_asked() -> None:
    world, relays, name = standing()
    world.ground.seek(world.now)
    relays.silent = True
    world.sent.clear()
    world.ground.replace(name, world.now)
    world.run(20.0)
    questions = [socket for socket, data in world.sent if len(data) > 20]  # what is shorter keeps a NAT's binding
    assert set(questions) == {max(world.open)}


def test_at_a_server_without_any_relay_one_is_tried() -> None:
    """Others that were given up stay idle."""
    relays = Relays()
    world = World(UDP, settings=SETTINGS, nodes={TURN: relays})
    world.path = False
    world.gather()
    world.ground._new_relay(world.ground._relays[0].server)
    world.run(45.0)
    assert [relay.idle for relay in world.ground._relays] == [True, True]
    world.path = True
    world.ground.seek(world.now)
    world.run(6.0)
    assert len(relays.allocations) == 1


# In a session.


def test_relays_are_sought_until_there_is_a_pair_and_again_when_consent_has_ended() -> None:
    world = two.World()
    a = world.end("192.0.2.1", controlling=True)
    b = world.end("203.0.113.9", controlling=False)
    world.cut(7)
    world.start()
    assert a.agent.ground._seeking.deadline == world.now + 5
    world.run(6.9)
    assert a.agent.ground._seeking.deadline is not None
    world.run(2)
    assert a.agent.ground._seeking.deadline is b.agent.ground._seeking.deadline is None
    world.cut(40)
    while a.states[-1] != "failed":
        assert a.agent.ground._seeking.deadline is None
        world.run(0.1)
    assert a.agent.ground._seeking.deadline is not None
    world.run(25)
    assert a.states[-1] == "completed"
    assert a.agent.ground._seeking.deadline is None
