from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.diagnose.explain import LONGEST, UNKNOWN, clean, explain
from landfast.diagnose.findings import findings
from landfast.diagnose.words import WORDS
from landfast.model.findings import Confidence, Finding, Severity
from tests.diagnose.stories import STORIES, leaking

TOLD = {name: finding for name, story in STORIES.items() for finding in findings(story.facts)}
VALUES = st.lists(st.tuples(st.text(), st.integers() | st.floats() | st.text()), max_size=4).map(tuple)


@pytest.mark.parametrize("name", [name for name, story in STORIES.items() if story.codes])
def test_a_found_finding_has_a_value_for_every_place_in_its_sentences(name: str) -> None:
    for finding in findings(STORIES[name].facts):
        said = explain(finding)
        text = f"{said.what} {said.helps}"
        assert UNKNOWN not in text
        assert "{" not in text
        assert "}" not in text


@pytest.mark.parametrize("name", [name for name, story in STORIES.items() if story.codes])
def test_the_severity_is_one_that_the_words_name(name: str) -> None:
    for finding in findings(STORIES[name].facts):
        assert finding.severity in WORDS[finding.code].severity


def test_the_words_say_what_was_seen_and_what_only_may_be() -> None:
    (proved,) = findings(leaking())
    (likely,) = findings(leaking(left=None))
    (possible,) = findings(leaking(left=None, rules_known=False))
    assert explain(proved).what.startswith("3 UDP packets left wlan0 with a source")
    assert "would leave by wlan0" in explain(likely).what
    assert "the rules cannot be read" in explain(possible).what


def test_a_change_after_a_leak_is_told_with_it() -> None:
    (found,) = [each for each in findings(STORIES["mifi"].facts) if each.code == "source-address-leak"]
    assert explain(found).what.endswith("the public address changed (3 times while we looked).")


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(Confidence), VALUES)
def test_no_values_are_too_strange(code: str, confidence: Confidence, values: tuple[tuple[str, str], ...]) -> None:
    assert explain(Finding(code, Severity.NOTICE, confidence, (), values=values)).what


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "\u202eexe", "\x9b31m", "{0.__class__}", "\ud800"])
def test_what_a_server_says_is_never_trusted(hostile: str) -> None:
    values = (("url", hostile), ("step", hostile), ("problem", hostile), ("instead", hostile))
    said = explain(Finding("turn-unreachable", Severity.HARMFUL, Confidence.PROVED, (), values=values))
    assert said.what.isprintable()
    assert said.what.isascii()


@given(st.text())
def test_a_cleaned_text_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(text) == text or len(text) > LONGEST or not text.isprintable()
