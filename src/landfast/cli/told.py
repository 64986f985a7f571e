"""What doctor found, for a person: in plain words, with evidence and remedy, what is not known, and the cost."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from itertools import chain
from typing import TYPE_CHECKING

from landfast.cli.printable import printable
from landfast.diagnose.explain import explain
from landfast.model.facts import Fact, written

if TYPE_CHECKING:
    from landfast.app.doctor import Examination
    from landfast.kernel.metered import Meter
    from landfast.model.findings import Finding

MOST_EVIDENCE = 6
"""Facts that are shown of each finding; `--json` has all of them."""

_MOMENTS = {"at", "sent", "began"}
"""What facts call a moment of the machine's clock, which means nothing to a reader."""


def evidence(fact: Fact) -> str:
    """One fact as words: its name, and whatever it says."""
    said = {field.name: getattr(fact, field.name) for field in fields(fact)}
    told = [
        f"{name} {_word(value)}"
        for name, value in said.items()
        if value not in (None, "") and not (name in _MOMENTS and isinstance(value, float))
    ]
    return printable(f"{type(fact).__name__}: {', '.join(told)}")


def _word(value: object) -> str:
    match value:
        case (str() as address, int() as port):
            return written((address, port))
        case tuple():
            return " ".join(_word(each) for each in value)
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3g}"
    return str(value)


def cost(meter: Meter, seconds: float) -> str:
    """What it took."""
    return (
        f"{seconds:.1f} s; {meter.packets_sent} packets ({size(meter.bytes_sent)}) sent and {meter.packets_received} "
        f"({size(meter.bytes_received)}) received, in {len(meter.flows)} UDP flows"
    )


def size(count: int) -> str:
    """Bytes, as a person reads them."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def say(made: Examination) -> None:
    """Print all of it; on a terminal in lines that fit."""
    for line in lines(made):
        print(wrapped(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line)


def wrapped(line: str, width: int) -> str:
    """A line in several that are no longer, those after the first further to the right."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(line, width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)


def lines(made: Examination) -> Iterator[str]:
    """All of it, a line at a time."""
    found = made.findings
    yield head(made)
    for note in made.notes:
        yield f"note: {printable(note)}"
    if len(made.by_uplink) > 1:
        yield ""
        yield from _side_by_side(made)
    for number, finding in enumerate(found, start=1):
        yield ""
        yield from _finding(number, finding, made)
    if still := made.seen.open():
        yield ""
        yield "Not known:"
        yield from (f"  - {printable(str(each))}" for each in still)
    yield ""
    yield ending(made)


def ending(made: Examination) -> str:
    """What it took; or that it was interrupted."""
    return "interrupted: this is what was known" if made.seconds is None else cost(made.meter, made.seconds)


def head(made: Examination) -> str:
    """The first sentence."""
    if made.could_not:
        return printable(f"Could not measure: {made.could_not}")
    count = len(made.findings)
    if not count:
        return "Nothing was found that breaks WebRTC here, by the questions that were asked."
    return "1 finding" if count == 1 else f"{count} findings, the worst first"


def _finding(number: int, finding: Finding, made: Examination) -> Iterator[str]:
    words = explain(finding)
    where = f"by {', '.join(made.of(finding))}" if len(made.by_uplink) > 1 else ""
    about = "".join(f"  {printable(each)}" for each in (finding.subject, where) if each)
    yield f"{number}. {printable(words.title)}  [{finding.severity}, {finding.confidence}]  {finding.code}{about}"
    told = (("", words.what), ("", words.why), ("helps: ", words.helps), ("undo: ", words.undo))
    yield from (f"   {label}{printable(text)}" for label, text in told if text)
    for fact in finding.because[:MOST_EVIDENCE]:
        yield f"   because {evidence(fact)}"
    if len(finding.because) > MOST_EVIDENCE:
        yield f"   because of {len(finding.because) - MOST_EVIDENCE} more like these (--json has them)"


def _side_by_side(made: Examination) -> Iterator[str]:
    """A row a finding, a column an uplink."""
    uplinks = list(made.by_uplink)
    width = max([len(finding.code) for finding in made.findings] + [len("finding")])
    yield "  ".join([f"{'finding':<{width}}", *(f"{uplink:<15}" for uplink in uplinks)]).rstrip()
    for code in dict.fromkeys(finding.code for finding in made.findings):
        have = set(chain.from_iterable(made.of(finding) for finding in made.findings if finding.code == code))
        cells = ["found" if uplink in have else "-" for uplink in uplinks]
        yield "  ".join([f"{code:<{width}}", *(f"{cell:<15}" for cell in cells)]).rstrip()
