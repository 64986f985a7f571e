"""`landfast demo`: doctor, fix, and the source document's trial in the laboratory, from nothing to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landfast.cli import kept
from landfast.cli.trial import JOURNAL, AsJson, JournalFile, Resume, make

app = typer.Typer()

REPORT = Path("landfast-report.html")


@app.command()
def demo(
    report: Annotated[Path, typer.Option("--report", metavar="FILE.html", help="Write the report here.")] = REPORT,
    journal: JournalFile = JOURNAL,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """See the MiFi fault and its cure in five minutes: doctor names it, fix cures it, and a trial proves that.

    The trial is of 4 groups of 5 WebRTC connections, the remedy off, on, off, on. It needs no cellular hardware and no
    root. Exit code 0 when the cure is proved.
    """
    from landfast.app.trial import TrialRequest

    kept.prepare(report, "report")
    kept.prepare(journal, "journal")
    if not (as_json or resume):
        _walk()
    raise typer.Exit(make(TrialRequest(journal=journal, resume=resume), report, as_json=as_json))


def _walk() -> None:
    """What `landfast fix` does and says on that network."""
    from rich.console import Console

    from landfast.app import fix as wiring
    from landfast.app import until_interrupted
    from landfast.cli.fix import show, tell
    from landfast.cli.live import Live

    console, fixing = Console(stderr=True), wiring.Fixing()

    def progress(doing: str) -> None:
        console.print(doing, highlight=False, markup=False)

    with Live(console) as live:
        until_interrupted(wiring.demonstrate(fixing, progress, live.hear))
    show(fixing, fixing.walked.remedies, steps=False)
    tell(fixing, as_json=False)
    print("\nThat was doctor and fix. Now the trial: the same fault and cure, by real connections.\n")
