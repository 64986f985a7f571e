"""`landfast doctor`: why WebRTC fails on this network, in plain words, with evidence and remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landfast.cli import kept

if TYPE_CHECKING:
    from landfast.app.doctor import Examination, Request

app = typer.Typer()

FOUND = 1
COULD_NOT_MEASURE = 3

ServerWords = Annotated[
    list[str] | None,
    typer.Option("--server", metavar="stun:HOST[:PORT]|reflector:HOST[:PORT]", help="Whom to ask; repeatable."),
]
IceServers = Annotated[
    list[Path] | None,
    typer.Option("--ice-servers", metavar="FILE", help="The JSON that an app gives to RTCPeerConnection; repeatable."),
]
Uplinks = Annotated[
    list[str] | None,
    typer.Option("--interface", "-i", metavar="NAME", help="Ask by this uplink; two are put side by side."),
]
Quick = Annotated[bool, typer.Option("--quick", help="At most three seconds.")]
Full = Annotated[bool, typer.Option("--full", help="Lifetimes of bindings too: two minutes and more.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only this question; repeatable.")]
Mappings = Annotated[int, typer.Option("--mappings", min=1, help="The most NAT mappings for all questions together.")]
Authority = Annotated[
    str, typer.Option("--authority", metavar="FILE", help="Another root certificate, for TURN over TLS.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command()
def doctor(
    server: ServerWords = None,
    ice_servers: IceServers = None,
    interface: Uplinks = None,
    quick: Quick = False,
    full: Full = False,
    only: Only = None,
    mappings: Mappings = 256,
    authority: Authority = "",
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page here.")] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE.toml", help="Write what was measured as a laboratory network."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask this network precise questions, and name what breaks WebRTC.

    Without a server it asks what can be asked without one: nobody is contacted that you did not name. Exit code 0 when
    nothing was found, 1 with findings, 3 when nothing could be measured.
    """
    request = requested(server, ice_servers, interface, quick, full, only, mappings, authority)
    raise typer.Exit(examine(request, report, export, as_json=as_json))


def requested(
    server: list[str] | None,
    ice_servers: list[Path] | None,
    interface: list[str] | None,
    quick: bool,
    full: bool,
    only: list[str] | None,
    mappings: int,
    authority: str,
) -> Request:
    """The request of these options. Raises RequestError."""
    from landfast.app.doctor import Request
    from landfast.errors import RequestError
    from landfast.probes.plan import Effort, Wish

    if quick + full + bool(only) > 1:
        raise RequestError("--quick, --full and --only exclude each other")
    effort = Effort.QUICK if quick else Effort.FULL if full else Effort.USUAL
    wish = Wish(effort, tuple(only or ()), tuple(interface or ()), mappings)
    return Request(wish, tuple(server or ()), tuple(ice_servers or ()), authority)


def examine(request: Request, report: Path | None, export: Path | None, *, as_json: bool) -> int:
    """Examine and tell; the exit code. Interrupted, it tells what is known until then."""
    from rich.console import Console

    from landfast.app import doctor as wiring
    from landfast.app import until_interrupted
    from landfast.cli.live import Live
    from landfast.kernel.host import Host

    kept.prepare(report, "report")
    kept.prepare(export, "network")
    made = wiring.Examination()
    try:
        with Live(Console(stderr=True)) as live:
            until_interrupted(wiring.examine(Host.here(), request, made, live.hear))
    except BaseException:
        if made.seen.told:  # what was measured before a failure is told
            _tell(made, report, export, as_json=as_json)
        raise
    _tell(made, report, export, as_json=as_json)
    return COULD_NOT_MEASURE if made.could_not else FOUND if made.findings else 0


def _tell(made: Examination, report: Path | None, export: Path | None, *, as_json: bool) -> None:
    from landfast.cli import told

    if as_json:
        print(json.dumps(made.as_json(), ensure_ascii=False))
    else:
        told.say(made)
    if report:
        from landfast.cli import page

        kept.keep(report, page.render(made), "report")
        print(f"report: {report}", file=sys.stderr)
    if export:
        _export(made, export)


def _export(made: Examination, path: Path) -> None:
    """The first uplink's network, for a laboratory has one."""
    from landfast.lab import exported

    facts = made.seen.by(made.seen.uplinks()[0])
    kept.keep(path, exported.toml(exported.network(facts)), "network")
    print(f"network: {path}; `landfast lab show --network {path}` shows it", file=sys.stderr)
