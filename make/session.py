#!/usr/bin/env python3
"""Write the tables of docs/reference/session.md that are the code's: its numbers, names and states. A test compares.

PYTHONPATH=src make/session.py

The words around them are the page's own. The first table below each heading of TABLES is written anew.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from math import inf
from pathlib import Path
from textwrap import dedent

from landfast.session.aiortc import seat, stats
from landfast.session.ice import machine
from landfast.session.ice.events import Why
from landfast.session.ice.machine import State, Step
from landfast.session.ice.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "session.md"

_TABLE = re.compile(r"^\|.*\n(?:\|.*\n)*", re.MULTILINE)

Rows = Iterable[Sequence[str]]


def page(text: str) -> str:
    """The page with its tables as they should be."""
    for heading, (columns, rows) in TABLES.items():
        head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
        body = "".join(f"| {' | '.join(row)} |\n" for row in rows())
        before, title, after = text.partition(f"\n## {heading}\n")
        assert title, f"no heading {heading!r}"
        old = _TABLE.search(after)
        assert old, f"no table below {heading!r}"
        text = before + title + after[: old.start()] + head + body + after[old.end() :]
    return text


def _options() -> Rows:
    return [(f"`{name}`", words) for name, words in _documented(seat.Options).items()]


def _states() -> Rows:
    """The agent's table, as applications see it."""
    found: dict[tuple[str, str], list[str]] = {}
    for (old, step), new in machine.TABLE.items():
        before, after = _seen(old), _seen(new, after=old)
        if step is not Step.CLOSE and before != after:
            reasons = found.setdefault((before, after), [])
            reasons += [_STEPS[step]] if _STEPS[step] not in reasons else []
    yield from ((f"`{old}`", ", or ".join(why), f"`{new}`") for (old, new), why in found.items())
    yield "any", "`close()`, or the peer closes", f"`{State.CLOSED}`"


def _seen(state: State, after: State = State.CHECKING) -> str:
    """See session/aiortc/ice.py."""
    if state is not State.CONNECTED:
        return state
    return State.CHECKING if after is State.CHECKING else State.COMPLETED


_STEPS = {
    Step.START: "both sides' credentials are known",
    Step.SELECT: "a pair works",
    Step.FINISH: "a pair is nominated",
    Step.SILENCE: f"{Settings().disconnected:g} s without an answer, {Settings().doubt:g} of them to a check",
    Step.ANSWER: "an answer comes",
    Step.EXPIRE: f"{Settings().consent:g} s without an answer, or {Settings().checking:g} s in which no pair works",
}


def _stats() -> Rows:
    kinds = {
        "candidate-pair": stats.RTCIceCandidatePairStats,
        "local-candidate`, `remote-candidate": stats.RTCIceCandidateStats,
        "transport": stats.LandfastTransportStats,
    }
    of_all = {"timestamp", "type", "id"}
    for kind, of in kinds.items():
        yield f"`{kind}`", ", ".join(f"`{field.name}`" for field in fields(of) if field.name not in of_all)


def _why() -> Rows:
    plain = {Why.NOMINATED: "The controlling side has chosen it.", Why.RESTARTED: "A restart has led to it."}
    return [(f"`{Why[name]}`", words or plain[Why[name]]) for name, words in _documented(Why).items()]


def _settings() -> Rows:
    return [(f"`{name}`", _value(getattr(Settings(), name)), words) for name, words in _documented(Settings).items()]


def _value(default: object) -> str:
    if isinstance(default, tuple):
        return ", ".join(f"{step:g} until {until:g}" if until < inf else f"then {step:g}" for until, step in default)
    return f"{default:g}" if isinstance(default, float) else str(default).lower()


def _documented(of: type) -> dict[str, str]:
    """The fields of a class in their order, each with the text below it, in one line."""
    (tree,) = ast.parse(dedent(inspect.getsource(of))).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    last = ""
    for each in tree.body[1:]:
        match each:
            case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
                found[last := name] = ""
            case ast.Expr(ast.Constant(str(text))):
                found[last] = " ".join(text.split())
    return found


TABLES: dict[str, tuple[tuple[str, ...], Callable[[], Rows]]] = {
    "Options": (("Option", "What it is"), _options),
    "States": (("From", "What happens", "To"), _states),
    "Statistics": (("`type`", "Has"), _stats),
    "Why it moved": (("Reason", "What it means"), _why),
    "Settings": (("Setting", "Default", "What it is, and where it comes from"), _settings),
}


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
