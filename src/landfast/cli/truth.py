"""`landfast trial truth`: doctor's truth table, run by run and as a matrix."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landfast.cli import kept
from landfast.cli.printable import printable

if TYPE_CHECKING:
    from landfast.lab.network import Network
    from landfast.trials.truth.matrix import Matrix, Run

NOT_PROVED = 1
_LOST = 0.1  # the share at which classic testers judged wrongly in 7 of 30 runs
_NAMED = 0.95  # of the causes, at that loss; without loss all of them


def truth(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NETWORK]…", help="Profiles. [default: all]")] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Networks drawn at random, besides.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the first network drawn; the others have the next ones.")] = 1,
    lossy: Annotated[int, typer.Option(min=0, help="Runs of each profile with 10 % of the packets lost each way.")] = 0,
    at_once: Annotated[int, typer.Option(min=1, help="Runs at the same time.")] = 6,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the page here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Run doctor on networks whose truth is known: what it found beside what there is.

    Exit code 1 when anything wrong was said or a cause was not named.
    """
    from landfast.lab import parse
    from landfast.trials.truth.drawn import drawn as draw

    declared = [parse.profile(name) for name in names or parse.profiles()]
    kept.prepare(report, "report")
    seeds = range(seed, seed + drawn)
    asked = {0.0: [*declared, *map(draw, seeds)], _LOST: [network for network in declared for _ in range(lossy)]}
    matrices: list[Matrix] = []
    try:
        for loss, networks in asked.items():
            if networks:
                _examine(networks, loss, at_once, matrices)
    finally:
        if matrices:
            _tell(matrices, seeds, sum(map(len, asked.values())), report, as_json=as_json)
    if not all(matrix.passed(_NAMED if matrix.loss else 1.0) for matrix in matrices):
        raise typer.Exit(NOT_PROVED)


def _examine(networks: Sequence[Network], loss: float, at_once: int, matrices: list[Matrix]) -> None:
    """Examine them; what came of it is in `matrices` then, also of those that were done before an interrupt."""
    from landfast.app import until_interrupted
    from landfast.trials.truth.matrix import Matrix

    runs: list[Run] = []
    try:
        matrices.append(until_interrupted(_series(networks, loss, at_once, runs)))
    except BaseException:
        if runs:
            matrices.append(Matrix(loss, tuple(runs)))
        raise


async def _series(networks: Sequence[Network], loss: float, at_once: int, runs: list[Run]) -> Matrix:
    """With a bar on stderr; `runs` grows as they end."""
    from rich.console import Console
    from rich.progress import Progress

    from landfast.trials.truth.examine import examine
    from landfast.trials.truth.series import series

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"{100 * loss:g} % lost", total=len(networks))

        def done(run: Run) -> None:
            runs.append(run)
            progress.advance(bar)
            for word, codes in (("missed", run.missed), ("wrong", run.wrong)):
                if codes:
                    print(printable(f"{run.network}: {word} {', '.join(sorted(codes))}"), file=sys.stderr)
            if run.problem:
                print(printable(f"{run.network}: {run.problem}"), file=sys.stderr)

        return await series(networks, loss, examine, done, at_once)


def _tell(matrices: Sequence[Matrix], seeds: range, planned: int, report: Path | None, *, as_json: bool) -> None:
    from landfast.trials.truth.matrix import as_json as document
    from landfast.trials.truth.matrix import made

    if report:
        from landfast.trials.truth.page import render

        kept.keep(report, render(matrices, seeds, planned), "report")
    if as_json:
        print(json.dumps(document(matrices, seeds, planned)))
        return
    for matrix in matrices:
        _show(matrix)
    print(f"seeds of the networks drawn: {seeds[0]} to {seeds[-1]}" if seeds else "no network was drawn")
    if made(matrices) < planned:
        print(f"partial: {made(matrices)} of {planned} runs were made")


def _show(matrix: Matrix) -> None:
    from rich.console import Console
    from rich.table import Table

    named = f"{100 * matrix.named:.1f} % of {matrix.causes} causes named, {matrix.wrong} wrong"
    title = f"{len(matrix.runs)} runs, {100 * matrix.loss:g} % lost each way: {named}; median {matrix.seconds:.1f} s"
    table = Table(title=title, title_justify="left")
    table.add_column("finding")
    for column in ("true", "named", "said wrongly"):
        table.add_column(column, justify="right")
    for code, *counts in matrix.rows():
        table.add_row(code, *map(str, counts))
    Console().print(table)
