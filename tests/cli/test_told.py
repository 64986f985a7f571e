from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.cli import told
from landfast.kernel.metered import Meter
from landfast.model.facts import Confined, ForeignSourceTried, MappedAddress, NoReply, RoundTrips
from tests.examinations import CONTAINER, HOSTILE, LEFT, STAYED, UP, WAY, examination


def text(*facts: object, **more: object) -> str:
    return "\n".join(told.lines(examination(*facts, **more)))  # type: ignore[arg-type] # passed on


def test_a_finding_is_told_with_evidence_remedy_and_undo() -> None:
    said = text(UP, WAY, LEFT)
    assert said.startswith("1 finding\n")
    assert "[harmful, proved]  source-address-leak  wlan0" in said
    assert "because ForeignSourceTried: source 10.42.0.1, egress wlan0, sent 3, left 3" in said
    assert "helps: `landfast fix`" in said
    assert "undo: " in said


def test_nothing_found_is_no_more_than_that() -> None:
    assert text(UP, WAY, STAYED).startswith(
        "Nothing was found that breaks WebRTC here, by the questions that were asked."
    )


def test_what_is_not_known_is_told_with_the_option_and_the_cost_comes_last() -> None:
    *_, unknown, empty, last = text(UP, WAY).splitlines()
    assert unknown == "  - how long a binding lives: it takes longer than was asked for; to learn it: --full"
    assert (empty, last) == ("", "2.3 s; 61 packets (5.2 kB) sent and 59 (1.2 MB) received, in 0 UDP flows")


def test_an_interrupted_examination_says_so() -> None:
    assert text(UP, WAY, LEFT, finished=False).endswith("interrupted: this is what was known")


def test_without_a_network_it_says_so() -> None:
    assert text(UP).startswith("Could not measure: this host has no default route")


def test_a_container_is_told() -> None:
    assert "note: this is a container" in text(UP, WAY, CONTAINER)


def test_two_uplinks_stand_side_by_side() -> None:
    lines = text(UP, WAY, LEFT, uplinks=("wlan0", "wwan0")).splitlines()
    head = next(line for line in lines if line.startswith("finding "))
    row = next(line for line in lines if line.startswith("source-address-leak "))
    assert head.split() == ["finding", "wlan0", "wwan0"]
    assert row.split() == ["source-address-leak", "found", "-"]


def test_text_of_the_network_cannot_write_on_the_terminal() -> None:
    said = text(UP, WAY, *HOSTILE)
    assert "turn:<i>" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (
            MappedAddress(1.5, ("203.0.113.1", 3478), ("::1", 1), ("198.51.100.1", 2)),
            "MappedAddress: server 203.0.113.1:3478, local [::1]:1, mapped 198.51.100.1:2",
        ),
        (
            ForeignSourceTried(0.0, "10.0.0.1", "wlan0", 3, None),
            "ForeignSourceTried: source 10.0.0.1, egress wlan0, sent 3",
        ),
        (
            RoundTrips(0.0, ("a", 1), ("b", 2), 2, (0.0512345, 0.05)),
            "RoundTrips: server a:1, local b:2, sent 2, seconds 0.0512 0.05",
        ),
        (NoReply(2.0, ("a", 1), ("b", 2), 1.5), "NoReply: server a:1, local b:2"),
        (Confined(0.0, "\x1b[2J"), "Confined: by \\x1b[2J"),
        (UP, "InterfaceSeen: interface wlan0, up yes, addresses 192.168.1.10/24"),
    ],
)
def test_a_fact_is_told_in_words(fact: object, said: str) -> None:
    assert told.evidence(fact) == said  # type: ignore[arg-type] # each is one


@pytest.mark.parametrize(("count", "said"), [(999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB")])
def test_bytes_are_told_for_a_person(count: int, said: str) -> None:
    assert told.size(count) == said
    assert said in told.cost(Meter(1, count), 1.0)


@given(st.text(st.sampled_from("ab  -\u2192"), max_size=300), st.integers(20, 100))
def test_a_line_is_wrapped_without_losing_a_word(line: str, width: int) -> None:
    made = told.wrapped(line, width)
    assert made.split() == line.split()
    assert all(len(each) <= width or " " not in each.strip() for each in made.splitlines())
