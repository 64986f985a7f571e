"""Each axis of a translator, asked from outside as STUN would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.lab.sim.nat import Mappings
from landfast.lab.sim.packet import Lost
from landfast.model.facts import Endpoint
from tests.lab.sim.scene import PORT, SECOND, SERVER, SYMMETRIC, Ear, Play, network

EIF = {"filtering": "endpoint-independent"}
ADF = {"filtering": "address-dependent"}


class Four(Play):
    """The server's two addresses with two ports each."""

    def __init__(self, nat: dict[str, Any], **router: Any) -> None:
        super().__init__(network({"nat": nat, **router}))
        host = self.world.host("server")
        self.others = [Ear(host, SERVER, PORT + 1), Ear(host, SECOND, PORT), Ear(host, SECOND, PORT + 1)]

    def mapped(self, socket: Ear | None = None) -> list[Endpoint]:
        """Who each of the four sees."""
        found = []
        for ear in (self.server, *self.others):
            (socket or self.robot).say(b"?", ear.socket.local, within=0.05)
            found.append(ear.sources[-1])
        return found


def test_a_home_router_keeps_the_port_towards_everyone() -> None:
    assert Four({}).mapped() == [("203.0.113.10", 5000)] * 4


def test_endpoint_independent_and_random_is_another_port_and_the_same_for_all() -> None:
    mapped = Four({"ports": "random"}).mapped()
    assert len(set(mapped)) == 1
    assert mapped[0][1] != 5000


def test_a_block_bounds_the_ports() -> None:
    mapped = Four({"ports": "block", "block": [2000, 2063]}).mapped()
    assert len(set(mapped)) == 1
    assert 2000 <= mapped[0][1] <= 2063


def test_address_dependent_is_one_port_for_each_address() -> None:
    first, second, third, fourth = Four({"mapping": "address-dependent", "ports": "random"}).mapped()
    assert first == second
    assert third == fourth
    assert first != third


def test_address_and_port_dependent_is_another_port_each_time_and_stable_while_it_lives() -> None:
    play = Four(dict(SYMMETRIC))
    mapped = play.mapped()
    assert len(set(mapped)) == 4
    assert play.mapped() == mapped


def test_an_arbitrary_pool_shows_several_addresses_and_a_paired_one_shows_one() -> None:
    paired, arbitrary = dict(SYMMETRIC, pool=4), dict(SYMMETRIC, pool=4, pooling="arbitrary")
    shown = []
    for nat in (paired, arbitrary):
        play = Four(nat)
        seen = [play.mapped(Ear(play.world.host("robot")))[0] for _ in range(12)]
        shown.append({address for address, _ in seen})
    assert len(shown[0]) == 1
    assert 2 <= len(shown[1]) <= 4


def test_paired_means_that_subscribers_have_their_own() -> None:
    hosts = {name: {"interfaces": {"eth0": {"via": "home"}}} for name in ("robot", "operator")}
    play = Play(network({"nat": {"pool": 2}}, hosts=hosts))
    other = Ear(play.world.host("operator"))
    assert play.seen() == ("203.0.113.10", 5000)
    seen = play.seen(other)
    assert seen
    assert seen[0] == "203.0.113.11"


@pytest.mark.parametrize(
    ("nat", "lets_in"),
    [({}, (False, False)), (ADF, (True, False)), (EIF, (True, True))],
    ids=["address-and-port-dependent", "address-dependent", "endpoint-independent"],
)
def test_filtering_asks_for_the_port_the_address_or_nothing(nat: dict[str, Any], lets_in: tuple[bool, bool]) -> None:
    play = Four(nat)
    mapped = play.seen()
    assert mapped
    assert play.answered(b"asked for", mapped)
    same_address, other_address = play.others[:2]
    assert (play.answered(b"", mapped, same_address), play.answered(b"", mapped, other_address)) == lets_in
    assert not play.answered(b"", (mapped[0], mapped[1] + 1), other_address)


def test_a_stranger_that_was_let_in_is_answered_from_the_mapping() -> None:
    play = Four(EIF)
    mapped = play.seen()
    assert mapped
    stranger = play.others[1]
    play.answered(b"", mapped, stranger)
    play.robot.say(b"hello", stranger.socket.local)
    assert stranger.sources[-1] == mapped


def test_a_mapping_dies_after_its_silence_and_a_random_port_is_another_then() -> None:
    play = Four(dict(SYMMETRIC, udp_timeout=5, udp_stream_timeout=10))
    mapped = play.seen()
    assert mapped
    play.world.run(play.world.now + 4)
    assert play.answered(b"still", mapped)
    play.world.run(play.world.now + 6)
    assert not play.answered(b"gone", mapped)
    assert play.lost[-1] is Lost.UNASKED
    assert play.seen() != mapped


