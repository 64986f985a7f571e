from __future__ import annotations

import pytest

from landfast.session.ice.events import Path
from landfast.session.ice.ground import Promised, Renewed
from landfast.session.ice.ground.ahead import Ahead
from landfast.wire.turn import Allocated, Client, Credential, Permitted
from landfast.wire.turn.messages import Method, parse
from tests.session.ice.ground.relaying import passes, relayed, renewed, standing
from tests.session.ice.ground.world import PEER, RTT, TCP, TLS, UDP
from tests.wire.turn.server import Server, answer, numbers, out, talk

CHECK, DATA, STRANGER = b"\0check", b"\x17data", ("203.0.113.80", 7000)


def challenged(nonce: bytes) -> Client:
    client, server = Client(Credential("robot", "secret"), draw=numbers()), Server(nonce)
    client.allocate(0.0)
    for data in out(client)[0]:
        for said in server.answers(data):
            client.receive(said, 0.0)
    out(client)
    return client


def test_checks_and_nothing_else_go_ahead_once_the_server_has_answered() -> None:
    ahead, client = Ahead(), challenged(b"one")
    assert not ahead.send(client, CHECK, PEER)
    ahead.challenged(client, None, 7.0)
    assert ahead.due
    assert 7 < ahead.due < 7.02
    assert not ahead.begins(7.0)
    assert not ahead.send(client, CHECK, PEER)
    assert ahead.begins(ahead.due)
    assert not ahead.begins(8.0)
    assert 7 < ahead.since < 7.02
    assert [ahead.send(client, data, PEER) for data in (CHECK, DATA, b"")] == [True, False, False]


def test_who_is_seen_where_it_was_goes_on_by_what_stands() -> None:
    """coturn gives each 5-tuple its nonce."""
    ahead = Ahead()
    ahead.challenged(challenged(b"one"), challenged(b"one"), 7.0)
    assert ahead.due is None
    assert not ahead.begins(8.0)
    ahead.challenged(challenged(b"two"), challenged(b"one"), 7.0)
    assert ahead.begins(8.0)


def test_a_peer_that_was_sent_to_ahead_is_asked_for_again_whatever_the_server_has_said() -> None:
    client, server = Client(Credential("robot", "secret"), draw=numbers()), Server()
    client.allocate(0.0)
    assert client.nonce is None
    assert not client.send_ahead(CHECK, PEER)
    ((bare,), _) = out(client)
    client.receive(next(server.answers(bare)), 0.1)
    assert client.nonce == server.nonce
    assert [client.send_ahead(data, PEER) for data in (CHECK, DATA)] == [True, True]
    allocate, *ahead = out(client)[0]
    said = [message for data in ahead if (message := parse(data))]
    assert [(message.method, message.peer, message.data) for message in said] == [
        (Method.CREATE_PERMISSION, PEER, None),
        (Method.SEND, PEER, CHECK),
        (Method.SEND, PEER, DATA),
    ]
    client.receive(answer(said[0], 400), 0.2)  # it has overtaken the Allocate
    client.receive(next(server.answers(allocate)), 0.2)
    told = talk(client, server, 0.2)
    assert [type(event) for event in told] == [Allocated, Permitted]
    assert server.asked[-1].method == Method.CREATE_PERMISSION
    assert not client.send_ahead(CHECK, PEER)


# In a world.


@pytest.mark.parametrize("url", [UDP, TCP, TLS])
def test_by_another_allocation_a_check_arrives_a_round_trip_before_it_is_known(url: str) -> None:
    world, relays, name = standing(url)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    before = relayed(world)
    world.rebind()
    while not (told := world.run(0.005)):
        world.ground.silent(name, world.now)
    promised = world.now
    assert told == [Promised(name)]  # ask now
    for data in (CHECK, DATA):
        world.ground.transmit(data, Path(name, PEER), world.now)
    world.ground.transmit(CHECK, Path(name, STRANGER), world.now)
    told = world.run(RTT)
    ((_, candidate),) = world.ground.candidates
    assert candidate.endpoint != before
    assert relays.relayed == [(PEER, CHECK)]
    assert told == [Renewed(name, candidate, renewed(told)[0].since)]
    assert promised - 0.005 <= renewed(told)[0].since <= promised
    assert passes(world, relays)


def test_what_the_server_has_not_let_through_is_asked_for_again() -> None:
    world, relays, name = standing(misplaced=400)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.rebind()
    world.ground.silent(name, world.now)
    while not world.run(0.005):
        pass
    relays.silent = True
    world.ground.transmit(CHECK, Path(name, PEER), world.now)
    world.run(RTT / 2)
    relays.silent = False
    told = world.run(1.0)
    assert [type(said) for said in told] == [Renewed]
    assert relays.relayed == []
    assert [method for _, method in relays.asked[-2:]] == [Method.CREATE_PERMISSION, Method.CHANNEL_BIND]
    assert passes(world, relays)
