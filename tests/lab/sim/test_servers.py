from __future__ import annotations

import pytest

from landfast.lab.sim import servers
from landfast.servers.coturn import Settings
from landfast.wire import stun
from tests.lab.sim.scene import SECOND, SERVER, Ear, Play, network

ASKED = bytes(range(12))


def test_ports_are_those_of_the_kernels_laboratory() -> None:
    usual = Settings(("198.51.100.5",), users={"a": "b"})
    assert (usual.port, usual.tls_port) == (servers.PORT, servers.TLS_PORT)


@pytest.mark.parametrize("address", [SERVER, SECOND])
def test_binding_tells_who_it_sees_and_where_else_to_ask(address: str) -> None:
    play = Play()
    play.robot.say(stun.binding_request(ASKED), (address, 3478))
    (data, source), *others = play.robot.heard
    said = stun.parse(data)
    assert said
    assert not others
    assert said.transaction_id == ASKED
    assert said.mapped == ("203.0.113.10", 5000)
    assert said.response_origin == source == (address, 3478)
    assert said.other_address == (({SERVER: SECOND, SECOND: SERVER}[address]), 3479)


def test_a_request_to_change_is_answered_from_elsewhere_and_told_apart_by_the_filter() -> None:
    cone = Play(network({"nat": {"filtering": "endpoint-independent"}}))
    for change_ip, change_port, expected in ((True, False, (SECOND, 3478)), (False, True, (SERVER, 3479))):
        cone.robot.say(stun.binding_request(ASKED, change_ip=change_ip, change_port=change_port), (SERVER, 3478))
        assert cone.robot.sources[-1] == expected
    home = Play()
    home.robot.say(stun.binding_request(ASKED, change_ip=True), (SERVER, 3478))
    assert home.robot.heard == []


def test_ipv6_is_answered_too() -> None:
    play = Play(network({"ipv6": "on"}))
    ear = Ear(play.world.host("robot"), "2001:db8:1::100a")
    ear.say(stun.binding_request(ASKED), (play.world.server.addresses6[0], 3478))
    (data, _) = ear.heard[0]
    said = stun.parse(data)
    assert said
    assert said.mapped == ear.socket.local


def test_what_is_no_request_is_not_answered() -> None:
    play = Play()
    play.robot.say(b"junk", (SERVER, 3478))
    assert play.robot.heard == []