@pytest.mark.parametrize(("refresh", "lives"), [("both", True), ("outbound", False)])
@pytest.mark.parametrize("filtering", ["address-and-port-dependent", "endpoint-independent"])
def test_inbound_packets_keep_a_mapping_alive_only_where_they_refresh(
    refresh: str, filtering: str, lives: bool
) -> None:
    play = Four({"udp_timeout": 3, "udp_stream_timeout": 3, "refresh": refresh, "filtering": filtering})
    mapped = play.seen()
    assert mapped
    answers = []
    for _ in range(5):
        answers.append(play.answered(b"", mapped))
        play.world.run(play.world.now + 1.2)
    assert answers[:2] == [True, True]
    assert answers[-1] is lives


@pytest.mark.parametrize("refresh", ["both", "outbound"])
def test_what_comes_to_another_mapping_from_who_is_asked_already_passes_while_that_one_lives(refresh: str) -> None:
    """It takes another port inside, for the two speak already; outside the mapping is the same."""
    play = Four(dict(ADF, mapping="address-dependent", ports="random", udp_timeout=5, refresh=refresh))
    other = play.mapped()[2]
    assert [play.answered(b"", other) for _ in range(3)] == [True] * 3
    play.world.run(play.world.now + 4)
    assert play.answered(b"", other)
    play.world.run(play.world.now + 3)
    assert play.answered(b"", other) is (refresh == "both")


def test_hairpinning_shows_the_external_endpoint_to_a_neighbour() -> None:
    hosts = {name: {"interfaces": {"eth0": {"via": "home"}}} for name in ("robot", "operator")}
    for hairpin in (True, False):
        play = Play(network({"nat": dict(EIF, hairpin=hairpin)}, hosts=hosts))
        neighbour = Ear(play.world.host("operator"), port=6000)
        mapped, other = play.seen(), play.seen(neighbour)
        assert mapped
        neighbour.say(b"hello", mapped)
        assert play.robot.sources == ([other] if hairpin else [])


def test_only_the_lan_is_translated_where_so_declared() -> None:
    hosts = network().model_dump(mode="json", exclude_none=True)["hosts"]
    hosts["robot"]["interfaces"]["eth1"] = {"address": "10.42.0.1/24"}
    for translates, seen in (("all", ("203.0.113.10", 5001)), ("lan", ("10.42.0.1", 5001))):
        play = Play(network({"nat": {"translates": translates}}, hosts=hosts))
        foreign = Ear(play.world.host("robot"), "10.42.0.1", 5001)
        assert play.seen(foreign) == seen


def test_an_unasked_packet_that_was_let_in_takes_the_port() -> None:
    for given_input, kept in (("drop", True), ("accept", False)):
        play = Four({}, input=given_input)
        for _ in range(2):
            play.server.say(b"early", ("203.0.113.10", 5000))
        assert (play.seen() == ("203.0.113.10", 5000)) is kept
        assert play.mapped()[1:] == [("203.0.113.10", 5000)] * 3 or not kept


def test_new_ports_and_addresses_are_others_and_stay_in_their_generation() -> None:
    play = Four({})
    router = play.world.routers["home"]
    router.become(1, 1)
    moved = play.mapped()
    assert len(set(moved)) == 1
    assert moved[0][0] == "203.0.113.11"
    assert 8096 <= moved[0][1] < 12096


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 4.9)), min_size=1, max_size=25), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_mapping_is_stable_while_it_lives(sent: list[tuple[int, float]], symmetric: bool) -> None:
    """Each destination sees one endpoint as long as no silence between is as long as the timer."""
    play = Four(dict(SYMMETRIC if symmetric else {}, udp_timeout=5, udp_stream_timeout=5))
    ears, last, seen = [play.server, *play.others], dict[int, float](), dict[int, Endpoint]()
    for place, later in sent:
        play.world.run(play.world.now + later)
        now = play.world.now
        play.robot.say(b"", ears[place].socket.local, within=0.01)
        mapped = ears[place].sources[-1]
        if place in last and now - last[place] < 5:
            assert mapped == seen[place]
        last[place], seen[place] = now, mapped


def test_what_is_remembered_keeps_what_it_stands_for_until_it_is_forgotten() -> None:
    known = Mappings(5)
    external, inner, other = ("203.0.113.10", 5000), ("192.168.1.10", 5000), ("192.168.1.11", 5000)
    known.update(external, inner, 0.0)
    known.update(external, other, 4.0)
    assert known.inner(external, 8.9) == inner
    assert known.inner(external, 9.0) is None
    known.update(external, other, 9.0)
    assert known.inner(external, 9.1) == other
