from __future__ import annotations

from landfast.diagnose.findings import findings
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    ForeignSourcePacket,
    ForeignSourcePossible,
    ForeignSourceTried,
    Gathered,
    PublicAddressChanged,
)
from landfast.model.findings import Confidence, Finding, Severity
from tests.diagnose.stories import PUBLIC, leaking, nat, openings


def the_leak(facts: list[Fact]) -> Finding:
    (found,) = findings(facts)
    assert found.code == "source-address-leak"
    return found


def test_packets_that_were_seen_leaving_prove_it() -> None:
    found = the_leak(leaking())
    assert (found.confidence, found.severity) == (Confidence.PROVED, Severity.HARMFUL)
    assert (found.remedy, found.subject) == ("masquerade", "wlan0")
    assert dict(found.values) == {"egress": "wlan0", "sources": "10.42.0.1", "packets": 3, "changes": 0}
    assert found.because == (ForeignSourceTried(0.5, "10.42.0.1", "wlan0", 3, 3),)


def test_a_route_alone_makes_it_likely() -> None:
    assert the_leak(leaking(left=None)).confidence is Confidence.LIKELY


def test_rules_that_cannot_be_read_leave_it_possible() -> None:
    found = the_leak(leaking(left=None, rules_known=False))
    assert (found.confidence, found.severity) == (Confidence.POSSIBLE, Severity.NOTICE)


def test_what_a_rule_covers_is_silent() -> None:
    assert findings(leaking(left=None, covered_by="nft: inet landfast")) == ()


def test_a_rule_that_does_not_hold_covers_nothing() -> None:
    assert the_leak(leaking(left=1, covered_by="nft: inet landfast")).confidence is Confidence.PROVED


def test_what_was_tried_and_stayed_does_not_leak() -> None:
    assert findings(leaking(left=0)) == ()


def test_each_way_out_is_a_finding_of_its_own() -> None:
    facts = [ForeignSourcePossible(0.0, "10.42.0.1", "eth1", egress, None, True) for egress in ("wlan0", "wwan0")]
    assert [finding.subject for finding in findings(facts)] == ["wlan0", "wwan0"]


def test_an_agent_that_gathers_proves_it_on_the_way_out() -> None:
    route = DefaultRouteSeen(0.0, "wlan0", 4, 100, "192.168.1.1")
    assert the_leak([route, Gathered(9.0, "aioice", 5.0, 3, 8)]).subject == "wlan0"
    assert findings([route, Gathered(9.0, "aioice", 5.0, 3, 0)]) == ()
    assert findings([route, Gathered(9.0, "aioice", 5.0, 3, None)]) == ()


def test_what_is_not_udp_is_not_webrtc() -> None:
    assert findings([ForeignSourcePacket(1.0, "wlan0", "172.17.0.2", "198.51.100.5", 6)]) == ()


def test_a_change_within_seconds_after_it_is_its_consequence_and_makes_it_fatal() -> None:
    found = the_leak([*leaking(), *openings(3, leak=True, change=True)])
    assert found.severity is Severity.FATAL
    assert dict(found.values)["changes"] == 3
    assert sum(isinstance(fact, PublicAddressChanged) for fact in found.because) == 3


def test_a_change_before_it_or_long_after_is_not() -> None:
    for at in (0.0, 60.0):
        change = PublicAddressChanged(at, PUBLIC, "203.0.113.11")
        codes = [finding.code for finding in findings([*leaking(), change])]
        assert codes == ["source-address-leak", "public-address-unstable"]


def test_a_change_that_no_foreign_packet_came_before_is_told_beside_it() -> None:
    """Somebody captured, and the first foreign packet came after the connections."""
    facts = [*openings(2, leak=False, change=True), ForeignSourceTried(300.0, "10.42.0.1", "wlan0", 3, 3)]
    assert {finding.code for finding in findings(facts)} == {
        "source-address-leak",
        "public-address-changes-on-webrtc",
    }


def test_where_nobody_captured_an_opening_stands_for_its_packets() -> None:
    """The leak was proved by trying, later, and what the openings sent was not looked at."""
    facts = [*openings(2, leak=False, change=True, capturing=False)]
    found = the_leak([*facts, ForeignSourceTried(300.0, "10.42.0.1", "wlan0", 3, 3)])
    assert (found.confidence, found.severity) == (Confidence.PROVED, Severity.FATAL)


def test_a_change_while_an_agent_gathers_is_its_consequence() -> None:
    facts = [Gathered(9.0, "aioice", 5.0, 3, 8), PublicAddressChanged(6.0, PUBLIC, "203.0.113.11"), *nat(start=30.0)]
    assert the_leak(facts).severity is Severity.FATAL
