from __future__ import annotations

import pytest

from landfast.diagnose.findings import findings
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    HopSeen,
    InterfaceSeen,
    MappedAddress,
    MappingsAsked,
    Nat64Seen,
    PortMappingAsked,
    RelayTried,
    Step,
)
from landfast.model.findings import Confidence, Severity
from tests.diagnose.stories import OWN, TURN_TCP, TURN_UDP, X, host, nat, scattered, symmetric


def codes(facts: list[Fact]) -> list[str]:
    return [finding.code for finding in findings(facts)]


def test_a_symmetric_mapping_is_shown_by_a_sandwich() -> None:
    (found,) = findings(nat(symmetric))
    first, middle, last = found.because
    assert isinstance(first, MappedAddress)
    assert isinstance(middle, MappedAddress)
    assert isinstance(last, MappedAddress)
    assert (first.server, first.mapped) == (last.server, last.mapped)
    assert first.mapped != middle.mapped
    assert dict(found.values)["mapping"] == "address-and-port-dependent"


def test_an_unpaired_pool_is_two_addresses_at_once() -> None:
    found = {finding.code: finding for finding in findings(nat(scattered))}
    first, other, last = found["pool-unpaired"].because
    assert isinstance(first, MappedAddress)
    assert isinstance(other, MappedAddress)
    assert isinstance(last, MappedAddress)
    assert first.at <= other.at <= last.at
    assert first.mapped[0] == last.mapped[0] != other.mapped[0]


def test_addresses_one_after_another_are_no_pool() -> None:
    """A carrier that ends sessions gives one address after another, and may come back to the first."""
    changing = [MappedAddress(10.0 * n, X, (OWN, 40000 + n), (f"203.0.113.{10 + n % 2}", 1)) for n in range(6)]
    assert "pool-unpaired" not in codes([*changing])


PMP = PortMappingAsked(1.0, "192.168.1.1", "nat-pmp", True, "100.64.0.2")


@pytest.mark.parametrize(
    ("facts", "confidence"),
    [
        ([HopSeen(1.0, 2, "100.64.0.1")], Confidence.PROVED),
        ([HopSeen(1.0, 1, "100.127.255.254")], Confidence.PROVED),
        ([PMP], Confidence.PROVED),
        ([PortMappingAsked(1.0, "192.168.1.1", "nat-pmp", True, "10.9.8.7")], Confidence.PROVED),
        ([HopSeen(1.0, 1, "192.168.1.1"), HopSeen(1.0, 2, "10.0.0.1")], Confidence.LIKELY),
        ([InterfaceSeen(0.0, "wwan0", True, ("100.70.1.2/30",)), DefaultRouteSeen(0.0, "wwan0", 4, 1, None)], "proved"),
    ],
)
def test_a_second_nat_is_a_notice(facts: list[Fact], confidence: str) -> None:
    (found,) = findings(facts)
    assert (found.code, found.severity, found.confidence) == ("cgnat", Severity.NOTICE, confidence)


@pytest.mark.parametrize(
    "facts",
    [
        [HopSeen(1.0, 1, "192.168.1.1"), HopSeen(1.0, 2, "203.0.113.1")],
        [HopSeen(1.0, 1, "192.168.1.1"), HopSeen(1.0, 2, "192.168.1.1")],
        [HopSeen(1.0, 1, "192.168.1.1"), HopSeen(1.0, 2, None)],
        [HopSeen(1.0, 1, "100.128.0.1")],
        [PortMappingAsked(1.0, "192.168.1.1", "nat-pmp", True, "203.0.113.9")],
        [PortMappingAsked(1.0, "192.168.1.1", "upnp", False, None)],
        # Tailscale numbers its own interface so, which is no way out.
        [InterfaceSeen(0.0, "tailscale0", True, ("100.100.1.1/32",)), DefaultRouteSeen(0.0, "wlan0", 4, 1, None)],
        # The very address arrives: routers call themselves as they please.
        [HopSeen(1.0, 2, "100.64.0.1"), *nat(lambda local, _: local)],
    ],
)
def test_one_nat_or_none_is_no_second(facts: list[Fact]) -> None:
    assert codes(facts) == []


def test_used_up_is_not_blocked() -> None:
    (found,) = findings([*nat(), MappingsAsked(3.0, X, 128, 64, True)])
    assert (found.code, found.severity, dict(found.values)["mapped"]) == ("port-budget-exhausted", "harmful", 64)


@pytest.mark.parametrize(("mapped", "severity"), [(200, "notice"), (64, "harmful"), (3, "fatal")])
def test_the_fewer_mappings_the_worse(mapped: int, severity: str) -> None:
    assert [finding.severity for finding in findings([MappingsAsked(3.0, X, 256, mapped, True)])] == [severity]


@pytest.mark.parametrize(
    "asked",
    [
        MappingsAsked(3.0, X, 128, 128, True),
        MappingsAsked(3.0, X, 128, 126, True),  # chance
        MappingsAsked(3.0, X, 128, 64, None),  # nobody asked whether old ones still work
        MappingsAsked(3.0, X, 128, 64, False),  # they did not: the network went down
        MappingsAsked(3.0, X, 1, 0, None),  # nothing answered at all
    ],
)
def test_silence_that_may_be_something_else_is_no_budget(asked: MappingsAsked) -> None:
    assert codes([asked]) == []


def test_a_used_up_budget_explains_a_relay_that_cannot_be_reached_over_udp_only() -> None:
    lost: list[Fact] = [RelayTried(9.0, url, Step.CONNECT, False, 3.0) for url in (TURN_UDP, TURN_TCP)]
    found = findings([MappingsAsked(3.0, X, 128, 64, True), *lost])
    assert [(finding.code, finding.subject) for finding in found] == [
        ("port-budget-exhausted", ""),
        ("turn-unreachable", TURN_TCP),
    ]


@pytest.mark.parametrize(("families", "severity"), [((4, 6), Severity.NOTICE), ((6,), Severity.HARMFUL)])
def test_nat64_matters_where_there_is_no_ipv4(families: tuple[int, ...], severity: Severity) -> None:
    (found,) = findings([*host(families=families), Nat64Seen(1.0, "64:ff9b::/96")])
    assert (found.code, found.severity) == ("nat64", severity)
