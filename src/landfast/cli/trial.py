"""`landfast trial`: a remedy proved, or not, by groups of real WebRTC connections with it and without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from landfast.cli import kept
from landfast.cli.campaign import campaign
from landfast.cli.printable import printable
from landfast.cli.truth import truth

if TYPE_CHECKING:
    from landfast.app.trial import Prepared, TrialRequest
    from landfast.trials.result import Attempt, Trial

app = typer.Typer(help="Prove a remedy: groups of real WebRTC connections with it and without it.")

NOT_PROVED = 1
JOURNAL = Path("landfast-trial.jsonl")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
ReportFile = Annotated[Path | None, typer.Option("--report", metavar="FILE.html", help="Write the report here.")]
JournalFile = Annotated[
    Path, typer.Option("--journal", metavar="FILE.jsonl", help="Every attempt is kept here as it ends.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the journal; what it holds is not tried again.")]


app.command("truth")(truth)
app.command("campaign")(campaign)


@app.callback(invoke_without_command=True)
def trial(
    context: typer.Context,
    network: Annotated[
        str, typer.Option(metavar="NAME|FILE.toml", help="A laboratory network; `landfast lab list` names them.")
    ] = "mifi",
    groups: Annotated[int, typer.Option(min=1, help="Groups of attempts; arms take turns.")] = 4,
    attempts: Annotated[int, typer.Option(min=1, help="Attempts in each group.")] = 5,
    arms: Annotated[
        str,
        typer.Option(
            metavar="ARM,…",
            help="off, on, no-foreign-address, limit-0, default-route-only, strong-host",
        ),
    ] = "off,on",
    stack: Annotated[
        Literal["aiortc", "chromium", "landfast"], typer.Option(help="The WebRTC stack of both peers.")
    ] = "aiortc",
    camera: Annotated[
        bool, typer.Option("--camera", help="Ask for the camera; only then does Chromium open a socket per interface.")
    ] = False,
    scope: Annotated[Literal["foreign", "all"], typer.Option(help="Of the remedy: which packets.")] = "foreign",
    action: Annotated[
        Literal["masquerade", "drop"], typer.Option(help="Of the remedy: what is done to them.")
    ] = "masquerade",
    backend: Annotated[
        Literal["auto", "nft", "iptables"], typer.Option(help="Of the remedy: by which program.")
    ] = "auto",
    limit: Annotated[float, typer.Option(metavar="SECONDS", help="Time to connect.")] = 8.0,
    hold: Annotated[float, typer.Option(metavar="SECONDS", help="Time to stay connected.")] = 5.0,
    journal: JournalFile = JOURNAL,
    resume: Resume = False,
    report: ReportFile = None,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE.pcap", help="Keep the foreign-source packets that left the robot.")
    ] = None,
    operator: Annotated[
        str,
        typer.Option(metavar="ws://HOST:PORT", help="No laboratory: this machine is the robot, the operator is there."),
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="LANDFAST_TRIAL_TOKEN", help="The operator's token.", show_default=False)
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a trial: a table while it runs and at its end, a journal, and a report if asked for.

    Exit code 0 when the cure is proved or the arms do not ask for it, 1 when it is not proved.
    """
    if context.invoked_subcommand:
        return
    from landfast.app.trial import TrialRequest
    from landfast.peers import Stack
    from landfast.remedies.masquerade.options import Options

    request = TrialRequest(
        network=network,
        operator=operator,
        token=token,
        arms=tuple(name.strip() for name in arms.split(",") if name.strip()),
        groups=groups,
        attempts=attempts,
        stack=Stack(stack),
        camera=camera,
        options=Options(scope=scope, action=action, backend=backend),
        limit=limit,
        hold=hold,
        journal=journal,
        resume=resume,
        pcap=pcap,
    )
    raise typer.Exit(make(request, report, as_json=as_json))


def make(request: TrialRequest, report: Path | None, *, as_json: bool) -> int:
    """Make a trial and show it; the exit code. Interrupted, what was measured is shown and kept."""
    from landfast.app import trial as wiring

    prepared = wiring.prepare(request)
    for path, what in ((report, "report"), (request.journal, "journal"), (request.pcap, "capture")):
        kept.prepare(path, what)
    finished = list(prepared.finished)
    try:
        made = _run(prepared, finished)
    except BaseException as problem:
        if finished and isinstance(problem, KeyboardInterrupt) and (so_far := wiring.so_far(request.journal)):
            _show(so_far, request, report, as_json=as_json)
        if finished:
            so_many = f"{len(finished)} of {len(prepared.slots)} attempts are kept in {request.journal}"
            print(f"{so_many}; the same command with --resume goes on", file=sys.stderr)
        raise
    return _show(made, request, report, as_json=as_json)


def _run(prepared: Prepared, finished: list[Attempt]) -> Trial:
    """Make it, with the table on stderr; `finished` grows as attempts end."""
    from rich.console import Console

    from landfast.app import trial as wiring
    from landfast.app import until_interrupted
    from landfast.trials.table import Live

    console = Console(stderr=True)
    if prepared.notice:
        console.print(printable(prepared.notice), highlight=False, markup=False)
    with Live(console, prepared.slots, finished) as live:

        def ended(attempt: Attempt) -> None:
            finished.append(attempt)
            live.finished(attempt)

        return until_interrupted(wiring.trial(prepared, live.now, ended))


def _show(trial: Trial, request: TrialRequest, report: Path | None, *, as_json: bool) -> int:
    from landfast.trials.plan import plan
    from landfast.trials.statistics import judge, summarise

    if report:
        from landfast.trials.report import render

        kept.keep(report, render(trial), "report")
    summaries = summarise(trial.attempts)
    verdict = judge(summaries)
    if as_json:
        from landfast.trials.document import document

        said = document(trial, journal=str(request.journal), report=str(report) if report else None)
        print(json.dumps(said, ensure_ascii=False))
    else:
        from rich.console import Console

        from landfast.trials.table import show

        slots = plan(trial.plan["arms"], trial.plan["groups"], trial.plan["attempts"])
        show(Console(), slots, trial.attempts, summaries, verdict)
        if report:
            print(f"\nreport: {report}")
    return NOT_PROVED if verdict.proved is False else 0


@app.command("operator")
def be_operator(
    listen: Annotated[str, typer.Option(metavar="ADDRESS:PORT", help="TCP PORT to PORT + 2 and UDP PORT are used.")],
    token: Annotated[
        str, typer.Option(envvar="LANDFAST_TRIAL_TOKEN", help="Default: a new one.", show_default=False)
    ] = "",
    stun: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Another STUN server; needed when this machine is behind a NAT.")
    ] = "",
) -> None:
    """Be the operator of a real robot's trial: run this on the other machine, then `landfast trial --operator …` on the
    robot."""
    import secrets

    from landfast.app import trial as wiring
    from landfast.app import until_interrupted
    from landfast.model.facts import written

    token = token or secrets.token_urlsafe(12)
    address, port = _endpoint("--listen", listen)
    server = _endpoint("--stun", stun) if stun else None

    def ready(reached: str) -> None:
        print("on the robot, as root:\n")
        print(f"  LANDFAST_TRIAL_TOKEN={token} landfast trial --operator ws://{written((reached, port))}\n")
        print("Ctrl-C ends it.", flush=True)

    until_interrupted(wiring.operate((address, port), token, server, ready))


def _endpoint(option: str, text: str) -> tuple[str, int]:
    from landfast.errors import RequestError
    from landfast.model.facts import endpoint

    try:
        return endpoint(text)
    except ValueError as problem:
        raise RequestError(f"{option}: {problem}") from None
