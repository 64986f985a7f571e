from __future__ import annotations

import pytest

from landfast.diagnose.findings import findings
from landfast.model.facts import (
    EchoAnswered,
    Fact,
    InterfaceSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    RoundTrips,
    ServerProbed,
    Step,
    TcpTried,
)
from landfast.model.findings import Confidence, Severity
from tests.diagnose.stories import OWN, SIX, TURN_TCP, TURN_UDP, X, Y, host, lengths, nat, relay, silence

OVER_TCP = TcpTried(6.0, X, True, "")
OWN6 = ("2001:db8:1::10", 40000)


def codes(facts: list[Fact]) -> list[str]:
    return [finding.code for finding in findings(facts)]


def test_no_way_out_explains_that_nothing_answers() -> None:
    facts = [*host(families=()), *silence(X), *relay(TURN_UDP, Step.NAME, problem="no address")]
    assert codes(facts) == ["no-network"]


def test_an_answer_disproves_that_there_is_no_way_out() -> None:
    assert codes([InterfaceSeen(0.0, "wlan0", True, ()), *nat()]) == []


@pytest.mark.parametrize(
    "reached",
    [
        [OVER_TCP],
        [ServerProbed(6.0, X, False, ("nonce",))],  # which is asked over TCP
        [EchoAnswered(6.0, 5.9)],
        relay(TURN_TCP),
        [Ipv6Tried(6.0, SIX, OWN6, 1, False, None)],  # it said so over TCP
    ],
)
def test_silence_over_udp_and_an_answer_over_tcp_is_blocked_udp(reached: list[Fact]) -> None:
    (found,) = findings([*host(), *silence(X), *reached])
    assert (found.code, found.severity, found.remedy) == ("udp-blocked", Severity.FATAL, "relay-tcp")


@pytest.mark.parametrize(
    "facts",
    [
        [*silence(X)],  # a dead server, or no network: nobody knows
        [*silence(X), TcpTried(6.0, X, False, "Connection refused")],
        [*silence(X, times=4), OVER_TCP],  # chance
        [*silence(X), OVER_TCP, RoundTrips(3.0, Y, (OWN, 1), 20, (0.05,))],  # another server answers
        [*silence(X), OVER_TCP, MappedAddress(0.0, X, (OWN, 40000), (OWN, 40000))],  # it did answer once
        [*silence(X), OVER_TCP, *lengths(1500)],
        [*silence(X), OVER_TCP, *relay(TURN_UDP)],
    ],
)
def test_silence_that_may_be_something_else_is_not_blocked_udp(facts: list[Fact]) -> None:
    assert codes([*host(), *facts]) == []


def test_the_same_server_over_tcp_proves_it() -> None:
    elsewhere = TcpTried(6.0, ("192.0.2.9", 443), True, "")
    assert [finding.confidence for finding in findings([*silence(X), OVER_TCP])] == [Confidence.PROVED]
    assert [finding.confidence for finding in findings([*silence(X), elsewhere])] == [Confidence.LIKELY]
    assert [finding.confidence for finding in findings([*silence(X, Y), elsewhere])] == [Confidence.PROVED]


def test_requests_without_any_answer_are_silence_too() -> None:
    assert codes([RoundTrips(3.0, X, (OWN, 1), 20, ()), OVER_TCP]) == ["udp-blocked"]


def test_blocked_udp_explains_a_relay_over_udp_and_not_one_over_tcp() -> None:
    facts = [*silence(X), OVER_TCP, *relay(TURN_UDP, Step.CONNECT), *relay(TURN_TCP, Step.CONNECT)]
    assert [(finding.code, finding.subject) for finding in findings(facts)] == [
        ("udp-blocked", ""),
        ("turn-unreachable", TURN_TCP),
    ]


