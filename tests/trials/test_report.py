from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from landfast.trials import report
from landfast.trials.result import AddressChange, Trial
from tests.trials.stories import story, trial


class Page(HTMLParser):
    """Tags that were opened and not closed, addresses that a browser would fetch, and the text."""

    VOID = frozenset({"meta", "br", "link", "img", "hr", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.flags = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.opened.append(tag)
        self.fetched += [v for k, v in attrs if k in {"src", "href", "xlink:href"} and v and not v.startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.opened[-1:] not in (["style"], ["script"]):
            self.text += data


def page(of: Trial) -> Page:
    return Page(report.render(of))


def test_the_page_is_well_formed_and_asks_the_network_for_nothing() -> None:
    html = report.render(trial(story()))
    found = Page(html)
    assert found.opened == []
    assert found.fetched == []
    assert "<script" not in html
    assert not re.search(r"url\((?!#)|@import", html)


def test_the_verdict_stands_first_and_the_documents_table_follows() -> None:
    text = page(trial(story())).text
    cured = text.index("Cured.")
    assert "changed in 10 of 10 attempts without the remedy and in none of 10 with it" in text
    assert cured < text.index("Attempts") < text.index("The mechanism") < text.index("How it was measured")
    assert "1.1 × 10⁻⁵" in text


def test_a_trial_that_proves_nothing_does_not_say_cured_in_its_heading() -> None:
    text = page(trial(story(good="neither"))).text
    assert "Not proved." in text[: text.index("Attempts")]
    assert "Cured." not in text[: text.index("Attempts")]


def test_arms_beside_off_and_on_are_only_measured() -> None:
    arms = ("limit-0", "strong-host")
    text = page(trial(story(arms, good="limit-0"), arms)).text
    assert "Measured." in text
    assert "limit-0" in text


def test_a_trial_that_was_interrupted_says_so() -> None:
    assert "7 of 20 attempts were made" in page(trial(story()[:7])).text


def test_a_trial_without_one_attempt_can_be_shown() -> None:
    assert "0 of 20 attempts were made" in page(trial([])).text


def test_unknown_is_said_and_not_0() -> None:
    attempts = [replace(a, foreign_source_packets=None, gateway_resets=None, gateway_violations=None) for a in story()]
    text = page(trial(attempts, declaration=None)).text
    assert "is not known" in text
    assert "unknown" in text
    assert "There is no carrier’s own count" in text


def test_the_mechanism_compares_the_carriers_count_with_the_capture() -> None:
    said = " ".join(report.mechanism(story()))
    assert "30 packets left" in said
    assert "10.42.0.1 and 172.17.0.1" in said
    assert "counted the same number and reset the session 10 times" in said
    assert "3.9 s after the first connectivity check (median; from +3.9 to +3.9 s)" in said
    differs = [replace(attempt, gateway_violations=1) for attempt in story()]
    assert "counted 20 packets with a source that it had not given out (30 were captured" in " ".join(
        report.mechanism(differs)
    )


def test_a_change_in_gathering_lies_before_the_first_check() -> None:
    early = AddressChange(3.0, "203.0.113.10", "203.0.113.11", -2.0)
    attempts = [replace(attempt, address_changes=(early,) if attempt.address_changed else ()) for attempt in story()]
    assert "2.0 s before the first connectivity check" in " ".join(report.mechanism(attempts))


def test_what_comes_from_outside_is_escaped() -> None:
    attempts = story()
    attempts[0] = replace(attempts[0], notes=("<script>alert(1)</script>",), public_address="<b>")
    html = report.render(trial(attempts, network="<i>mifi</i>"))
    assert "<script>" not in html
    assert "<i>mifi" not in html


def test_the_numbers_of_the_method_are_those_of_the_code() -> None:
    said = " ".join(report.method(trial([]).plan))
    assert "each 200 ms" in said
    assert "echo\neach 100 ms" in said or "echo each 100 ms" in said
    assert "p < 0.05" in said
