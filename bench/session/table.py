"""Figures → a table, and build/bench/session.json; from there, figures again."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.measure import BUILD
from bench.session import targets
from bench.session.play import Figures
from bench.session.targets import DOWN, UP, Judged
from landfast import clock
from landfast.kernel import files

PATH = BUILD / "session.json"
NEVER = "never"
WIDTH = 116
"""Columns: the longest name of a case, and its figures."""
_DIRECTIONS = {"client_to_peer": UP, "peer_to_client": DOWN}
_STYLES = {True: "green", False: "bold red", None: ""}

Rows = dict[str, dict[str, Any]]
"""The file's cases by name."""


def summary(values: Sequence[float | None]) -> dict[str, Any]:
    """Median and largest; an outage without an end is larger than every other."""
    ordered = sorted(values, key=lambda value: float("inf") if value is None else value)
    middle: float | None = None
    if ordered:
        lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
        middle = None if lower is None or upper is None else statistics.mean((lower, upper))
    return {
        "median": middle,
        "max": ordered[-1] if ordered else None,
        "never": sum(value is None for value in values),
        "n": len(values),
        "values": list(values),
    }


def told(values: Sequence[float | None]) -> str:
    """`median / max` in milliseconds."""
    known = summary(values)
    if not values:
        return ""
    return " / ".join(NEVER if known[key] is None else f"{known[key]:.0f}" for key in ("median", "max"))


def table(found: Sequence[Figures], judged: Sequence[Judged]) -> Table:
    """A line a case. `targets`: how many of them are met."""
    shown = Table(title="session: longest time without a probe, ms (median / max)", title_justify="left", box=SIMPLE)
    for column in ("case", UP, "≤", DOWN, "≤", "n", "intact", "targets", "s"):
        shown.add_column(column, justify="left" if column == "case" else "right", no_wrap=True)
    for each in found:
        mine = {of.target.measure: of for of in judged if of.target.case == each.case}
        cells = []
        for direction, measure in _DIRECTIONS.items():
            of = mine.get(measure)
            cells += [
                Text(told(getattr(each, direction)), style=_STYLES[of.met] if of else ""),
                Text(f"{of.target.most:g}" if of else "", style="dim"),
            ]
        met = [of.met for of in mine.values()]
        whole = all(met) if False in met or None not in met else None
        reached = Text(f"{met.count(True)}/{len(met)}" if met else "", style=_STYLES[whole])
        n, intact = str(len(each.client_to_peer) or ""), f"{each.intact}/{each.sessions}"
        shown.add_row(each.case, *cells, n, intact, reached, f"{each.seconds:.0f}")
    return shown


def beside(each: Figures) -> str:
    """What else there is to say of a case."""
    said = [f"set up in {statistics.median(each.setup):.0f} ms"] if each.setup else []
    said += [" → ".join(dict.fromkeys(path for path in each.paths if path))] if any(each.paths) else []
    said += [f"{each.changes} changes of state"] if each.changes else []
    counted = {"lost": each.lost, "reordered": each.reordered, "renewed": each.renewed, "restarts": each.restarts}
    said += [f"{name} {value}" for name, value in counted.items() if value]
    said += [f"{name} {value:g}" for name, value in each.notes.items()]
    said += [f"{stream} {told(values)}" for stream, values in each.media.items()]
    said += [f"{each.frames_lost} frames lost by the bench"] if each.frames_lost else []
    said += [f"FAILED: {problem[-300:]}" for problem in dict.fromkeys(each.problems)]
    return "; ".join(said)


def show(found: Sequence[Figures], judged: Sequence[Judged]) -> None:
    """On the terminal."""
    console = _console()
    console.print(table(found, judged))
    for each in found:
        _say(console, f"  {each.case}: {beside(each)}")
        for of in judged:
            if of.target.case == each.case and of.met is False:
                _say(console, f"    missed: {of.sentence} ({of.target.why})")


def conclude(judged: Sequence[Judged]) -> None:
    """The last lines: what was to be shown, and what was."""
    console = _console()
    for line in targets.lines(judged):
        _say(console, line)


def _console() -> Console:
    console = Console()
    console.width = max(console.width, WIDTH)
    return console


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def kept() -> Rows:
    """What earlier runs have left."""
    rows = json.loads(PATH.read_text())["cases"] if PATH.exists() else []
    return {row["case"]: row for row in rows}


def figures(row: Mapping[str, Any]) -> Figures:
    """What a row was made of."""
    found = {field.name: row[field.name] for field in fields(Figures) if field.name in row}
    for direction in _DIRECTIONS:
        found[direction] = row[direction]["values"]
    found["media"] = {stream: of["values"] for stream, of in row.get("media", {}).items()}
    return Figures(**found)


def keep(each: Figures, seed: int) -> Rows:
    """In build/bench/session.json, all of it or nothing; cases of other runs that were not played again stay as they
    were. Gives the whole."""
    about = {
        "kernel": platform.release(),
        "python": platform.python_version(),
        "at": clock.wall().isoformat(),
        "seed": seed,
        "load": round(os.getloadavg()[0], 1),  # of the last minute: two cores carry a session and its network, no more
    }
    with _alone():
        rows = kept() | {each.case: {**_row(each), **about}}
        judged = targets.judged(rows)
        for name, row in rows.items():
            row["targets"] = [targets.plain(of) for of in judged if of.target.case == name]
        content = {
            "schema_version": 1,
            "name": "session",
            "lines": targets.lines(judged),
            "cases": list(rows.values()),
        }
        files.replace(PATH, json.dumps(content, indent=1) + "\n")
    return rows


@contextmanager
def _alone() -> Iterator[None]:
    """Another run may keep its cases at the same time."""
    BUILD.mkdir(parents=True, exist_ok=True)
    folder = os.open(BUILD, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _row(each: Figures) -> dict[str, Any]:
    directions = {name: summary(getattr(each, name)) for name in ("client_to_peer", "peer_to_client")}
    return {**asdict(each), **directions, "media": {stream: summary(each.media[stream]) for stream in each.media}}
