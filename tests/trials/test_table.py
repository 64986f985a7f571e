from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from landfast.trials.plan import plan
from landfast.trials.result import Attempt
from landfast.trials.statistics import judge, summarise
from landfast.trials.table import ASCII, UNICODE, Live, cell, left, show, symbols
from tests.trials.stories import story

LONG_ARMS = ("no-foreign-address", "default-route-only")


def shown(attempts: list[Attempt], arms: tuple[str, ...], groups: int, tries: int, encoding: str = "utf-8") -> str:
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=written, width=80, legacy_windows=False)
    summaries = summarise(attempts)
    show(console, plan(arms, groups, tries), attempts, summaries, judge(summaries))
    written.seek(0)
    return written.read()


def test_the_table_has_the_documents_shape() -> None:
    lines = shown(story(), ("off", "on"), 4, 5).splitlines()
    rows = [line.split() for line in lines if line.strip()[:1] in set("1234")]
    assert [row[:2] for row in rows] == [["1", "off"], ["2", "on"], ["3", "off"], ["4", "on"]]
    assert [sum(word == UNICODE.flag for word in row) for row in rows] == [5, 0, 5, 0]
    assert [sum(word == UNICODE.yes for word in row) for row in rows] == [0, 5, 0, 5]
    assert "p = 1.1e-05" in "\n".join(lines)


@given(st.sampled_from([("off", "on"), LONG_ARMS, ("off",)]), st.integers(1, 6), st.integers(1, 12), st.integers(0, 80))
def test_it_fits_80_columns_and_needs_no_colour(arms: tuple[str, ...], groups: int, tries: int, done: int) -> None:
    groups = max(groups, len(arms))
    attempts = story(arms, groups, tries)[:done]
    text = shown(attempts, arms, groups, tries)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_terminal_without_unicode_gets_letters() -> None:
    text = shown(story(), ("off", "on"), 4, 5, "ascii")
    assert text.isascii()
    assert f"{ASCII.flag} {ASCII.no}" in text
    assert symbols(None) is ASCII


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "  ✓ 0.40s"),
        ({"held": False}, "  ✓ fell"),
        ({"connected": False, "time_to_connect_s": None}, "  ✗"),
    ],
)
def test_a_cell_tells_connection_and_its_end(changes: dict[str, object], expected: str) -> None:
    good = story()[5]
    assert cell(replace(good, **changes), UNICODE) == expected  # type: ignore[arg-type]


def test_a_flag_and_a_tick_can_stand_together() -> None:
    bad, good = story()[0], story()[5]
    assert cell(replace(good, address_changes=bad.address_changes), UNICODE) == "⚑ ✓ 0.40s"
    assert cell(None, UNICODE) == "·"


def test_the_time_that_is_left_knows_that_arms_differ() -> None:
    slots, attempts = plan(["off", "on"]), story()
    assert left(slots, []) == ""
    assert left(slots, attempts[:1]) == "about 4:26 left"  # 19 x 14 s
    assert left(slots, attempts[:6]) == "about 2:13 left"  # 5 x 14 s and 9 x 7 s
    assert left(slots, attempts) == "about 0:00 left"


def test_what_happens_is_told_in_lines_where_there_is_no_terminal() -> None:
    written = io.StringIO()
    attempts = story()
    with Live(Console(file=written, width=80), plan(["off", "on"]), []) as live:
        live.now("building mifi")
        live.finished(attempts[0])
    assert written.getvalue().splitlines() == ["building mifi", "attempt 1/20 off: ⚑ ✗"]


def test_on_a_terminal_the_table_is_taken_away_at_the_end() -> None:
    written = io.StringIO()
    console = Console(file=written, width=80, force_terminal=True, color_system=None)
    with Live(console, plan(["off", "on"]), []) as live:
        live.now("building mifi")
        live.finished(story()[0])
    assert "1/20" in written.getvalue()
    assert written.getvalue().rstrip().endswith("\x1b[2K"), "its last lines are erased"
