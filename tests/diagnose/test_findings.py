from __future__ import annotations

import random
from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landfast.diagnose.findings import findings
from landfast.diagnose.rules import RULES
from landfast.diagnose.words import WORDS
from landfast.model.facts import Confined, Fact, MappedAddress, WatchBegan
from landfast.model.findings import Confidence, Finding, Severity
from tests.diagnose.stories import STORIES, leaking

FACTS = st.lists(st.one_of([st.from_type(kind) for kind in get_args(Fact)]), max_size=12)
STORY = st.sampled_from([story.facts for story in STORIES.values()])


@pytest.mark.parametrize("name", STORIES)
def test_a_story_gives_its_findings_and_no_other(name: str) -> None:
    assert sorted(finding.code for finding in findings(STORIES[name].facts)) == sorted(STORIES[name].codes)


@given(FACTS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_set_of_facts_is_too_strange(facts: list[Fact]) -> None:
    for finding in findings(facts):
        assert finding.because
        assert set(map(repr, finding.because)) <= set(map(repr, facts))


@given(st.lists(STORY, min_size=1, max_size=2), st.randoms())
@settings(deadline=None)
def test_the_order_in_which_facts_are_told_does_not_matter(
    stories: list[tuple[Fact, ...]], order: random.Random
) -> None:
    facts = [fact for story in stories for fact in story]
    shuffled = order.sample(facts, len(facts))
    assert findings(shuffled) == findings(facts)


@given(STORY)
def test_facts_that_say_nothing_of_a_fault_change_nothing(facts: tuple[Fact, ...]) -> None:
    beside: list[Fact] = [Confined(0.0, "/.dockerenv"), WatchBegan(0.0, "wlan0", capturing=False)]
    assert findings([*beside, *facts]) == findings(facts)


HEALTHY = ["open", "home", "a covered leak", "a dead server"]


@given(st.data())
@settings(deadline=None)
def test_a_healthy_network_stays_healthy_whichever_facts_are_missing(data: st.DataObject) -> None:
    """But for a way out that nobody told of: that nothing is there is what no-network says."""
    facts = STORIES[data.draw(st.sampled_from(HEALTHY))].facts
    missing = data.draw(st.sets(st.integers(0, len(facts) - 1)))
    told = [fact for number, fact in enumerate(facts) if number not in missing]
    assert {finding.code for finding in findings(told)} <= {"no-network"}


_CERTAIN = [Confidence.POSSIBLE, Confidence.LIKELY, Confidence.PROVED]


@given(st.sets(st.sampled_from(leaking())))
def test_a_leak_is_not_more_certain_for_what_was_not_seen(kept: set[Fact]) -> None:
    def certainty(facts: Iterable[Fact]) -> int:
        return max((_CERTAIN.index(found.confidence) for found in findings(facts)), default=-1)

    assert certainty(kept) <= certainty(leaking())


def test_the_worst_comes_first_and_of_equally_bad_ones_the_cause() -> None:
    found = findings([*STORIES["mifi"].facts, *STORIES["cgnat-budget"].facts, *STORIES["an expired certificate"].facts])
    severities = list(Severity)
    order = [rule.code for rule in RULES]
    keys = [(severities.index(finding.severity), order.index(finding.code)) for finding in found]
    assert len(found) > 3
    assert keys == sorted(keys)


def test_every_rule_has_its_code_once_and_words() -> None:
    codes = [rule.code for rule in RULES]
    assert sorted(set(codes)) == sorted(codes) == sorted(WORDS)


def test_what_is_explained_is_a_code_that_comes_later() -> None:
    order = [rule.code for rule in RULES]
    for number, rule in enumerate(RULES):
        for consequence in rule.explains:
            assert order.index(consequence.code) > number, (rule.code, consequence.code)


def test_a_finding_that_is_only_possible_silences_nothing() -> None:
    story = STORIES["a carrier with other reasons"].facts
    found = findings([*story, *leaking(left=None, rules_known=False)])
    assert [finding.code for finding in found] == ["public-address-changes-on-webrtc", "source-address-leak"]
    assert found[1].confidence is Confidence.POSSIBLE


def test_a_finding_of_two_uplinks_is_one_for_each() -> None:
    def other(fact: Fact) -> Fact:
        return (
            MappedAddress(fact.at, fact.server, ("10.0.0.7", fact.local[1]), fact.mapped)
            if isinstance(fact, MappedAddress)
            else fact
        )

    facts = STORIES["symmetric"].facts
    found: list[Finding] = list(findings([*facts, *map(other, facts)]))
    assert [(finding.code, finding.subject) for finding in found] == [
        ("mapping-symmetric", "10.0.0.7"),
        ("mapping-symmetric", "192.168.1.10"),
    ]
