from __future__ import annotations

from typing import Any

import pytest

from landfast.lab.sim.packet import Lost
from tests.lab.sim.scene import PORT, SERVER, Ear, Play, network

FOREIGN = "10.42.0.1"


def hosts(**robot: Any) -> dict[str, Any]:
    """The robot with a foreign interface; `robot` are more of its parts."""
    given: dict[str, Any] = network({"ipv6": "on"}).model_dump(mode="json", exclude_none=True)["hosts"]
    given["robot"]["interfaces"]["eth1"] = {"address": f"{FOREIGN}/24"}
    given["robot"] |= robot
    return given


def test_addresses_are_told_those_of_the_default_route_first() -> None:
    bridge = {"docker0": {"address": "172.17.0.1/16"}}
    play = Play(network({"ipv6": "on"}, hosts=hosts(bridges=bridge, foreign_ipv6="2001:db8:ffff::1")))
    robot = play.world.host("robot")
    own = ["192.168.1.10", "2001:db8:1::100a"]
    assert robot.default_addresses() == own
    assert robot.addresses() == [*own, FOREIGN, "172.17.0.1", "2001:db8:ffff::1"]


def test_a_wildcard_socket_hears_on_all_addresses_and_takes_the_source_of_the_route() -> None:
    play = Play()
    anywhere = Ear(play.world.host("robot"), port=5001)
    assert play.seen(anywhere) == ("203.0.113.10", 5001)
    assert play.server.say(b"back", ("203.0.113.10", 5001))
    assert anywhere.words == [b"back"]
    assert anywhere.socket.local == ("0.0.0.0", 5001)


@pytest.mark.parametrize(("routing", "leaves"), [("weak", True), ("strong", False)])
def test_a_foreign_source_leaves_a_weak_host_only(routing: str, leaves: bool) -> None:
    play = Play(network(hosts=hosts(routing=routing)))
    foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
    assert foreign.say(b"", (SERVER, PORT)) is leaves
    assert play.seen()


def test_ports_are_taken_once() -> None:
    play = Play()
    robot = play.world.host("robot")
    with pytest.raises(OSError, match="taken"):
        Ear(robot, "192.168.1.10", 5000)
    with pytest.raises(OSError, match="robot has no"):
        Ear(robot, "192.168.1.99")
    play.robot.socket.close()
    play.robot.socket.close()
    assert not play.robot.say(b"", (SERVER, PORT))
    Ear(robot, "192.168.1.10", 5000)


def test_two_sockets_of_a_host_reach_each_other() -> None:
    play = Play()
    other = Ear(play.world.host("robot"), port=5001)
    play.robot.say(b"me", ("192.168.1.10", 5001))
    assert other.heard == [(b"me", ("192.168.1.10", 5000))]


def test_a_packet_with_the_receivers_own_source_is_a_martian() -> None:
    both = hosts()
    both["operator"]["interfaces"]["eth1"] = {"address": "10.42.0.1/24"}
    play = Play(network({"nat": False}, hosts=both))
    operator = Ear(play.world.host("operator"), port=6000)
    foreign = Ear(play.world.host("robot"), FOREIGN, 5001)
    foreign.say(b"", ("192.0.2.20", 6000))
    assert operator.heard == []
    assert play.lost == [Lost.MARTIAN]


def test_docker_masquerades_what_its_bridge_sends_elsewhere() -> None:
    for masquerade in (True, False):
        bridge = {"docker0": {"address": "172.17.0.1/16", "masquerade": masquerade}}
        play = Play(network({"nat": {"translates": "lan"}}, hosts=hosts(bridges=bridge)))
        inner = Ear(play.world.host("robot"), "172.17.0.1", 5001)
        mapped = play.seen(inner)
        assert mapped == (("203.0.113.10", 5001) if masquerade else ("172.17.0.1", 5001))
        play.server.say(b"back", mapped or ("", 0))
        assert inner.words == ([b"back"] if masquerade else [])


def test_what_nobody_listens_to_ends() -> None:
    play = Play()
    play.robot.say(b"", (SERVER, 9))
    assert play.lost == [Lost.NO_SOCKET]


def test_what_leaves_by_an_interface_that_leads_nowhere_ends_there() -> None:
    play = Play(network(hosts=hosts()))
    assert Ear(play.world.host("robot")).say(b"", ("10.42.0.9", 1))
    assert play.lost == [Lost.NOWHERE]


def test_a_socket_whose_address_vanished_is_told_and_sends_nothing() -> None:
    play = Play()
    told: list[str] = []
    robot = play.world.host("robot")
    play.robot.socket.broken = lambda: told.append("broken")
    robot.on_change.append(lambda: told.append("changed"))
    robot.become(["address add 192.168.1.128/24 dev wlan0", "address del 192.168.1.10/24 dev wlan0"])
    assert told == []
    play.world.run(play.world.now)
    assert told == ["broken", "changed"]
    assert not play.robot.say(b"", (SERVER, PORT))
    assert play.seen(Ear(robot, port=5001)) == ("203.0.113.10", 5001)


def test_after_packet_too_big_what_is_longer_leaves_in_fragments() -> None:
    play = Play()
    play.world.host("robot").narrowed(SERVER, 1300)
    pieces = []
    play.world.watchers.append(lambda packet, _, __: pieces.append(packet.piece))
    play.robot.say(bytes(1272), (SERVER, PORT), within=0)
    play.robot.say(bytes(1273), (SERVER, PORT), within=0)
    assert pieces == [None, 1300]
