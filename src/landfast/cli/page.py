"""What doctor found, as one HTML file: it asks the network for nothing and needs no script.

What to say is decided in `diagnose/explain.py`; how it looks, in `page.html.jinja`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import landfast
from landfast import clock
from landfast.cli import told
from landfast.cli.printable import printable
from landfast.diagnose.explain import explain

if TYPE_CHECKING:
    from landfast.app.doctor import Examination

TEMPLATE = Path(__file__).with_name("page.html.jinja")
_CODE = re.compile(r"`([^`]+)`")


def render(made: Examination) -> str:
    """The page as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["with_code"] = with_code
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(content(made))


def with_code(text: str) -> str:
    """Plain text as HTML, with what stands in backticks as code."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def content(made: Examination) -> dict[str, Any]:
    """What the template shows; all of it is escaped there."""
    uplinks = [uplink for uplink in made.by_uplink if uplink]
    return {
        "head": told.head(made),
        "mark": "open" if made.could_not else "bad" if made.findings else "good",
        "notes": [printable(note) for note in made.notes],
        "uplinks": uplinks,
        "findings": [
            {
                "code": finding.code,
                "severity": str(finding.severity),
                "confidence": str(finding.confidence),
                "subject": printable(finding.subject),
                "words": explain(finding),
                "uplinks": made.of(finding),
                "evidence": [told.evidence(fact) for fact in finding.because],
            }
            for finding in made.findings
        ],
        "unknown": [printable(str(each)) for each in made.seen.open()],
        "cost": told.ending(made),
        "facts": [told.evidence(fact) for fact in made.seen.facts],
        "made": f"landfast {landfast.__version__} · {clock.wall():%Y-%m-%d %H:%M} UTC",
    }
