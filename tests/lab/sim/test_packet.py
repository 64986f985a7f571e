from __future__ import annotations

import pytest

from landfast.lab.sim.packet import TCP, UDP, Key, Packet, readdressed

AWAY: Key = (UDP, "192.168.1.10", 5000, "198.51.100.5", 7000)


@pytest.mark.parametrize(("protocol", "six", "headers"), [(UDP, False, 28), (UDP, True, 48), (TCP, False, 40)])
def test_a_packet_is_as_long_as_its_data_and_headers(protocol: int, six: bool, headers: int) -> None:
    assert Packet(1, "robot", (protocol, *AWAY[1:]), bytes(100), six, None).length == 100 + headers


def test_a_translation_keeps_the_number_the_sender_and_where_it_was_aimed() -> None:
    packet = Packet(7, "robot", AWAY, b"data", False, 1280)
    made = readdressed(packet, (UDP, "203.0.113.10", 4000, "10.0.0.1", 7001))
    assert made.key == (UDP, "203.0.113.10", 4000, "10.0.0.1", 7001)
    assert (made.number, made.origin, made.aimed, made.data, made.piece) == (7, "robot", AWAY[3], b"data", 1280)
    assert packet.key == AWAY
    assert repr(packet) == "#7 192.168.1.10:5000 > 198.51.100.5:7000, 4 bytes"
