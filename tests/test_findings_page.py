"""The reference of findings is what the rules and their words say: `PYTHONPATH=src make/findings.py` writes it."""

from __future__ import annotations

from make.findings import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page()


def test_the_page_has_no_line_that_an_editor_must_wrap() -> None:
    assert all(len(line) <= 120 or line.startswith("|") for line in page().splitlines())
