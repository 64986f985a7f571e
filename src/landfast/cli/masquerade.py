"""`landfast masquerade`: the remedy for foreign source addresses: put in force, kept over boots, looked at, undone."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from landfast.cli.printable import printable

if TYPE_CHECKING:
    from landfast.model.remedies import Outcome
    from landfast.remedies.masquerade import Options, Status

app = typer.Typer(
    help="No packet leaves with a source that is no address of the interface it leaves by.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
LEAKS = 1
"""`status` found a foreign source that can leave as it is."""


@app.command()
def enable(
    interface: Annotated[
        list[str] | None,
        typer.Option("--interface", "-i", metavar="NAME", help="Guard this one; repeatable. Else the default route's."),
    ] = None,
    scope: Annotated[
        Literal["foreign", "all"],
        typer.Option(help="Packets with a foreign source, or every packet that leaves there."),
    ] = "foreign",
    action: Annotated[
        Literal["masquerade", "drop"],
        typer.Option(help="Give the packet the interface's address, or do not send it."),
    ] = "masquerade",
    backend: Annotated[
        Literal["auto", "nft", "iptables"], typer.Option(help="Which program makes the rules.")
    ] = "auto",
    nat66: Annotated[
        bool, typer.Option("--nat66", help="Translate IPv6 too, instead of dropping its foreign sources.")
    ] = False,
    persist: Annotated[
        Literal["systemd", "rc.local", "docker"] | None, typer.Option(help="Make it again after each boot, by this.")
    ] = None,
    confirm_within: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As 30s: undone then unless `landfast masquerade confirm` comes before."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, do nothing.")] = False,
    script_format: Annotated[
        Literal["sh"] | None,
        typer.Option("--format", help="Print a shell script that does it on a host without landfast, do nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the remedy in force; nothing happens when it is. Undo it with `disable`."""
    from landfast.kernel.host import Host
    from landfast.remedies import masquerade
    from landfast.remedies.masquerade.options import seconds

    options = masquerade.Options(
        tuple(interface or ()),
        scope,
        action,
        backend,
        nat66,
        persist,
        seconds(confirm_within) if confirm_within else None,
    )
    if script_format:
        print(_script(options), end="")
        return
    host = Host.here()
    if dry_run:
        from landfast.model.remedies import shell

        remedy = asyncio.run(masquerade.propose(host, options))
        if as_json:
            print(json.dumps({"schema_version": 1, "remedy": asdict(remedy)}))
            return
        head = [remedy.what, f"scope: {remedy.scope}", f"cost: {remedy.cost}", f"undo: {remedy.undo.command}"]
        for line in [*head, *remedy.notes, "", *(remedy.detail if remedy.steps else ["it is in force: nothing to do"])]:
            print(f"# {printable(line)}".rstrip())
        print(shell(remedy.steps), end="")
        return
    _told(asyncio.run(masquerade.enable(host, options)), as_json=as_json)


@app.command()
def disable(as_json: AsJson = False) -> None:
    """Take away the rules and what makes them at boot, whichever way they came."""
    from landfast.kernel.host import Host
    from landfast.remedies import masquerade

    _told(asyncio.run(masquerade.disable(Host.here())), as_json=as_json)


@app.command()
def confirm(as_json: AsJson = False) -> None:
    """Keep what `enable --confirm-within` did."""
    from landfast.kernel.host import Host
    from landfast.remedies import masquerade

    _told(asyncio.run(masquerade.confirm(Host.here())), as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Which rules are in force, what they matched, whether a foreign source can still leave (exit code 1 if so)."""
    from landfast.kernel.host import Host
    from landfast.remedies import masquerade

    found = asyncio.run(masquerade.status(Host.here()))
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        _show(found)
    if found.effective is False:
        raise typer.Exit(LEAKS)


def _script(options: Options) -> str:
    """The script for another host: only what was said here counts, not what this host is like."""
    from landfast.remedies.masquerade.plan import candidates
    from landfast.remedies.masquerade.ruleset import Wanted
    from landfast.remedies.masquerade.script import ANY_INTERFACE, script

    forms = candidates(options)
    interfaces = options.interfaces or (ANY_INTERFACE,)
    return script(Wanted(interfaces, forms[0], options.scope, options.action, options.nat66), forms)


def _told(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"schema_version": 1, "outcome": asdict(outcome)}))
        return
    print(f"{'done' if outcome.changed else 'nothing to do'}: {outcome.remedy.what}")
    for note in outcome.notes:
        print(f"note: {printable(note)}", file=sys.stderr)


def _show(found: Status) -> None:
    print(f"in force: {f'yes, by {found.backend}' if found.enabled else 'no'}; at boot: {found.persistence or 'no'}")
    if found.unconfirmed_s is not None:
        print(f"unconfirmed: undone in {found.unconfirmed_s:.0f} s unless `landfast masquerade confirm` comes")
    for rule in found.rules:
        print(f"  {rule.packets:>8} packets  {rule.table}, {rule.chain}: {rule.text}")
    for source in found.foreign_sources:
        kept = source.ours or source.others
        fate = f"does not leave so, by {printable(kept)}" if kept else "CAN LEAVE with its foreign source"
        print(f"  {source.address} ({source.interface}) by {source.egress}: {fate}")
    if not found.foreign_sources:
        print("  no address of this host is foreign to the interface that its route leads to")
    for warning in found.warnings:
        print(f"warning: {warning}")
