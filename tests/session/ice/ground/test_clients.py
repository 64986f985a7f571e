from __future__ import annotations

import pytest

from landfast.session.ice.events import Transport
from landfast.session.ice.ground.clients import Clients
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.settings import Settings
from landfast.wire.turn import Client, Credential, Transmit
from landfast.wire.turn.messages import parse
from tests.wire.turn.server import numbers

SETTINGS = Settings(repeat=0.2, repair=1.0, rto=0.5)


def server(transport: Transport = Transport.UDP) -> Server:
    return Server("turn:a", "turn", "a", 3478, transport, Credential("robot", "secret"))


def wants_a_ticket(client: Client) -> bool:
    client.allocate(0.0)
    sent = client.poll()
    assert isinstance(sent, Transmit)
    message = parse(sent.data[4:] if client.stream and sent.data[:1] >= b"\x40" else sent.data)
    assert message is not None
    return message.ticket is not None


@pytest.mark.parametrize("transport", list(Transport))
def test_tickets_are_asked_for_over_udp_alone(transport: Transport) -> None:
    client = Clients(server(transport), SETTINGS, numbers(), set()).new(None, hurried=True)
    assert client.stream is (transport is not Transport.UDP)
    assert wants_a_ticket(client) is (transport is Transport.UDP)


def test_a_server_that_gave_no_ticket_is_not_asked_for_one_again() -> None:
    ticketless: set[Server] = set()
    makes = Clients(server(), SETTINGS, numbers(), ticketless)
    makes.granted(mobile=True)
    assert not ticketless
    makes.granted(mobile=False)
    assert not wants_a_ticket(makes.new(None, hurried=True))
    assert ticketless == {server()}


def test_requests_are_repeated_quickly_while_the_agent_waits_but_not_before_an_answer_can_be_there() -> None:
    makes = Clients(server(), SETTINGS, numbers(), set())
    assert makes.new(None, hurried=False).longest == 1.0
    near, far = makes.new(None, hurried=True), makes.new(None, hurried=True)
    assert near.longest == 0.2
    near.round_trip.measured(0.04)
    makes.stands(near)
    assert (near.longest, makes.quick, makes.calm) == (float("inf"), 0.2, 1.0)
    assert (makes.new(None, hurried=True, urgent=True).longest, makes.knock) == (0.1, 0.1)
    far.round_trip.measured(0.4)
    makes.stands(far)
    assert (makes.knock, makes.quick, makes.calm) == (0.5, 0.5, 1.0)
    far.round_trip.least = 2.0
    makes.stands(far)
    assert (makes.quick, makes.calm) == (2.5, 2.5)


def test_a_new_client_knows_the_round_trip_of_the_one_that_stands() -> None:
    makes = Clients(server(), SETTINGS, numbers(), set())
    known = makes.new(None, hurried=True)
    known.round_trip.measured(0.04)
    assert makes.new(known, hurried=True).round_trip.rto == known.round_trip.rto < SETTINGS.rto
    known.round_trip.measured(5.0)
    assert makes.new(known, hurried=True).round_trip.rto == SETTINGS.rto
