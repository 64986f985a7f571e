"""The oracle is asked about two agents that have connected, and then something happens to the network."""

from __future__ import annotations

import pytest

from landfast.lab.network import Occasion
from landfast.model.nat import Filtering, Mapping
from landfast.session.ice.events import Transport
from landfast.trials.campaign.history import History, Side, Uplink
from landfast.trials.campaign.play import _Play
from tests.trials.campaign.histories import BEHIND_A_ROUTER, WITH_A_RELAY, history

OPEN = Side(uplink=Uplink(behind="router", filtering=Filtering.ENDPOINT_INDEPENDENT))
SYMMETRIC = Side(uplink=Uplink(behind="router", mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, random_ports=True))
RELAY_ONLY = Side(uplink=Uplink(behind="router"), relays=(Transport.UDP,), relay_only=True)


def connected(one: History) -> _Play:
    """Until the agents have had the time to connect."""
    played = _Play(one)
    played.signalling.begin()
    played.application.begin()
    played.world.run(2.5)
    return played


@pytest.mark.parametrize(
    ("robot", "operator"),
    [(Side(), Side()), (BEHIND_A_ROUTER, Side()), (BEHIND_A_ROUTER, BEHIND_A_ROUTER), (SYMMETRIC, WITH_A_RELAY)],
    ids=["open", "one router", "two routers", "relay"],
)
def test_where_two_have_connected_it_is_passable(robot: Side, operator: Side) -> None:
    played = connected(history(robot=robot, operator=operator))
    assert played.application.ears["robot"].count > 0
    assert played.oracle.passable()


@pytest.mark.parametrize(
    ("what", "robot", "operator", "passable"),
    [
        (Occasion.CHANGE_PUBLIC_ADDRESS, BEHIND_A_ROUTER, Side(), True),  # the operator hears whoever speaks
        (Occasion.CHANGE_PUBLIC_ADDRESS, BEHIND_A_ROUTER, OPEN, True),
        (Occasion.CHANGE_PUBLIC_ADDRESS, BEHIND_A_ROUTER, BEHIND_A_ROUTER, False),  # its router knows the old address
        (Occasion.CHANGE_PUBLIC_ADDRESS, WITH_A_RELAY, BEHIND_A_ROUTER, True),  # the ticket keeps the relayed one
        (Occasion.SUSPEND_RADIO, BEHIND_A_ROUTER, Side(), False),
        (Occasion.BLOCK_UDP, BEHIND_A_ROUTER, Side(), False),
        (Occasion.ADDRESS_REPLACED, BEHIND_A_ROUTER, Side(), True),
    ],
)
def test_what_a_fault_leaves_passable(what: Occasion, robot: Side, operator: Side, passable: bool) -> None:
    played = connected(history(robot=robot, operator=operator))
    on = "robot" if what is Occasion.ADDRESS_REPLACED else "robot-gw"
    played.world.happen(what, on)
    played.world.run(played.world.now + 0.02)
    assert played.oracle.passable() is passable


def test_a_ticket_is_of_no_use_where_only_streams_pass() -> None:
    """The allocation stands, and may be moved over UDP alone."""
    robot = Side(uplink=Uplink(behind="router"), relays=(Transport.UDP, Transport.TCP), relay_only=True)
    played = connected(history(robot=robot, quota=1))
    assert played.oracle.passable()
    played.world.happen(Occasion.BLOCK_UDP, "robot-gw")
    played.world.run(played.world.now + 0.02)
    assert not played.oracle.passable()


def test_an_allocation_that_has_moved_is_lost_when_its_client_has_not_got_the_next_ticket() -> None:
    """The answer with it was lost, or a third host had copied the request."""
    played = connected(history(robot=RELAY_ONLY, quota=1))
    (allocation,) = played.oracle.allocations("robot")
    assert played.ledgers["robot"].tickets == {allocation.ticket}
    played.world.happen(Occasion.REBIND_PORT, "robot-gw")
    assert played.oracle.passable()  # the ticket moves it
    allocation.ticket = b"the next one"
    assert not played.oracle.passable()


def test_two_symmetric_sides_without_a_relay_never_meet() -> None:
    assert not connected(history(robot=SYMMETRIC, operator=SYMMETRIC)).oracle.passable()


def test_where_a_relay_is_the_only_way_it_must_stand_or_be_had_anew() -> None:
    played = connected(history(robot=RELAY_ONLY, operator=SYMMETRIC, mobility=False, quota=1))
    assert played.oracle.passable()
    played.world.server.relays.allocations.clear()
    assert not played.oracle.passable()


def test_an_allocation_is_heard_while_its_clients_mapping_lives() -> None:
    played = connected(history(robot=RELAY_ONLY))
    (allocation,) = played.oracle.allocations("robot")
    assert played.oracle.is_heard(allocation, "robot")
    played.world.happen(Occasion.REBIND_PORT, "robot-gw")
    assert not played.oracle.is_heard(allocation, "robot")


@pytest.mark.parametrize("full", [False, True])
def test_a_session_without_an_answer_is_a_way_only_while_the_budget_has_room_for_others(full: bool) -> None:
    """Linux refuses it with each that is one too many, and an agent that finds no way asks by new ones."""
    metered = Side(uplink=Uplink(behind="router", sessions=16))
    played = connected(history(robot=OPEN, operator=metered))
    world = played.world
    world.happen(Occasion.SUSPEND_RADIO, "robot-gw", 0.5)
    world.happen(Occasion.REBIND_PORT, "operator-gw")
    world.run(world.now + 0.4)  # the operator asks, and is not answered
    socket = world.hosts["operator"].udp(lambda *_: None)
    for port in range(16 if full else 4):
        socket.send(b"nobody is there", ("203.0.113.250", 7000 + port))
    world.run(world.now + 0.101)
    assert played.oracle.passable() is not full
