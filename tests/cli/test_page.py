from __future__ import annotations

import re

from landfast.cli import page
from tests.examinations import HOSTILE, LEFT, STAYED, UP, WAY, examination


def test_the_page_says_what_was_found_with_evidence_and_asks_the_network_for_nothing() -> None:
    text = page.render(examination(UP, WAY, LEFT))
    for said in ("1 finding", "source-address-leak", "What helps.", "ForeignSourceTried", "--full", "2.3 s"):
        assert said in text
    assert not re.findall(r"<script|<link|<img|src=|@import|url\(", text)


def test_text_of_the_network_stays_text() -> None:
    text = page.render(examination(UP, WAY, *HOSTILE))
    assert "&lt;i&gt;" in text
    assert "<i>" not in text
    assert "<script" not in text
    assert "\x1b" not in text


def test_a_healthy_network_and_two_uplinks_have_their_page() -> None:
    assert "Nothing was found" in page.render(examination(UP, WAY, STAYED))
    text = page.render(examination(UP, WAY, LEFT, uplinks=("wlan0", "wwan0")))
    assert "<th>wlan0</th><th>wwan0</th>" in text


def test_what_stands_in_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert page.with_code("run `a <b>` & c") == "run <code>a &lt;b&gt;</code> &amp; c"
