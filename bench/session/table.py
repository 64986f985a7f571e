"""Figures → a table, and build/bench/session.json."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.measure import BUILD
from bench.session.play import Figures
from landfast import clock

NEVER = "never"
WIDTH = 96
"""Columns: the longest name of a case, and its figures."""


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


def table(found: Sequence[Figures]) -> Table:
    """A line a case."""
    shown = Table(title="session: longest time without a probe, ms (median / max)", title_justify="left", box=SIMPLE)
    for column in ("case", "client→peer", "peer→client", "n", "intact"):
        shown.add_column(column, justify="left" if column == "case" else "right", no_wrap=True)
    for each in found:
        whole = f"{each.intact}/{each.sessions}"
        n = str(len(each.client_to_peer))
        shown.add_row(each.case, told(each.client_to_peer), told(each.peer_to_client), n, whole)
    return shown


def beside(each: Figures) -> str:
    """What else there is to say of a case."""
    said = [f"set up in {statistics.median(each.setup):.0f} ms"] if each.setup else []
    said += [" → ".join(dict.fromkeys(path for path in each.paths if path))] if any(each.paths) else []
    said += [f"{each.changes} changes of state"] if each.changes else []
    said += [f"{name} {value:g}" for name, value in each.notes.items()]
    said += [f"{stream} {told(values)}" for stream, values in each.media.items()]
    said += [f"{each.frames_lost} frames lost by the bench"] if each.frames_lost else []
    said += [f"FAILED: {problem[:300]}" for problem in dict.fromkeys(each.problems)]
    return "; ".join(said)


def show(found: Sequence[Figures]) -> None:
    """On the terminal."""
    console = Console()
    console.width = max(console.width, WIDTH)
    console.print(table(found))
    for each in found:
        console.print(f"  {each.case}: {beside(each)}", soft_wrap=True, markup=False, highlight=False)


def keep(found: Sequence[Figures], seed: int) -> Path:
    """In build/bench/session.json; cases of other runs that were not played again stay as they were."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "session.json"
    before = json.loads(path.read_text())["cases"] if path.exists() else []
    about = {
        "kernel": platform.release(),
        "python": platform.python_version(),
        "at": clock.wall().isoformat(),
        "seed": seed,
        "load": round(os.getloadavg()[0], 1),  # of the last minute: two cores carry a session and its network, no more
    }
    rows = {row["case"]: row for row in before} | {each.case: {**_row(each), **about} for each in found}
    path.write_text(json.dumps({"schema_version": 1, "name": "session", "cases": list(rows.values())}, indent=1) + "\n")
    return path


def _row(each: Figures) -> dict[str, Any]:
    directions = {name: summary(getattr(each, name)) for name in ("client_to_peer", "peer_to_client")}
    return {**asdict(each), **directions, "media": {stream: summary(each.media[stream]) for stream in each.media}}
