"""Repeat, summarise, show and keep: what every bench shares."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from landfast import clock

BUILD = Path(__file__).parents[1] / "build" / "bench"


@dataclass(frozen=True)
class Row:
    """One arm of one case."""

    case: str
    arm: str
    median: float
    p95: float
    n: int
    unit: str


def row(case: str, arm: str, values: Sequence[float], unit: str) -> Row:
    """Summarise single values."""
    ordered = sorted(values)
    return Row(
        case, arm, statistics.median(ordered), ordered[max(0, round(0.95 * len(ordered)) - 1)], len(ordered), unit
    )


async def alternating(case: str, arms: dict[str, Callable[[], Awaitable[object]]], times: int) -> list[Row]:
    """Time the arms in turn, so that whatever else the machine does falls on all of them. Milliseconds."""
    taken: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(times):
        for arm, work in arms.items():
            began = clock.monotonic()
            await work()
            taken[arm].append(1000 * (clock.monotonic() - began))
    return [row(case, arm, values, "ms") for arm, values in taken.items()]


def report(name: str, rows: Sequence[Row]) -> None:
    """Print a table, within a case each arm also as a ratio to the case's last, and write build/bench/NAME.json."""
    table = Table(title=name, title_justify="left")
    for column in ("case", "arm", "median", "p95", "n", "ratio"):
        table.add_column(column, justify="left" if column in ("case", "arm") else "right")
    for r in rows:
        last = [other for other in rows if other.case == r.case][-1]
        ratio = f"{r.median / last.median:.2f}" if last.median and last is not r else ""
        table.add_row(r.case, r.arm, f"{r.median:.1f} {r.unit}", f"{r.p95:.1f} {r.unit}", str(r.n), ratio)
    console = Console()
    console.print(table)
    console.print(f"→ {_keep(name, rows)}\n", soft_wrap=True)


def _keep(name: str, rows: Sequence[Row]) -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"{name}.json"
    about = {"kernel": platform.release(), "python": platform.python_version(), "at": clock.wall().isoformat()}
    content = {"schema_version": 1, "name": name, **about, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path
