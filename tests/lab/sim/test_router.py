from __future__ import annotations

from typing import Any

import pytest

from landfast.lab.network import Network
from landfast.lab.sim.packet import Lost
from tests.lab.sim.scene import PORT, SERVER, SERVER6, Ear, Play, network

FOREIGN = "10.42.0.1"


def with_foreign(home: dict[str, Any], **more: Any) -> Network:
    hosts = network().model_dump(mode="json", exclude_none=True)["hosts"]
    hosts["robot"]["interfaces"]["eth1"] = {"address": f"{FOREIGN}/24"}
    return network(home, hosts=hosts, **more)


@pytest.mark.parametrize("udp", ["blocked", "rejected"])
def test_blocked_udp_lets_dns_out(udp: str) -> None:
    play = Play(network({"udp": udp}))
    dns = Ear(play.world.host("server"), SERVER, 53)
    assert play.seen() is None
    assert play.lost == [Lost.UDP_BLOCKED]
    play.robot.say(b"name?", (SERVER, 53))
    assert dns.words == [b"name?"]


def test_a_budget_counts_what_is_blocked_afterwards() -> None:
    play = Play(network({"udp": "blocked", "budget": {"of": "mappings", "limit": 1}}))
    assert play.seen() is None
    assert play.seen(Ear(play.world.host("robot"))) is None
    assert play.lost == [Lost.UDP_BLOCKED, Lost.BUDGET]


def test_a_router_without_nat_lets_everyone_in() -> None:
    play = Play(network({"nat": False}))
    assert play.seen() == ("192.168.1.10", 5000)
    assert play.answered(b"unasked", ("192.168.1.10", 5000), Ear(play.world.host("operator")))


def test_the_reverse_path_filter_drops_foreign_sources() -> None:
    for filters in (True, False):
        play = Play(with_foreign({"reverse_path_filter": filters}))
        foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
        assert (play.seen(foreign) is None) is filters
        assert (Lost.REVERSE_PATH in play.lost) is filters
        assert play.seen()


def test_the_gateway_ends_the_session_at_its_limit_and_gives_a_new_address() -> None:
    play = Play(with_foreign({"gateway": {"limit": 3, "outage": 2}}))
    router = play.world.routers["home"]
    foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
    assert play.seen() == ("203.0.113.10", 5000)
    for _ in range(2):
        assert play.seen(foreign) is None
    assert play.seen() == ("203.0.113.10", 5000)
    foreign.say(b"", (SERVER, PORT), within=0)
    assert play.seen() is None
    assert play.lost[-1] is Lost.SUSPENDED
    play.world.run(play.world.now + 2)
    assert play.seen() == ("203.0.113.11", 5000)
    assert not play.answered(b"late", ("203.0.113.10", 5000))
    assert router.violations == 3
    assert router.policy
    assert router.policy.resets == 1


def test_violations_in_an_outage_are_counted_by_the_rule_and_not_by_the_policy() -> None:
    play = Play(with_foreign({"gateway": {"limit": 1, "outage": 5}}))
    foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
    for _ in range(3):
        play.seen(foreign)
    router = play.world.routers["home"]
    assert router.violations == 3
    assert router.policy
    assert router.policy.resets == 1


def test_a_gateway_knows_ipv6_too() -> None:
    hosts = network().model_dump(mode="json", exclude_none=True)["hosts"]
    hosts["robot"]["foreign_ipv6"] = "2001:db8:ffff::1"
    play = Play(network({"ipv6": "on", "gateway": {}}, hosts=hosts))
    six = Ear(play.world.host("server"), SERVER6, PORT)
    foreign = Ear(play.world.host("robot"), "2001:db8:ffff::1")
    own = Ear(play.world.host("robot"), "2001:db8:1::100a")
    foreign.say(b"foreign", (SERVER6, PORT))
    own.say(b"own", (SERVER6, PORT))
    assert six.words == [b"own"]
    assert play.world.routers["home"].violations == 1


def test_answers_to_a_translated_foreign_source_bounce_back_up() -> None:
    routers = {"carrier": {"lan": "100.64.0.0/24", "gateway": {}}, "home": {"via": "carrier"}}
    play = Play(with_foreign({}, routers=routers))
    foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
    mapped = play.seen(foreign)
    assert mapped
    assert play.world.routers["carrier"].violations == 0
    play.server.say(b"answer", mapped)
    assert foreign.heard == []
    assert play.world.routers["carrier"].violations == 1


@pytest.mark.parametrize(("ipv6", "asked", "unasked"), [("on", True, False), ("one-way", False, False)])
def test_ipv6_comes_back_where_it_is_on_and_was_asked_for(ipv6: str, asked: bool, unasked: bool) -> None:
    play = Play(network({"ipv6": ipv6}))
    six = Ear(play.world.host("server"), SERVER6, PORT)
    robot = Ear(play.world.host("robot"), "2001:db8:1::100a", 5000)
    robot.say(b"up", (SERVER6, PORT))
    assert six.heard == [(b"up", ("2001:db8:1::100a", 5000))]
    six.say(b"down", robot.socket.local)
    assert bool(robot.heard) is asked
    robot.heard.clear()
    Ear(play.world.host("operator"), "2001:db8::1014").say(b"unasked", robot.socket.local)
    assert bool(robot.heard) is unasked


@pytest.mark.parametrize("signalled", [True, False])
def test_long_packets_are_told_of_and_fragmented_or_vanish(signalled: bool) -> None:
    play = Play(network({"mtu": 1280, "mtu_signalled": signalled, "ipv6": "on"}))
    mapped = play.seen()
    assert mapped
    long, fits = bytes(1281 - 28), bytes(1280 - 28)
    assert [play.answered(data, mapped) for data in (fits, long, long)] == [True, False, signalled]
    for data in (fits, long, long):
        play.robot.say(data, (SERVER, PORT))
    assert play.server.words.count(fits) == 1
    assert play.server.words.count(long) == signalled
    assert play.lost == [Lost.TOO_LONG] * (2 if signalled else 4)


@pytest.mark.parametrize("signalled", [True, False])
def test_long_packets_of_ipv6_begin_a_flow_where_they_are_told_of_and_answers_vanish_like_them(signalled: bool) -> None:
    play = Play(network({"mtu": 1280, "mtu_signalled": signalled, "ipv6": "on"}))
    six = Ear(play.world.host("server"), SERVER6, PORT)
    robot = Ear(play.world.host("robot"), "2001:db8:1::100a", 5000)
    robot.say(bytes(1233), (SERVER6, PORT))
    assert six.heard == []
    six.say(b"answer", robot.socket.local)
    assert bool(robot.heard) is signalled
    robot.say(b"short", (SERVER6, PORT))
    robot.heard.clear()
    for _ in range(2):
        six.say(bytes(1233), robot.socket.local)
    assert len(robot.heard) == (1 if signalled else 0)  # the first was told of


def test_the_internet_has_no_way_to_a_private_address() -> None:
    play = Play()
    play.server.say(b"", ("192.168.1.10", 5000))
    play.server.say(b"", ("203.0.113.1", 5000))
    assert play.lost == [Lost.NO_ROUTE, Lost.NO_SOCKET]
