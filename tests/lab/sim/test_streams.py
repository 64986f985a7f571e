from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.lab.network import Occasion
from landfast.lab.sim.packet import TCP, Lost, Packet
from landfast.lab.sim.streams import State, Stream, refusal
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from tests.lab.sim.scene import SERVER, network

AT: Endpoint = (SERVER, 9000)


class Talk:
    """A stream from the robot to a listener on the server that echoes."""

    def __init__(self, *, tls: bool = False, seed: int = 0, at: Endpoint = AT, **home: Any) -> None:
        self.world = World(network(home), seed=seed)
        self.accepted: list[Stream] = []
        self.heard = b""
        self.told: list[tuple[str, float]] = []
        self.world.host("server").streams.listen(AT, self._accept, tls=tls)
        self.stream = self.world.host("robot").stream(
            at,
            opened=lambda: self.told.append(("opened", self.world.now)),
            received=self._received,
            closed=lambda: self.told.append(("closed", self.world.now)),
            tls=tls,
        )

    def _accept(self, stream: Stream) -> None:
        self.accepted.append(stream)
        stream.received = stream.send

    def _received(self, data: bytes) -> None:
        self.heard += data

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.told]

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)


@pytest.mark.parametrize(("tls", "round_trips"), [(False, 1), (True, 2)])
def test_it_opens_after_its_round_trips(tls: bool, round_trips: int) -> None:
    talk = Talk(tls=tls, link={"delay_ms": 20})
    talk.run(1)
    assert talk.words == ["opened"]
    assert talk.told[0][1] == pytest.approx(0.04 * round_trips, abs=0.001)
    assert talk.stream.local[0] == "192.168.1.10"
    assert talk.accepted[0].remote == ("203.0.113.10", talk.stream.local[1])


def test_long_data_arrives_whole_both_ways() -> None:
    talk, data = Talk(tls=True), bytes(range(256)) * 40
    talk.run(1)
    talk.stream.send(data)
    assert talk.stream.waiting == len(data)
    talk.run(1)
    assert talk.heard == data
    assert talk.stream.waiting == 0


@given(st.integers(0, 1000), st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_loss_and_reordering_change_nothing_but_the_time(seed: int, pieces: list[bytes]) -> None:
    talk = Talk(seed=seed, link={"delay_ms": 20, "loss": 0.2, "reorder": 0.2})
    while not talk.told:
        talk.run(1)
    for piece in pieces:
        talk.stream.send(piece)
    talk.run(300)
    assert talk.heard == b"".join(pieces)
    assert talk.words == ["opened"]


def test_a_blackout_is_survived_and_what_was_sent_arrives_after_it() -> None:
    talk = Talk()
    talk.run(1)
    talk.world.happen(Occasion.SUSPEND_RADIO, "home", lasts=30)
    talk.stream.send(b"late")
    talk.run(29)
    assert talk.heard == b""
    talk.run(60)
    assert talk.heard == b"late"


def test_what_has_waited_in_small_pieces_arrives_together() -> None:
    """A second and a half of checks and control: Linux puts small segments together when it repeats them."""
    talk = Talk(link={"delay_ms": 20})
    talk.run(1)
    talk.world.happen(Occasion.SUSPEND_RADIO, "home", lasts=5)
    for number in range(400):
        talk.stream.send(bytes([number % 256]) * 90)
    while not talk.heard:
        talk.run(0.1)
    talk.run(1)
    assert len(talk.heard) == 400 * 90


def test_a_control_of_fifty_hertz_gets_through_a_long_way_that_loses_one_in_ten() -> None:
    """What is missing is named, and all of it is sent again in the next round trip."""
    talk = Talk(link={"delay_ms": 150, "loss": 0.1})
    talk.run(5)
    for _ in range(1000):
        talk.stream.send(bytes(64))
        talk.run(0.02)
    assert 0.9 * 1000 * 64 < len(talk.heard) < 1000 * 64
    talk.run(3)
    assert len(talk.heard) == 1000 * 64


def test_nobody_listening_is_told_at_once_and_nobody_there_after_two_minutes() -> None:
    refused = Talk(at=(SERVER, 1))
    refused.run(1)
    assert refused.words == ["closed"]
    silent = Talk(at=("198.51.100.99", 1))
    silent.run(126)
    assert silent.told == []
    silent.run(2)
    assert silent.words == ["closed"]


def test_a_close_is_heard_by_the_other_end_only() -> None:
    talk = Talk()
    told: list[str] = []
    talk.run(1)
    talk.accepted[0].closed = lambda: told.append("gone")
    talk.stream.close()
    talk.stream.send(b"after")
    talk.run(1)
    assert told == ["gone"]
    assert talk.words == ["opened"]
    assert talk.accepted[0].state is talk.stream.state is State.CLOSED
    assert talk.heard == b""


def test_from_a_new_public_address_the_server_knows_no_stream() -> None:
    talk = Talk()
    talk.run(1)
    talk.world.happen(Occasion.CHANGE_PUBLIC_ADDRESS, "home")
    talk.stream.send(b"who am I?")
    talk.run(1)
    assert talk.words == ["opened", "closed"]


def test_after_a_flush_the_router_refuses_what_the_server_sends() -> None:
    talk = Talk()
    told: list[str] = []
    talk.run(1)
    talk.accepted[0].closed = lambda: told.append("gone")
    talk.world.happen(Occasion.FLUSH, "home")
    talk.accepted[0].send(b"still there?")
    talk.run(1)
    assert told == ["gone"]


def test_tls_is_told_from_what_is_none() -> None:
    talk = Talk()
    talk.world.host("server").streams.listen(AT, talk._accept, tls=True)
    talk.run(1)
    talk.stream.send(b"GET / HTTP/1.1\r\n\r\n")
    talk.run(1)
    assert talk.words == ["opened", "closed"]


def test_blocked_udp_lets_streams_pass() -> None:
    talk = Talk(udp="blocked")
    talk.world.happen(Occasion.BLOCK_UDP, "home")
    talk.run(1)
    assert talk.words == ["opened"]


def test_a_reset_is_not_answered() -> None:
    packet = Packet(1, "robot", (TCP, "192.168.1.10", 1, *AT), b"\x01" + bytes(11), False, None)
    answer = refusal(packet)
    assert answer
    assert refusal(Packet(2, "server", packet.key, answer, False, None)) is None


def test_its_packets_are_seen_like_all_others() -> None:
    talk = Talk(at=("198.51.100.99", 1))
    lost: list[Lost | None] = []
    talk.world.watchers.append(lambda _, __, why: lost.append(why))
    talk.run(0.5)
    assert lost == [None, Lost.NO_NEIGHBOUR]
