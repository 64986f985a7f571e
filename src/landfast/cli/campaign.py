"""`landfast trial campaign`: the ICE agent against histories of faults, drawn by the thousand or played again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landfast.cli.printable import printable

if TYPE_CHECKING:
    from landfast.trials.campaign.history import History
    from landfast.trials.campaign.tally import Failure, Tally

VIOLATED = 1
_SHOWN = 20  # failures
_QUANTILES = (0.5, 0.9, 0.99, 1.0)


def campaign(
    histories: Annotated[int, typer.Option(min=1, help="So many, of one seed after another.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the first.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.01, help="At most so long.")] = 60.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Programs at once. [default: all cores]")] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play this one again; with --minimal, also make it smaller.")
    ] = None,
    minimal: Annotated[
        bool, typer.Option("--minimal", help="Print the smallest history that fails as the first failure does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play two ICE agents on simulated networks that fail in every way that can be drawn, and look whether anything
    that must hold is violated.

    Exit code 1 when something was. A history is what its seed says: `--histories 1 --seed N` plays it again.
    """
    if history:
        _again(history, minimal=minimal, as_json=as_json)
        return
    from landfast.app import until_interrupted
    from landfast.trials.campaign import campaign as many
    from landfast.trials.campaign.tally import Tally

    tally = Tally()
    clocked = _Clocked(histories)
    try:
        with clocked as progress:

            def done(part: Tally) -> None:
                tally.merge(part)
                progress.advance(part.histories, tally.failed)
                for failure in part.failures:
                    progress.say(_said(failure))

            until_interrupted(many.campaign(seed, histories, 60 * minutes, workers or many.cores(), done))
    finally:
        if tally.histories:
            _tell(tally, seed, histories, clocked.seconds, as_json=as_json)
    if tally.failed:
        if minimal:
            from landfast.trials.campaign.drawn import drawn

            print(_minimal(drawn(min(each.seed for each in tally.failures))).text())
        raise typer.Exit(VIOLATED)


class _Clocked:
    """A bar on stderr, and how long it took."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True))
        self._task = self._bar.add_task("histories", total=total)
        self.seconds = 0.0

    def advance(self, histories: int, failed: int) -> None:
        """So many more were played; so many have failed by now."""
        said = f"histories, {failed} failed" if failed else "histories"
        self._bar.update(self._task, advance=histories, description=said)

    def say(self, line: str) -> None:
        """Above the bar, at once: a campaign may last for an hour."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> _Clocked:
        from landfast import clock

        self._began = clock.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        from landfast import clock

        self.seconds = clock.monotonic() - self._began
        self._bar.stop()


def _again(path: Path, *, minimal: bool, as_json: bool) -> None:
    from landfast.errors import RequestError
    from landfast.trials.campaign.history import read
    from landfast.trials.campaign.play import play

    try:
        history = read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise RequestError(f"cannot read the history {path}: {problem}") from None
    result = play(history)
    if as_json:
        violations = [asdict(each) for each in result.violations]
        print(json.dumps({"violations": violations, "recoveries": result.recoveries, "packets": result.packets}))
    else:
        for each in result.violations:
            print(printable(f"{each.at:.3f} s, {each.on}: {each.named}: {each.words}"))
        print(f"{len(result.violations)} violations, {result.packets} packets")
    if result.violations:
        if minimal:
            print(_minimal(history).text())
        raise typer.Exit(VIOLATED)


def _minimal(history: History) -> History:
    """The smallest that violates the first of what this one does."""
    from landfast.trials.campaign.play import play
    from landfast.trials.campaign.shrink import shrink

    first = play(history).violations[0].named
    return shrink(history, lambda smaller: first in play(smaller).named)


def _said(failure: Failure) -> str:
    first = failure.violations[0]
    return printable(f"seed {failure.seed}, {first.at:.3f} s, {first.on}: {first.named}: {first.words}")


def _tell(tally: Tally, seed: int, planned: int, seconds: float, *, as_json: bool) -> None:
    from landfast.trials.campaign.campaign import is_compiled

    rate, compiled = tally.histories / seconds if seconds else 0.0, is_compiled()
    if as_json:
        document: dict[str, Any] = {"seed": seed, "planned": planned, "seconds": round(seconds, 1)}
        document["compiled"] = compiled
        print(json.dumps({**document, "histories_per_second": round(rate, 2), **tally.document()}))
        return
    for each in tally.failures[:_SHOWN]:
        print(_said(each))
    if tally.failed > _SHOWN:
        print(f"... and {tally.failed - _SHOWN} more")
    print(f"{tally.histories} of {planned} histories from seed {seed}, {rate:.1f} a second, {tally.packets} packets")
    print("played compiled" if compiled else "played in plain Python")
    print(f"{tally.connected} connected, {tally.failed} with a violation")
    for name, count in tally.violated.most_common():
        print(f"  {name}: {count}")
    if total := tally.recoveries.total():
        times = ", ".join(f"{100 * share:g} % {tally.quantile(share):.2f} s" for share in _QUANTILES)
        print(f"{total} recoveries after the end of a fault: {times}")
    if tally.histories < planned:
        print(f"partial: {tally.histories} of {planned} histories", file=sys.stderr)