def test_blocked_udp_explains_ipv6_that_does_not_leave_and_not_ipv6_that_does_not_come_back() -> None:
    def asked(up: bool) -> Ipv6Tried:
        return Ipv6Tried(7.0, ("2001:db8::5", 3478), ("2001:db8:1::10", 5000), 5, up, False if up else None)

    assert codes([*silence(X), OVER_TCP, asked(up=False)]) == ["udp-blocked"]
    assert codes([*silence(X), OVER_TCP, asked(up=True)]) == ["udp-blocked", "one-way-ipv6"]


def test_long_packets_that_vanish_are_a_black_hole() -> None:
    (found,) = findings(lengths(1280))
    assert (found.code, found.remedy) == ("path-mtu-black-hole", "clamp-mtu")
    assert dict(found.values) == {"passes": 1280, "dies": 1348, "direction": "up"}


def test_both_directions_are_one_finding_with_the_narrower() -> None:
    (found,) = findings([*lengths(1400), *lengths(1280, up=False)])
    assert dict(found.values) == {"passes": 1280, "dies": 1348, "direction": "both"}


def test_a_path_that_is_wide_enough_for_webrtc_is_a_notice() -> None:
    assert [finding.severity for finding in findings(lengths(1492))] == [Severity.NOTICE]


@pytest.mark.parametrize(
    "facts",
    [
        lengths(1500),
        lengths(1280, told=True),  # somebody said so: that is how it should be
        [each for each in lengths(1280) if isinstance(each, LongPackets) and each.length > 1280],  # nothing passed
        [LongPackets(1.0, X, True, 1280, 5, 5, False, 5), LongPackets(1.0, X, True, 1500, 4, 0, False, 5)],  # chance
        [LongPackets(1.0, X, True, 1280, 5, 5, False, 5), LongPackets(1.0, X, True, 1500, 9, 0, False, 0)],  # an outage
        [LongPackets(1.0, X, True, 1400, 5, 0, False, 5), LongPackets(1.0, X, True, 1500, 5, 1, False, 5)],  # loss
    ],
)
def test_what_may_be_something_else_is_no_black_hole(facts: list[Fact]) -> None:
    assert codes(facts) == []


@pytest.mark.parametrize(
    ("up", "down", "direction", "confidence"),
    [(True, False, "down", Confidence.PROVED), (False, None, "up", Confidence.LIKELY), (False, False, "up", "likely")],
)
def test_the_dead_direction_of_ipv6_is_named(up: bool, down: bool | None, direction: str, confidence: str) -> None:
    (found,) = findings([*nat(), Ipv6Tried(2.0, SIX, OWN6, 5, up, down)])
    assert (found.code, found.confidence, found.remedy) == ("one-way-ipv6", confidence, "prefer-ipv4")
    assert dict(found.values)["direction"] == direction


@pytest.mark.parametrize(
    "facts",
    [
        [Ipv6Tried(2.0, SIX, OWN6, 1, True, True)],
        [Ipv6Tried(2.0, SIX, OWN6, 5, None, False)],  # nobody could be asked what arrived
        [Ipv6Tried(2.0, SIX, OWN6, 2, True, False)],  # chance
        [Ipv6Tried(2.0, SIX, OWN6, 5, True, False), Ipv6Tried(3.0, SIX, OWN6, 1, True, True)],  # an outage
        [Ipv6Tried(2.0, SIX, OWN6, 5, True, None)],
        silence(SIX),
    ],
)
def test_an_unknown_direction_is_no_finding(facts: list[Fact]) -> None:
    assert codes([*nat(), *facts]) == []


def test_a_black_hole_is_not_taken_for_one_way_ipv6() -> None:
    small: list[Fact] = [Ipv6Tried(2.0, SIX, OWN6, 1, True, True)]
    long: list[Fact] = [
        LongPackets(5.0, SIX, True, length, 5, 5 * (length <= 1280), False, 6) for length in (1200, 1280, 1400, 1500)
    ]
    assert codes([*small, *long]) == ["path-mtu-black-hole"]
