from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.lab.sim.packet import TCP, UDP, Key
from landfast.lab.sim.tracking import Flow, Flows, Span, inverted

OUTSIDE = "203.0.113.10"


def flows(unreplied: float = 30, stream: float = 120) -> Flows:
    return Flows(unreplied, stream, random.Random(3).random)


def away(sport: int = 5000, dport: int = 7000, *, source: str = "192.168.1.10", protocol: int = UDP) -> Key:
    return protocol, source, sport, "198.51.100.5", dport


def begun(table: Flows, key: Key, now: float = 0.0, *, span: Span | None = None, fully_random: bool = False) -> Flow:
    port = table.port(key, OUTSIDE, span, now, fully_random=fully_random)
    assert port
    flow = table.add(key, (key[0], key[3], key[4], OUTSIDE, port), now)
    assert flow
    return flow


def test_a_flow_is_found_from_both_sides() -> None:
    table = flows()
    flow = begun(table, away())
    assert table.find(away(), 1.0) is table.find(flow.reply, 1.0) is flow
    assert table.find(inverted(away()), 1.0) is None
    assert flow.snat
    assert not flow.dnat


def test_without_an_answer_it_dies_after_its_silence() -> None:
    table = flows()
    flow = begun(table, away())
    assert table.find(away(), 29.9)
    table.crossed(flow, 29.9, reply=False)
    assert table.find(away(), 59.8)
    assert table.find(away(), 60.0) is None


def test_it_is_a_stream_once_it_was_answered_and_is_in_use_two_seconds_after_it_began() -> None:
    table = flows()
    flow = begun(table, away())
    table.crossed(flow, 0.5, reply=True)
    table.crossed(flow, 1.0, reply=False)
    assert table.find(away(), 31.1) is None  # answered, but too young to be one
    flow = begun(table, away(), 40.0)
    table.crossed(flow, 40.1, reply=True)
    table.crossed(flow, 42.1, reply=False)
    assert flow.assured
    assert table.find(away(), 162.0)
    assert table.find(away(), 162.2) is None


def test_tcp_lives_for_days() -> None:
    table = flows()
    begun(table, away(protocol=TCP))
    assert table.find(away(protocol=TCP), 86400.0)


def test_a_socket_keeps_its_external_port_for_every_destination() -> None:
    table = flows()
    ports = {begun(table, away(dport=dport)).reply[4] for dport in range(7000, 7020)}
    assert ports == {5000}


def test_two_sockets_with_one_port_share_it_unless_they_speak_to_the_same_endpoint() -> None:
    table = flows()
    begun(table, away())
    other = "192.168.1.11"
    assert begun(table, away(dport=7001, source=other)).reply[4] == 5000
    moved = begun(table, away(source=other)).reply[4]
    assert moved != 5000
    assert begun(table, away(dport=7002, source=other)).reply[4] == moved  # and from now on it has that one


def test_a_span_is_respected_and_a_port_in_it_kept() -> None:
    table = flows()
    assert begun(table, away(), span=(5000, 5010)).reply[4] == 5000
    assert 6000 <= begun(table, away(sport=5001), span=(6000, 6010)).reply[4] <= 6010


def test_when_no_port_is_left_there_is_none() -> None:
    table = flows()
    for sport in (5000, 5001):
        begun(table, away(sport=sport), span=(6000, 6001))
    assert table.port(away(sport=5002), OUTSIDE, (6000, 6001), 0.0, fully_random=False) is None
    assert table.port(away(sport=5002, dport=1), OUTSIDE, (6000, 6001), 0.0, fully_random=False)


@given(st.lists(st.tuples(st.integers(1024, 1030), st.integers(1, 3), st.booleans()), max_size=40))
@settings(max_examples=50)
def test_no_two_flows_have_the_same_way_back(asked: list[tuple[int, int, bool]]) -> None:
    table, backs = flows(), dict[Key, Key]()
    for sport, dport, fully_random in asked:
        key = away(sport, dport)
        if table.find(key, 0.0):
            continue
        port = table.port(key, OUTSIDE, (2000, 2005), 0.0, fully_random=fully_random)
        if port:
            flow = table.add(key, (*inverted(key)[:3], OUTSIDE, port), 0.0)
            assert flow
            assert flow.reply not in backs
            backs[flow.reply] = key


def test_forgetting_an_endpoint_leaves_the_others() -> None:
    table = flows()
    for sport in (5000, 5001):
        begun(table, away(sport=sport))
    table.forget("192.168.1.10", 5000)
    assert table.find(away(), 0.0) is None
    assert table.find(away(sport=5001), 0.0)
    table.clear()
    assert table.find(away(sport=5001), 0.0) is None


@pytest.mark.parametrize("sport", [300, 800, 5000])
def test_a_taken_port_is_replaced_by_one_of_its_kind(sport: int) -> None:
    table = flows()
    begun(table, away(sport=sport))
    moved = begun(table, away(sport=sport, source="192.168.1.11")).reply[4]
    assert (moved < 512, moved < 1024) == (sport < 512, sport < 1024)
