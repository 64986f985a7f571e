from __future__ import annotations

from collections.abc import Sequence

import pytest

from landfast.model.facts import DefaultRouteSeen, Fact, ForeignSourcePossible, RelayRoundTrip, RelayTried, Step
from landfast.model.findings import Confidence, Finding, Severity
from landfast.model.policy import Policy
from landfast.remedies.masquerade import Options
from landfast.remedies.plan import Treatment, plan

NONE = Policy()
FACTS: Sequence[Fact] = (
    DefaultRouteSeen(0.0, "wwan0", 4, 700, None),
    DefaultRouteSeen(0.0, "wlan0", 4, 0, None),
    ForeignSourcePossible(0.0, "10.42.0.1", "eth1", "wlan0", None, True),
    RelayTried(1.0, "turn:a?transport=udp", Step.ALLOCATE, False, 2.0),
    RelayTried(1.0, "turn:b?transport=tcp", Step.ALLOCATE, True, 0.2),
    RelayTried(1.0, "turn:c?transport=tcp", Step.ALLOCATE, True, 0.2),
    RelayTried(1.0, "turns:d?transport=tcp", Step.ALLOCATE, True, 0.2),
    RelayRoundTrip(1.0, "turns:d?transport=tcp", 0.1, 0.05),
    RelayRoundTrip(1.0, "turn:c?transport=tcp", 0.05, 0.05),
)


def found(code: str, remedy: str | None, **values: float) -> Finding:
    return Finding(code, Severity.HARMFUL, Confidence.PROVED, (), remedy, values=tuple(values.items()))


LEAK = found("source-address-leak", "masquerade")


def test_foreign_sources_are_masqueraded_where_they_leave() -> None:
    assert plan([LEAK], FACTS, NONE) == Treatment(
        masquerade=Options(interfaces=("wlan0",)), by_rules=("source-address-leak",)
    )


def test_where_rules_cannot_be_changed_sessions_keep_to_the_way_out() -> None:
    made = plan([LEAK], FACTS, NONE, rules=False)
    assert made == Treatment(policy=Policy(interfaces=("wlan0", "wwan0")), by_policy=("source-address-leak",))


@pytest.mark.parametrize(
    ("finding", "policy"),
    [
        (found("binding-lifetime-short", "keepalive", seconds=20.0), Policy(keepalive=10.0)),
        (found("one-way-ipv6", "prefer-ipv4"), Policy(families=(4,))),
        (
            found("udp-blocked", "relay-tcp"),
            Policy(relays=("turn:c?transport=tcp", "turns:d?transport=tcp", "turn:b?transport=tcp")),
        ),
        (found("address", "interface-policy"), Policy(interfaces=("wlan0", "wwan0"))),
    ],
)
def test_a_session_is_told_what_it_can_do_better(finding: Finding, policy: Policy) -> None:
    assert plan([finding], FACTS, NONE) == Treatment(policy=policy, by_policy=(finding.code,))


@pytest.mark.parametrize(
    "finding",
    [
        found("cgnat", None),
        found("turn-credentials", "credentials"),
        found("path-mtu-black-hole", "clamp-mtu"),
        found("binding-lifetime-short", "keepalive"),
    ],
)
def test_what_cannot_be_done_here_is_told(finding: Finding) -> None:
    assert plan([finding], FACTS, NONE) == Treatment(not_here=(finding.code,))


def test_a_relay_that_never_worked_is_not_ordered() -> None:
    assert plan([found("mapping-symmetric", "relay")], (), NONE) == Treatment(not_here=("mapping-symmetric",))


def test_several_findings_make_one_policy_and_the_policy_in_force_stays() -> None:
    lifetime, six = found("binding-lifetime-short", "keepalive", seconds=60.0), found("one-way-ipv6", "prefer-ipv4")
    made = plan([LEAK, lifetime, six, found("cgnat", None)], FACTS, Policy(keepalive=12.0, relays=("turn:z",)))
    assert made.policy == Policy(families=(4,), keepalive=12.0, relays=("turn:z",))
    assert made.by_policy == ("binding-lifetime-short", "one-way-ipv6")
    assert made.masquerade is not None
    assert made.not_here == ("cgnat",)


def test_a_healthy_network_needs_nothing() -> None:
    assert plan([], FACTS, NONE) == Treatment()
