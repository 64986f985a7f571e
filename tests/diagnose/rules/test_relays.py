from __future__ import annotations

import pytest

from landfast.diagnose.findings import findings
from landfast.diagnose.rules.relays import transport
from landfast.model.facts import Fact, IceServerMistake, IceServersRead, RelayTried, ServerClock, Step
from landfast.model.findings import Confidence, Severity
from tests.diagnose.stories import TURN_TCP, TURN_UDP, TURNS, nat, relay, symmetric

FILE = "ice.json"


def codes(facts: list[Fact]) -> list[str]:
    return [finding.code for finding in findings(facts)]


@pytest.mark.parametrize(
    ("url", "way"),
    [
        (TURN_UDP, "udp"),
        (TURN_TCP, "tcp"),
        (TURNS, "tls"),
        ("turn:relay.example", "udp"),
        ("TURNS:relay.example", "tls"),
        ("stun:relay.example", ""),
        ("", ""),
    ],
)
def test_the_way_to_a_relay_is_read_from_its_url(url: str, way: str) -> None:
    assert transport(url) == way


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (401, "turn-credentials"),
        (441, "turn-credentials"),
        (486, "turn-quota"),
        (508, "turn-quota"),
        (403, "turn-unreachable"),
        (437, "turn-unreachable"),
    ],
)
def test_refusals_are_told_apart(code: int, found: str) -> None:
    assert codes(relay(TURN_UDP, Step.ALLOCATE, code)) == [found]


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.ALLOCATE])
def test_each_step_may_be_where_it_fails(step: Step) -> None:
    (found,) = findings(relay(TURNS, step, problem="expired"))
    assert (found.code, found.subject) == ("turn-unreachable", TURNS)
    assert dict(found.values)["step"] == step


def test_a_relay_that_works_after_all_is_none() -> None:
    assert codes([*relay(TURN_UDP, Step.CONNECT), *relay(TURN_UDP)]) == []


def test_another_way_to_a_relay_is_the_remedy_for_one_over_udp() -> None:
    facts = [*nat(), *relay(TURN_UDP, Step.CONNECT), *relay(TURN_TCP, Step.CONNECT), *relay(TURNS)]
    found, other = findings(facts)
    assert (found.subject, found.remedy, dict(found.values)["instead"]) == (TURN_UDP, "relay-tcp", TURNS)
    assert isinstance(found.because[1], RelayTried)
    assert found.because[1].url == TURNS
    assert (other.subject, other.remedy, other.severity) == (TURN_TCP, None, Severity.NOTICE)


def test_without_another_way_there_is_no_remedy() -> None:
    (found,) = findings(relay(TURN_UDP, Step.CONNECT))
    assert (found.remedy, found.severity) == (None, Severity.HARMFUL)


def test_a_way_that_is_not_needed_is_a_notice() -> None:
    (found,) = findings([*relay(TURN_UDP), *relay(TURNS, Step.TLS, problem="expired")])
    assert (found.severity, dict(found.values)["problem"]) == (Severity.NOTICE, "expired")


def test_a_wrong_clock_explains_what_depends_on_time() -> None:
    behind = [ServerClock(1.0, url, 7200.0) for url in ("https://a", "https://b")]
    refused = relay(TURN_UDP, Step.ALLOCATE, 401)
    (found,) = findings([*behind, *refused])
    assert (found.code, found.severity, found.confidence) == ("clock-skew", Severity.HARMFUL, Confidence.PROVED)
    assert dict(found.values) == {"seconds": 7200.0, "direction": "behind"}
    assert codes([*behind, *relay(TURNS, Step.TLS, problem="not-yet-valid")]) == ["clock-skew"]
    assert codes([*behind, *relay(TURNS, Step.TLS, problem="expired")]) == ["turn-unreachable", "clock-skew"]
    assert codes([*behind, *relay(TURNS, Step.TLS, problem="wrong-name")]) == ["turn-unreachable", "clock-skew"]


@pytest.mark.parametrize(
    "clocks",
    [
        [ServerClock(1.0, "https://a", 2.0)],
        [ServerClock(1.0, "https://a", -299.0)],
        [ServerClock(1.0, "https://a", 7200.0), ServerClock(1.0, "https://b", 1.0)],  # a is the wrong one
    ],
)
def test_a_clock_that_is_right_is_no_finding(clocks: list[Fact]) -> None:
    assert codes([*clocks, *relay(TURN_UDP, Step.ALLOCATE, 401)]) == ["turn-credentials"]


def test_a_clock_alone_is_a_notice() -> None:
    (found,) = findings([ServerClock(1.0, "https://a", -7200.0)])
    assert (found.severity, found.confidence) == (Severity.NOTICE, Confidence.LIKELY)


def test_a_credential_known_to_be_expired_explains_its_refusal() -> None:
    mistake = IceServerMistake(0.0, FILE, 1, TURN_UDP, "expired-credential", "since 2 hours")
    (found,) = findings([mistake, *relay(TURN_UDP, Step.ALLOCATE, 401)])
    assert (found.code, found.remedy) == ("ice-servers-mistake", "credentials")
    assert codes([mistake, *relay(TURN_TCP, Step.ALLOCATE, 401)]) == ["ice-servers-mistake", "turn-credentials"]


@pytest.mark.parametrize(
    ("mistake", "severity"),
    [("bad-url", Severity.HARMFUL), ("not-an-object", Severity.HARMFUL), ("unknown-key", Severity.NOTICE)],
)
def test_a_mistake_is_told_with_its_place(mistake: str, severity: Severity) -> None:
    (found,) = findings([IceServerMistake(0.0, FILE, 2, "", mistake, "x")])
    assert (found.severity, found.subject) == (severity, "ice.json[2]")


def test_a_configuration_without_a_relay_matters_where_one_is_needed() -> None:
    read = IceServersRead(0.0, FILE, ("stun:stun.example",))
    assert [finding.severity for finding in findings([read, *nat()])] == [Severity.NOTICE]
    found = {finding.code: finding for finding in findings([read, *nat(symmetric)])}
    assert found["stun-only-configuration"].severity is Severity.HARMFUL


def test_a_relay_without_tls_is_a_notice() -> None:
    (found,) = findings([IceServersRead(0.0, FILE, (TURN_UDP, TURN_TCP))])
    assert (found.code, found.severity, dict(found.values)["mistake"]) == (
        "ice-servers-mistake",
        Severity.NOTICE,
        "no-tls",
    )
    assert codes([IceServersRead(0.0, FILE, (TURN_UDP, TURNS))]) == []
