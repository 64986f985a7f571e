from __future__ import annotations

from landfast.lab.network import Network
from landfast.lab.sim.packet import Lost
from tests.lab.sim.scene import Ear, Play, network

NEIGHBOURS = {name: {"interfaces": {"eth0": {"via": "home"}}} for name in ("robot", "operator")}


def neighbours() -> Network:
    return network({"udp": "blocked"}, hosts=NEIGHBOURS)


def test_neighbours_reach_each_other_without_the_router() -> None:
    play = Play(neighbours())
    other = Ear(play.world.host("operator"), port=6000)
    play.robot.say(b"hello", ("192.168.1.11", 6000))
    assert other.heard == [(b"hello", ("192.168.1.10", 5000))]


def test_an_address_that_nobody_has_is_no_ones() -> None:
    play = Play(neighbours())
    play.robot.say(b"hello", ("192.168.1.77", 6000))
    assert play.lost == [Lost.NO_NEIGHBOUR]


def test_who_went_down_is_not_found_and_is_found_again() -> None:
    play = Play(neighbours())
    other = Ear(play.world.host("operator"), port=6000)
    for line, heard in (("down", 0), ("up", 1)):
        play.world.host("operator").become([f"link set dev eth0 {line}"])
        play.robot.say(b"hello", ("192.168.1.11", 6000))
        assert len(other.heard) == heard


def test_both_cables_delay() -> None:
    hosts = {name: {"interfaces": {"eth0": {"via": "home", "link": {"delay_ms": 10}}}} for name in NEIGHBOURS}
    play = Play(network(hosts=hosts))
    other = Ear(play.world.host("operator"), port=6000)
    play.robot.say(b"hello", ("192.168.1.11", 6000), within=0.0199)
    assert other.heard == []
    play.world.run(play.world.now + 0.001)
    assert other.words == [b"hello"]


def test_a_cable_loses_in_both_directions() -> None:
    hosts = {name: {"interfaces": {"eth0": {"via": "home", "link": {"loss": 0.5}}}} for name in NEIGHBOURS}
    play = Play(network(hosts=hosts))
    other = Ear(play.world.host("operator"), port=6000)
    for _ in range(400):
        play.robot.say(b"hello", ("192.168.1.11", 6000), within=0.001)
    assert 60 < len(other.heard) < 140  # a quarter
    assert play.lost.count(Lost.LOSS) == 400 - len(other.heard)
