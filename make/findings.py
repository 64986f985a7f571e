#!/usr/bin/env python3
"""Write docs/reference/findings.md from the rules and their words; a test compares it.

PYTHONPATH=src make/findings.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill, indent

from landfast.diagnose.rules import RULES
from landfast.diagnose.rules.rule import Rule
from landfast.diagnose.words import WORDS, Words

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "findings.md"

HEAD = """# Findings

What `landfast doctor` may find: each with what it says, why it matters, what helps, and where the knowledge comes from.
A finding is made by facts that show it; what is unknown, and silence that may be chance, is none. A healthy network has
none.

* **Severity.** *fatal*: no connection, or none that lasts, while it is there. *harmful*: connections are made and
  break, or depend on a relay. *notice*: worth knowing; nothing breaks by it alone.
* **Confidence.** *proved*: the thing itself was seen, the packet, the change, the refusal. *likely*: the facts fit
  nothing else that is known, but it was not seen itself. *possible*: no more than that; it needs a right or a server to
  know.
* **Explains.** Findings that only follow from another are not told beside it.

Words in *italics* below stand for what was measured. In `--json` they are the finding's `values`, and `because` has the
facts. This page is written by `make/findings.py`.
"""


def page() -> str:
    """The whole page."""
    table = ["| Code | What it is | Severity |", "|---|---|---|"]
    table += [f"| [`{rule.code}`](#{rule.code}) | {_of(rule).title} | {_of(rule).severity} |" for rule in RULES]
    parts = [HEAD, "\n".join(table) + "\n", *("\n".join(_section(rule)) for rule in RULES)]
    return "\n".join(parts)


def _of(rule: Rule) -> Words:
    return WORDS[rule.code]


def _section(rule: Rule) -> Iterator[str]:
    words = _of(rule)
    yield f"## {rule.code}\n"
    yield _paragraph(f"**{words.title}.** Severity: {words.severity}.")
    yield "It says:\n"
    yield _item(words.what)
    yield from (_item(f"{_when(when)}: {text}") for when, text in words.instead.items())
    yield from (_item(f"and {_when(when)}: {text}") for when, text in words.also.items())
    yield ""
    yield _paragraph(f"**Why it matters.** {words.why}")
    yield _paragraph(f"**What helps.** {words.helps}" + (f" To undo it: {words.undo}." if words.undo else ""))
    if rule.explains:
        codes = (f"[`{one.code}`](#{one.code}){_sometimes(one.some)}" for one in rule.explains)
        yield _paragraph(f"**Explains** {', '.join(codes)}.")
    yield _paragraph(f"**Source.** {words.source}.")


def _sometimes(some: str) -> str:
    return f" ({some})" if some else ""


def _when(condition: str) -> str:
    name, equals, value = condition.partition("=")
    return f"where *{name}* is {value}" if equals else f"where there are *{name}*"


def _paragraph(text: str) -> str:
    return fill(_marked(text), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _item(text: str) -> str:
    wrapped = fill(_marked(text), 118, break_long_words=False, break_on_hyphens=False)
    return "* " + indent(wrapped, "  ").lstrip()


def _marked(text: str) -> str:
    """Places for values in italics."""
    return re.sub(r"\{(\w+)\}", r"*\1*", text)


if __name__ == "__main__":
    PAGE.write_text(page())
