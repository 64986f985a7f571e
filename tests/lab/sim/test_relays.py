"""The relay, spoken to by the client of `wire/turn`, over UDP, TCP and TLS."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from landfast.lab import services
from landfast.lab.network import Occasion
from landfast.lab.sim import relays
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.servers.coturn import Settings
from landfast.wire.turn import Client, Credential, Transmit
from landfast.wire.turn.events import Allocated, Arrived, Ended, Moved, Refused
from tests.lab.sim.scene import SECOND, SERVER, Ear, network


class Caller:
    """A TURN client on the robot, and the loop that a shell would have."""

    def __init__(self, world: World, transport: str = "udp", *, password: str = "laboratory", **options: Any) -> None:
        self.world, self.events = world, list[Any]()
        numbers = itertools.count(id(self) % 1_000_000)
        draw = lambda length: next(numbers).to_bytes(length, "big")  # noqa: E731
        credential = Credential("landfast", password)
        self.client = Client(credential, stream=transport != "udp", draw=draw, **options)
        if transport == "udp":
            self.rebind()
            self.client.allocate(world.now)
        else:
            tls = transport == "tls"
            port = world.server.tls_port if tls else world.server.port
            stream = world.host("robot").stream(
                (SERVER, port), opened=self._opened, received=self._received, closed=self._closed, tls=tls
            )
            self._send = stream.send
        self._pump()

    def rebind(self) -> None:
        """Use a new socket from now on."""
        socket = self.world.host("robot").udp(lambda data, _: self._received(data))
        self._send = lambda data: (None, socket.send(data, (SERVER, 3478)))[0]

    def _opened(self) -> None:
        self.client.allocate(self.world.now)
        self._pump()

    def _closed(self) -> None:
        self.client.lost()
        self._pump()

    def _received(self, data: bytes) -> None:
        self.client.receive(data, self.world.now)
        self._pump()

    def _pump(self) -> None:
        while item := self.client.poll():
            if isinstance(item, Transmit):
                self._send(item.data)
            else:
                self.events.append(item)

    def do(self, what: str, *words: Any, within: float = 1.0) -> None:
        """A verb of the client's, and time for what follows from it."""
        getattr(self.client, what)(*words, *([] if what == "forget" else [self.world.now]))
        self.run(within)

    def run(self, seconds: float) -> None:
        until = self.world.now + seconds
        self._pump()
        while (due := self.client.deadline) is not None and due <= until:
            self.world.run(max(due, self.world.now))
            self.client.handle_timer(self.world.now)
            self._pump()
        self.world.run(until)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def caller(transport: str = "udp", *, world: World | None = None, **options: Any) -> Caller:
    made = Caller(world or World(network()), transport, **options)
    made.run(1)
    return made


def relayed(made: Caller) -> Endpoint:
    assert made.client.relayed
    return made.client.relayed


def test_credentials_are_those_of_the_kernels_laboratory() -> None:
    assert (relays.CREDENTIAL.username, relays.CREDENTIAL.password) == (services.USERNAME, services.PASSWORD)
    assert Settings(("1.2.3.4",), users={"a": "b"}).realm == relays.REALM


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_data_goes_both_ways_over_every_transport(transport: str) -> None:
    made = caller(transport)
    peer = Ear(made.world.host("operator"), port=6000)
    at = ("192.0.2.20", 6000)
    (allocated,) = made.of(Allocated)
    assert allocated.mapped[0] == "203.0.113.10"
    assert allocated.lifetime == 600
    peer.say(b"unpermitted", relayed(made))
    made.do("permit", at)
    made.do("send", b"by indication", at)
    peer.say(b"back", relayed(made))
    made.do("bind", at)
    made.do("send", b"by channel", at)
    peer.say(b"again", relayed(made))
    assert peer.heard == [(b"by indication", relayed(made)), (b"by channel", relayed(made))]
    assert made.of(Arrived) == [Arrived(at, b"back"), Arrived(at, b"again")]


def test_a_permission_is_for_an_address_and_not_for_its_port() -> None:
    made = caller()
    made.do("permit", ("192.0.2.20", 6000))
    Ear(made.world.host("operator"), port=6001).say(b"other port", relayed(made))
    assert [event.data for event in made.of(Arrived)] == [b"other port"]


