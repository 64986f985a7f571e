from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.cli.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("one\r\ntwo\ttab", "one\\x0d\ntwo\ttab"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("safe\u202egpj.exe", "safe\\u202egpj.exe"),
        ("café – 東京 ✓", "café – 東京 ✓"),
    ],
)
def test_controls_are_shown_and_words_are_kept(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    left = {character for character in printable(text) if unicodedata.category(character) == "Cc"}
    assert left <= {"\n", "\t"}


@given(st.text(st.characters(exclude_categories=["C"])))
def test_text_without_controls_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
