"""The reference of sessions has the code's numbers and names: `PYTHONPATH=src make/session.py` writes them."""

from __future__ import annotations

from dataclasses import fields

import pytest

from landfast.session.aiortc import versions
from landfast.session.ice.settings import Settings
from make.session import PAGE, TABLES, page


def test_its_tables_are_up_to_date() -> None:
    assert PAGE.read_text() == page(PAGE.read_text())


def test_every_setting_is_told_with_its_default_and_its_source() -> None:
    told = {row[0].strip("`"): row[2] for row in TABLES["Settings"][1]()}
    assert set(told) == {field.name for field in fields(Settings)}
    assert all(told.values())


@pytest.mark.parametrize("heading", TABLES)
def test_a_row_that_is_wrong_is_written_anew(heading: str) -> None:
    text = PAGE.read_text()
    before, title, after = text.partition(f"\n## {heading}\n")
    assert page(before + title + after.replace("|---|", "|---|\n| wrong |", 1)) == text


def test_it_names_the_releases_of_aiortc_that_are_known() -> None:
    assert f"aiortc {', '.join(versions.SUPPORTED)} with any of its fixes" in PAGE.read_text()


def test_the_page_has_no_line_that_an_editor_must_wrap() -> None:
    assert all(len(line) <= 120 or line.startswith("|") for line in PAGE.read_text().splitlines())