def test_refreshed_it_lives_on_and_else_it_is_given_back() -> None:
    made = caller(world=World(network({"nat": {"udp_timeout": 600, "udp_stream_timeout": 600}})))
    made.do("permit", ("192.0.2.20", 6000))
    made.run(3000)
    assert len(made.world.server.relays.allocations) == 1
    Ear(made.world.host("operator"), port=6000).say(b"still", relayed(made))
    assert made.of(Arrived)
    made.world.run(made.world.now + 601)
    assert made.world.server.relays.allocations == set()
    assert relayed(made) not in made.world.host("server").sockets


def test_what_was_given_back_stands_for_another_second() -> None:
    made = caller()
    made.do("close", within=0.9)
    assert made.of(Ended)
    assert made.world.server.relays.allocations
    made.run(0.2)
    assert made.world.server.relays.allocations == set()


def test_a_stream_that_ends_takes_its_allocation_along() -> None:
    made = caller("tcp")
    made.world.happen(Occasion.CHANGE_PUBLIC_ADDRESS, "home")
    made.do("permit", ("192.0.2.20", 6000))
    assert made.of(Ended)
    assert len(made.world.server.relays.allocations) == 1  # the server has not noticed
    (allocation,) = made.world.server.relays.allocations
    made.world.server.relays.gone(allocation.line.key)
    assert made.world.server.relays.allocations == set()


def test_a_wrong_password_is_refused() -> None:
    assert [event.code for event in caller(password="wrong").of(Refused)] == [401]


def test_a_quota_is_refused_with_its_code() -> None:
    world = World(network())
    world.server.relays.quota = 1
    caller(world=world)
    assert [event.code for event in caller(world=world).of(Refused)] == [486]


def test_without_mobility_the_client_asks_again_without_a_ticket() -> None:
    made = caller(mobile=True)
    (allocated,) = made.of(Allocated)
    assert not allocated.mobile


def test_a_ticket_moves_the_allocation_with_its_permissions_to_another_address() -> None:
    world = World(network())
    world.server.relays.mobility = True
    made = caller(world=world, mobile=True)
    peer = Ear(world.host("operator"), port=6000)
    made.do("bind", ("192.0.2.20", 6000))
    before = relayed(made)
    for _ in range(2):  # each move brings the ticket for the next
        world.happen(Occasion.CHANGE_PUBLIC_ADDRESS, "home")
        made.do("move")
        made.do("send", b"me again", ("192.0.2.20", 6000))
        peer.say(b"and me", before)
    assert len(made.of(Moved)) == 2
    assert peer.sources == [before, before]
    assert [event.data for event in made.of(Arrived)] == [b"and me"] * 2


def test_an_unknown_ticket_moves_nothing() -> None:
    world = World(network())
    world.server.relays.mobility = True
    made = caller(world=world, mobile=True)
    (allocation,) = world.server.relays.allocations
    allocation.ticket = b"another"
    world.happen(Occasion.CHANGE_PUBLIC_ADDRESS, "home")
    made.do("move", within=30)
    assert not made.of(Moved)
    assert made.of(Refused)


def test_one_5_tuple_has_one_allocation() -> None:
    made = caller()
    again = Client(Credential("landfast", "laboratory"), draw=lambda length: b"\7" * length)
    made.client = again
    made.do("allocate", within=40)  # unsigned: it waits for a better word
    assert [event.code for event in made.of(Refused)] == [437]


def test_allocations_go_round_the_servers_addresses() -> None:
    world = World(network())
    assert {relayed(caller(world=world))[0] for _ in range(4)} == {SERVER, SECOND}


def test_two_relays_of_the_server_reach_each_other() -> None:
    world = World(network())
    one, other = caller(world=world), caller(world=world)
    one.do("permit", relayed(other))
    other.do("permit", relayed(one))
    one.do("send", b"hello", relayed(other))
    assert other.of(Arrived) == [Arrived(relayed(one), b"hello")]


def test_a_relayed_address_may_be_of_ipv6_and_takes_no_peer_of_the_other_family() -> None:
    made = caller(family=6)
    assert ":" in relayed(made)[0]
    made.do("permit", ("192.0.2.20", 6000))
    assert [event.code for event in made.of(Refused)] == [443]


def test_junk_and_strangers_data_are_not_answered() -> None:
    world = World(network())
    ear = Ear(world.host("robot"))
    for data in (b"", b"\x40\x00\x00\x01x", b"\x40", b"junk" * 9, bytes(20)):
        ear.say(data, (SERVER, 3478))
    assert ear.heard == []
