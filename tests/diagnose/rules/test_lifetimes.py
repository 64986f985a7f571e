from __future__ import annotations

import pytest

from landfast.diagnose.findings import findings
from landfast.model.facts import BindingTried, Fact, PublicAddressChanged
from landfast.model.findings import Confidence, Severity
from tests.diagnose.stories import OTHER, PUBLIC, X, age, lifetime


def codes(facts: list[Fact]) -> list[str]:
    return [finding.code for finding in findings(facts)]


@pytest.mark.parametrize(
    ("seconds", "severity"), [(20.0, Severity.NOTICE), (25.0, Severity.NOTICE), (12.0, Severity.HARMFUL)]
)
def test_a_short_life_is_measured(seconds: float, severity: Severity) -> None:
    (found,) = findings(lifetime(seconds))
    assert (found.code, found.severity, found.remedy) == ("binding-lifetime-short", severity, "keepalive")
    said = dict(found.values)
    assert float(said["alive"]) < seconds <= float(said["dead"]) + 0.01
    assert float(said["seconds"]) == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("seconds", [30.0, 60.0, 120.0, 600.0])
def test_a_usual_life_is_no_finding(seconds: float) -> None:
    assert codes(lifetime(seconds)) == []


def test_what_a_running_connection_has_is_a_stream() -> None:
    """20 s for what had no answer do not matter where a stream lives for 60 s."""
    assert codes([*lifetime(20.0, "unreplied"), *lifetime(20.0, "replied"), *lifetime(60.0)]) == []


def test_the_replied_one_counts_where_no_stream_was_measured() -> None:
    (found,) = findings([*lifetime(20.0, "unreplied"), *lifetime(20.0, "replied")])
    assert found.confidence is Confidence.LIKELY


def test_the_unreplied_one_says_nothing_of_a_connection() -> None:
    assert codes(lifetime(20.0, "unreplied")) == []


@pytest.mark.parametrize("lost", [0, 1])
def test_nothing_by_one_or_two_silences(lost: int) -> None:
    """Lost answers at the end: the last bindings that were tried are silent by chance."""
    alive = [fact for fact in lifetime(120.0) if isinstance(fact, BindingTried) and fact.arrived and fact.silent < 20]
    silent = [BindingTried(40.0, X, "stream", 21.0 + each, 24.0, False, True) for each in range(lost + 1)]
    assert codes([*alive, *silent]) == []


def test_a_silence_before_one_that_lived_is_loss() -> None:
    lost = [BindingTried(20.0, X, "stream", 8.0 + each, 20.0, False, True) for each in range(5)]
    assert codes([*lost, *lifetime(60.0)]) == []


def test_a_dead_path_is_no_dead_binding() -> None:
    down = [
        BindingTried(fact.at, X, "stream", fact.silent, fact.age, fact.arrived, fact.arrived)
        for fact in lifetime(20.0)
        if isinstance(fact, BindingTried)
    ]
    assert codes([*down]) == []


def test_a_changed_public_address_is_no_dead_binding() -> None:
    changed = PublicAddressChanged(31.0, PUBLIC, OTHER)
    assert codes([*lifetime(20.0), changed]) == ["public-address-unstable"]


def test_nothing_that_arrived_at_all_says_nothing() -> None:
    assert codes([fact for fact in lifetime(20.0) if isinstance(fact, BindingTried) and not fact.arrived]) == []


def test_who_dies_of_age_is_found_although_kept_alive() -> None:
    (found,) = findings(age(60.0))
    assert (found.code, found.remedy) == ("binding-lifetime-absolute", "relay-tcp")
    assert dict(found.values)["alive"] == 55.0
    assert dict(found.values)["dead"] == 60.0


def test_an_age_explains_a_short_life_that_is_no_shorter() -> None:
    assert codes([*age(25.0), *lifetime(25.0)]) == ["binding-lifetime-absolute"]
    assert codes([*age(60.0), *lifetime(20.0)]) == ["binding-lifetime-absolute", "binding-lifetime-short"]


def test_bindings_that_were_left_alone_too_long_did_not_die_of_age() -> None:
    """Kept alive, but rarely: the silence since the last time explains it."""
    rarely: list[Fact] = [
        BindingTried(fact.at, X, "stream", 15.0, fact.age, fact.arrived, True, "outbound")
        for fact in age(60.0)
        if isinstance(fact, BindingTried) and not fact.arrived
    ]
    young: list[Fact] = [BindingTried(10.0 + old, X, "stream", 1.0, old, True, True, "outbound") for old in (5.0, 10.0)]
    assert codes([*young, *rarely]) == []


@pytest.mark.parametrize(("arrived", "refresh"), [(True, "both"), (False, "outbound")])
def test_whether_inbound_packets_keep_it_alive_is_told(arrived: bool, refresh: str) -> None:
    fed = [BindingTried(60.0 + each, X, "stream", 5.0, 40.0 + each, arrived, True, "inbound") for each in range(3)]
    (found,) = findings([*lifetime(20.0), *fed])
    assert dict(found.values)["refresh"] == refresh
