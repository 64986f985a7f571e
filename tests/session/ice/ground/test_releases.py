from __future__ import annotations

from landfast.session.ice.events import Close, Command, Transmit, Transport
from landfast.session.ice.ground.releases import PATIENCE, Releases
from landfast.session.ice.ground.sockets import Held, Sockets
from landfast.wire.turn import Client
from tests.wire.turn.server import Server, standing

TURN = ("198.51.100.5", 3478)


def releasing() -> tuple[Releases, Held, Server, list[Command]]:
    """An allocation that is being given back since 10.0."""
    told: list[Command] = []
    sockets = Sockets(told.append)
    held = sockets.open(Transport.UDP, 0.0, remote=TURN)
    sockets.opened(held.socket, ("10.0.0.1", 5))
    client, server = standing()
    releases = Releases(sockets)
    told.clear()
    releases.begin(client, held, 10.0)
    return releases, held, server, told


def test_a_socket_is_closed_when_the_server_has_heard_it() -> None:
    releases, held, server, told = releasing()
    (sent,) = told
    assert isinstance(sent, Transmit)
    for data in server.answers(sent.data):
        releases.receive(held, data, 10.1)
    assert server.asked[-1].lifetime == 0
    assert told[1:] == [Close(held.socket)]
    assert releases.deadline is None


def test_a_release_that_is_lost_is_repeated_for_a_little_while() -> None:
    releases, held, _, told = releasing()
    while (now := releases.deadline) is not None:
        assert now <= 10.0 + PATIENCE
        releases.handle_timer(now)
    assert told[-1] == Close(held.socket)
    assert len(told) > 3


def test_a_broken_socket_and_the_end_of_everything_close_it_at_once() -> None:
    releases, held, _, told = releasing()
    releases.closed(held)
    assert told[-1] == Close(held.socket)
    releases, held, _, told = releasing()
    releases.close()
    assert told[-1] == Close(held.socket)
    assert releases.deadline is None


def test_where_there_is_nothing_to_give_back_the_socket_is_closed() -> None:
    told: list[Command] = []
    sockets = Sockets(told.append)
    held = sockets.open(Transport.UDP, 0.0, remote=TURN)
    client, _ = standing()
    Releases(sockets).begin(client, held, 1.0)  # that socket never opened
    assert told[-1] == Close(held.socket)
    assert isinstance(client, Client)
