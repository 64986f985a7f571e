"""`landfast fix`: what doctor found, cured where this host can; believed only after the same questions again."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from landfast.cli.doctor import (
    COULD_NOT_MEASURE,
    FOUND,
    AsJson,
    Authority,
    Full,
    IceServers,
    Mappings,
    Only,
    Quick,
    ServerWords,
    Uplinks,
    requested,
)
from landfast.cli.printable import printable

if TYPE_CHECKING:
    from landfast.app.fix import Fixing
    from landfast.model.remedies import Remedy
    from landfast.remedies.treat import Paths

app = typer.Typer()


@app.command()
def fix(
    server: ServerWords = None,
    ice_servers: IceServers = None,
    interface: Uplinks = None,
    quick: Quick = False,
    full: Full = False,
    only: Only = None,
    mappings: Mappings = 256,
    authority: Authority = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to do it.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put everything back as it was before the first fix.")] = False,
    policy: Annotated[
        str, typer.Option("--policy", metavar="FILE", help="Where what sessions shall do here is written.")
    ] = "/etc/landfast/session.json",
    record: Annotated[
        str, typer.Option("--record", metavar="FILE", help="Where it is kept how everything was.")
    ] = "/var/lib/landfast/undo.json",
    as_json: AsJson = False,
) -> None:
    """Examine, show what would be done, ask, do it, examine again.

    How everything was is on the disk before the first change; `--undo` puts it back, also after a crash. Exit code 0
    when nothing is left to be cured here, 1 when something is, 3 when nothing could be measured.
    """
    from landfast.remedies.treat import Paths

    paths = Paths(policy, record)
    if undo:
        raise typer.Exit(take_back(paths, as_json=as_json))
    from landfast.errors import RequestError

    if as_json and not (yes or dry_run):
        raise RequestError("--json does not ask: say --yes or --dry-run")
    request = requested(server, ice_servers, interface, quick, full, only, mappings, authority)
    from rich.console import Console

    from landfast.app import fix as wiring
    from landfast.app import until_interrupted
    from landfast.cli.live import Live
    from landfast.kernel.host import Host

    fixing = wiring.Fixing()
    live = Live(Console(stderr=True))

    async def agree(remedies: Sequence[Remedy]) -> bool:
        live.__exit__(None, None, None)
        if not as_json:
            show(fixing, remedies, steps=dry_run)
        agreed = not dry_run and (yes or _asked())
        if agreed:
            live.__enter__()
        return agreed

    try:
        with live:
            until_interrupted(wiring.fix(Host.here(), request, paths, agree, fixing, live.hear))
    except BaseException:
        if fixing.before.seen.told:  # what was measured before a failure is told
            tell(fixing, as_json=as_json)
        raise
    tell(fixing, as_json=as_json)
    raise typer.Exit(_code(fixing))


def take_back(paths: Paths, *, as_json: bool) -> int:
    """Undo, and tell; the exit code."""
    from landfast.app import fix as wiring
    from landfast.app import until_interrupted
    from landfast.kernel.host import Host

    undone = until_interrupted(wiring.undo(Host.here(), paths))
    if as_json:
        print(json.dumps({"schema_version": 1, "undone": None if undone is None else list(undone)}))
    elif undone is None:
        print("nothing was fixed here, so there is nothing to undo")
    else:
        print(f"as before: {', '.join(undone) or 'nothing had to be changed'}")
    return 0


def show(fixing: Fixing, remedies: Sequence[Remedy], *, steps: bool) -> None:
    """What was found and what would be done: in lines that a person reads, or as the very `steps`, for a shell."""
    from landfast.cli import told
    from landfast.model.remedies import shell

    told.say(fixing.before)
    print("\nWhat would be done:")
    for remedy in remedies:
        print(f"\n# {printable(remedy.what)}")
        for line in (f"scope: {remedy.scope}", f"cost: {remedy.cost}", *remedy.notes):
            print(f"#   {printable(line)}")
        print(printable(shell(remedy.steps) if steps else "".join(f"    {line}\n" for line in remedy.detail)), end="")


def _asked() -> bool:
    """Whether the person at the terminal says so; silence and the end of input are a no."""
    print("\nDo it? `landfast fix --undo` takes it back. [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def tell(fixing: Fixing, *, as_json: bool) -> None:
    """What came of it."""
    if as_json:
        print(json.dumps(fixing.as_json(), ensure_ascii=False))
        return
    from landfast.cli import told

    if not fixing.walked.remedies:
        told.say(fixing.before)
    if codes := fixing.treatment.not_here:
        print(f"\nnothing on this host cures: {', '.join(codes)}")
    for outcome in fixing.walked.outcomes:
        print(f"\ndone: {printable(outcome.remedy.what)}")
        for note in outcome.notes:
            print(f"note: {printable(note)}")
    if fixing.walked.after.asked:
        print("\nThe same questions again:\n")
        told.say(fixing.after)
        print("\nundo: landfast fix --undo")
    match fixing.proved:
        case True:
            print(f"proved: {', '.join(fixing.treatment.by_rules)} is gone")
        case False:
            print(f"NOT cured: {', '.join(fixing.treatment.by_rules)} is still there")
        case None if fixing.walked.outcomes:
            print("not proved: the sessions of this host must show it")


def _code(fixing: Fixing) -> int:
    if fixing.before.could_not:
        return COULD_NOT_MEASURE
    return FOUND if fixing.walked.remaining else 0
