from __future__ import annotations

from typing import Any

import pytest

from landfast.lab.network import Network, Occasion
from landfast.lab.sim.packet import Lost
from landfast.wire import stun
from tests.lab.sim.scene import PORT, SERVER, SERVER6, Ear, Play, network

TWO = {
    "robot": {"interfaces": {"wlan0": {"via": "home"}, "wwan0": {"via": "mobile"}}},
    "operator": {"interfaces": {"eth0": {"via": "internet"}}},
}


def eventful(*events: dict[str, Any], **home: Any) -> Network:
    return network(home, events=list(events))


def test_a_changed_public_address_ends_all_mappings() -> None:
    play = Play()
    assert play.seen() == ("203.0.113.10", 5000)
    play.world.happen(Occasion.CHANGE_PUBLIC_ADDRESS, "home")
    assert not play.answered(b"late", ("203.0.113.10", 5000))
    assert play.seen() == ("203.0.113.11", 5000)
    assert play.answered(b"new", ("203.0.113.11", 5000))


def test_rebinding_changes_the_port_and_not_the_address() -> None:
    play = Play()
    ports = []
    for _ in range(3):
        address, port = play.seen() or ("", 0)
        assert address == "203.0.113.10"
        ports.append(port)
        play.world.happen(Occasion.REBIND_PORT, "home")
    assert len(set(ports)) == 3


def test_a_flush_lets_nothing_in_until_something_went_out() -> None:
    play = Play()
    mapped = play.seen()
    assert mapped
    play.world.happen(Occasion.FLUSH, "home")
    assert not play.answered(b"late", mapped)
    assert play.seen() == mapped
    assert play.answered(b"again", mapped)


def test_a_suspended_radio_loses_everything_and_keeps_the_mappings() -> None:
    play = Play()
    mapped = play.seen()
    assert mapped
    play.world.happen(Occasion.SUSPEND_RADIO, "home", lasts=5)
    assert play.seen() is None
    assert not play.answered(b"", mapped)
    assert set(play.lost) == {Lost.SUSPENDED}
    play.world.run(play.world.now + 5)
    assert play.answered(b"", mapped)


def test_blocked_udp_takes_dns_along_and_ends() -> None:
    play = Play()
    dns = Ear(play.world.host("server"), SERVER, 53)
    play.world.happen(Occasion.BLOCK_UDP, "home", lasts=5)
    play.robot.say(b"", (SERVER, 53))
    assert dns.heard == []
    play.world.run(play.world.now + 5)
    play.robot.say(b"", (SERVER, 53))
    assert len(dns.heard) == 1


def test_ipv6_becomes_one_way_for_a_while() -> None:
    play = Play(network({"ipv6": "on"}))
    six = Ear(play.world.host("server"), SERVER6, PORT)
    robot = Ear(play.world.host("robot"), "2001:db8:1::100a", 5000)
    heard = list[tuple[int, int]]()
    for _ in range(3):
        if len(heard) == 1:
            play.world.happen(Occasion.ONE_WAY_IPV6, "home", lasts=0.5)
        robot.say(b"up", (SERVER6, PORT), within=0.2)
        six.say(b"down", robot.socket.local, within=0.2)
        heard.append((len(six.heard), len(robot.heard)))
        play.world.run(play.world.now + 0.3)
    assert heard == [(1, 1), (2, 1), (3, 2)]


def test_a_link_that_goes_down_comes_back_with_its_routes() -> None:
    play = Play(network({"ipv6": "on"}))
    changes: list[list[str]] = []
    robot = play.world.host("robot")
    robot.on_change.append(lambda: changes.append(robot.addresses()))
    play.world.happen(Occasion.LINK_DOWN, "robot", lasts=2)
    assert not play.robot.say(b"", (SERVER, PORT))
    assert not play.answered(b"", ("203.0.113.10", 5000))
    play.world.run(play.world.now + 2)
    assert play.seen() == ("203.0.113.10", 5000)
    assert changes == [[], ["192.168.1.10", "2001:db8:1::100a"]]


def test_a_replaced_address_breaks_sockets_of_both_families() -> None:
    play = Play(network({"ipv6": "on"}))
    robot = play.world.host("robot")
    six = Ear(robot, "2001:db8:1::100a")
    broken: list[str] = []
    play.robot.socket.broken = lambda: broken.append("4")
    six.socket.broken = lambda: broken.append("6")
    play.world.happen(Occasion.ADDRESS_REPLACED, "robot")
    play.world.run(play.world.now)
    assert broken == ["4", "6"]
    assert robot.addresses() == ["192.168.1.128", "2001:db8:1::1080"]
    assert play.seen(Ear(robot, "192.168.1.128", 5000)) == ("203.0.113.10", 5000)


def test_a_handoff_moves_the_default_route() -> None:
    routers: dict[str, dict[str, object]] = {"home": {}, "mobile": {}}
    play = Play(network(routers=routers, hosts=TWO))
    robot = play.world.host("robot")
    assert robot.default_addresses() == ["192.168.1.10"]
    play.world.happen(Occasion.HANDOFF, "robot")
    assert robot.default_addresses() == ["192.168.2.10"]
    # A weak host: the old address leaves by the other interface, and the router translates it.
    assert play.seen() == ("203.0.113.50", 5000)
    play.world.happen(Occasion.HANDOFF, "robot")
    assert play.seen() == ("203.0.113.10", 5000)


def test_an_event_has_its_time() -> None:
    play = Play(eventful({"what": "change-public-address", "on": "home", "at": 3.0}))
    assert play.seen() == ("203.0.113.10", 5000)
    play.world.run(3.0)
    assert play.seen() == ("203.0.113.11", 5000)


def test_an_event_waits_for_the_nth_mapping() -> None:
    play = Play(eventful({"what": "change-public-address", "on": "home", "mappings": 3}))
    for _ in range(5):
        assert play.seen() == ("203.0.113.10", 5000)  # the same one again
    play.seen(Ear(play.world.host("robot")))
    assert play.seen() == ("203.0.113.10", 5000)
    play.seen(Ear(play.world.host("robot")))
    assert play.seen() == ("203.0.113.11", 5000)


def test_an_event_waits_for_the_first_stun_and_happens_once() -> None:
    play = Play(eventful({"what": "change-public-address", "on": "home", "first_stun": True}))
    assert play.seen() == ("203.0.113.10", 5000)
    for _ in range(2):
        play.robot.say(stun.binding_request(bytes(12)), (SERVER, 3478))
        assert play.seen() == ("203.0.113.11", 5000)


def test_what_cannot_happen_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot happen on 'robot'"):
        Play().world.happen(Occasion.HANDOFF, "robot")


def test_a_mapping_dies_at_its_age_whatever_the_traffic() -> None:
    play = Play(network({"nat": {"mapping": "address-and-port-dependent", "ports": "random", "max_age": 10}}))
    seen = []
    for _ in range(14):
        seen.append(play.seen())
        play.world.run(play.world.now + 0.9)
    assert len(set(seen[:10])) == 1
    assert len(set(seen)) == 2
