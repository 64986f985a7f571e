from __future__ import annotations

import re

import pytest

from landfast.diagnose.words import WORDS


@pytest.mark.parametrize("code", WORDS)
def test_every_finding_has_all_its_words(code: str) -> None:
    words = WORDS[code]
    assert not words.title.endswith(".")
    for text in (words.what, words.why, words.helps, *words.instead.values()):
        assert text.endswith((".", "}")), text
    assert words.source
    assert words.severity


@pytest.mark.parametrize("code", WORDS)
def test_what_changes_the_host_says_how_to_undo_it(code: str) -> None:
    assert bool(WORDS[code].undo) is bool(re.search(r"`landfast fix`|`timedatectl|Lower", WORDS[code].helps))


@pytest.mark.parametrize("code", WORDS)
def test_no_sentence_uses_jargon_of_the_code(code: str) -> None:
    words = WORDS[code]
    for text in (words.title, words.what, words.why, words.helps):
        assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|  ", text)
