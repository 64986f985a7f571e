from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.capture import TCP, UDP, Packet
from landfast.model.facts import (
    EchoAnswered,
    Fact,
    ForeignSourcePacket,
    IceCheckSent,
)
from landfast.trials.senses import Echoes, Flow, departures
from landfast.wire import stun

# RFC 5769, section 2.1: a connectivity check.
CHECK = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1"
    "51263b3600060009 6576746a3a68367659202020 000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)


def key(number: int) -> bytes:
    return number.to_bytes(12, "big")


@given(st.lists(st.sampled_from(["write", "oldest", "newest", "stray", "die"])))
def test_each_echo_is_answered_at_most_once_and_never_across_a_reconnect(happens: list[str]) -> None:
    sense = Echoes()
    waiting: list[tuple[bytes, float]] = []
    for now, what in enumerate(happens):
        if what == "write":
            waiting.append((sense.line(now), now))
        elif what == "die":
            sense.forget()
            waiting.clear()
        elif what == "stray" or not waiting:
            assert sense.answer(b"0\n", now) == []
        else:
            line, sent = waiting.pop(0 if what == "oldest" else -1)
            assert sense.answer(line, now) == [EchoAnswered(now, sent)]
            assert sense.answer(line, now) == []


def packet(
    source: str, *, destination: str = "198.51.100.5", payload: bytes = b"", protocol: int = UDP, **changes: Any
) -> Packet:
    fields: dict[str, Any] = {"at": 1.0, "outgoing": True, "sport": 5000, "dport": 3478, "length": 28 + len(payload)}
    fields |= {"source": ip_address(source), "destination": ip_address(destination)}
    return Packet(**{**fields, "protocol": protocol, "payload": payload, **changes})


OWN = {ip_address("192.168.1.10"), ip_address("2001:db8::10")}


def told(packets: Iterable[Packet], own_flows: frozenset[Flow] = frozenset()) -> list[Fact]:
    return departures("wlan0", packets, OWN, own_flows)


def test_only_outgoing_packets_with_a_source_of_another_interface_are_foreign() -> None:
    foreign = packet("172.17.0.1")
    harmless = [packet("192.168.1.10"), packet("2001:db8::10"), packet("0.0.0.0"), packet("fe80::1"), packet("::")]
    incoming = packet("198.51.100.5", outgoing=False)
    assert told([*harmless, foreign, incoming]) == [
        ForeignSourcePacket(1.0, "wlan0", "172.17.0.1", "198.51.100.5", UDP)
    ]


@pytest.mark.parametrize("protocol", [1, TCP, 47])
def test_every_protocol_with_a_foreign_source_counts(protocol: int) -> None:
    found = told([packet("10.42.0.1", protocol=protocol, sport=None, dport=None)])
    assert found == [ForeignSourcePacket(1.0, "wlan0", "10.42.0.1", "198.51.100.5", protocol)]


def test_the_meters_own_flows_are_not_looked_at() -> None:
    flow = (5000, ip_address("198.51.100.5"), 3478)
    assert told([packet("172.17.0.1"), packet("172.17.0.1", sport=None)], own_flows=frozenset({flow})) == [
        ForeignSourcePacket(1.0, "wlan0", "172.17.0.1", "198.51.100.5", UDP)
    ]


def test_a_connectivity_check_is_a_binding_request_with_a_username() -> None:
    sent = IceCheckSent(1.0, "wlan0", ("192.168.1.10", 5000), ("198.51.100.5", 3478))
    assert told([packet("192.168.1.10", payload=CHECK)]) == [sent]
    assert told([packet("192.168.1.10", payload=stun.binding_request(key(1)))]) == []
    assert told([packet("192.168.1.10", payload=CHECK, protocol=TCP)]) == []
    assert told([packet("192.168.1.10", payload=CHECK, outgoing=False)]) == []


def test_a_check_with_a_foreign_source_is_both() -> None:
    assert [type(fact) for fact in told([packet("172.17.0.1", payload=CHECK)])] == [ForeignSourcePacket, IceCheckSent]
