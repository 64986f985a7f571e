"""The front door: finds the command, turns every error into one sentence on stderr and an exit code.

The nouns are known here by name and sentence, and imported only when one is called, so that `landfast --help` is quick.
"""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

import landfast
from landfast.cli.printable import printable
from landfast.errors import CapabilityMissing, LandfastError, WorldError

INTERNAL = 4
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
READER_GONE = 141  # 128 + SIGPIPE

NOUNS = {
    "doctor": "Why WebRTC fails on this network: the cause with its evidence, and what helps.",
    "fix": "Cure what doctor finds, where this host can; `--undo` takes it back.",
    "demo": "See the MiFi fault and its cure in five minutes: a table, a plot, a report.",
    "trial": "Prove a remedy: groups of real WebRTC connections with it and without it.",
    "lab": "The carrier in a box: networks that break WebRTC, on this machine, without root.",
    "masquerade": "The remedy for foreign source addresses: enable, disable, status.",
    "reflector": "The server that helps doctor: STUN that also answers later, and tells what it saw.",
}


class Nouns(TyperGroup):
    """The commands of NOUNS; `landfast.cli.<noun>` is imported when one is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name in NOUNS:
            command = get_command(import_module(f"landfast.cli.{name}").app)
            command.name = name
            # Completion is installed at the front door.
            command.params = [p for p in command.params if p.name not in {"install_completion", "show_completion"}]
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as problem:  # typer takes any of them for our reader's end, and is silent
            if _reader_is_gone():
                raise typer.Exit(READER_GONE) from None
            raise WorldError(f"a program or connection ended early: {problem}") from problem


app = typer.Typer(
    cls=Nouns,
    help="Keeps WebRTC connections alive over networks that break them; finds, fixes and proves the cause.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"landfast {landfast.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _front(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        context.get_help()  # rich prints it


def _named_only() -> None:
    """Stands for a noun until it is called."""


for _noun, _sentence in NOUNS.items():
    app.command(_noun, help=_sentence)(_named_only)


def entry() -> NoReturn:
    """The program `landfast`."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command; its exit code."""
    try:
        code = get_command(app).main(list(argv), prog_name="landfast", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # typer's and rich's answer to the same
        if _reader_is_gone():
            return READER_GONE
        raise
    except (Exception, BaseExceptionGroup, KeyboardInterrupt) as problem:
        return _told(problem)
    return code if isinstance(code, int) else 0


def _told(problem: BaseException) -> int:
    """Say what happened in one sentence; the exit code."""
    if isinstance(problem, BaseExceptionGroup):  # what several tasks met at once
        return max(_told(one) for one in problem.exceptions)
    if isinstance(problem, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    if isinstance(problem, ModuleNotFoundError) and problem.name and not problem.name.startswith("landfast"):
        problem = CapabilityMissing(f"Python package {problem.name}", "pip install 'landfast[all]'")
    if isinstance(problem, LandfastError):
        _say(str(problem))
        code = problem.exit_code
    elif isinstance(problem, TyperException):
        context = getattr(problem, "ctx", None)
        where = context.command_path if context else "landfast"
        if message := problem.format_message():  # none: the help was asked for and is printed
            _say(f"{message}{'' if message[-1] in '.?' else '.'} Type `{where} --help`.")
        return problem.exit_code
    else:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        _say(f"a defect of landfast: {type(problem).__name__}: {problem} (at {Path(last.filename).name}:{last.lineno})")
        code = INTERNAL
    if os.environ.get("LANDFAST_DEBUG"):
        sys.stderr.write(printable("".join(traceback.format_exception(problem))))
    elif code == INTERNAL:
        _say("LANDFAST_DEBUG=1 shows how it came about.")
    return code


def _say(sentence: str) -> None:
    print(f"landfast: {printable(sentence)}", file=sys.stderr)


def _reader_is_gone() -> bool:
    """Whether whoever read our stdout has closed it; then what is still to be written goes nowhere."""
    poll = select.poll()
    poll.register(1, 0)
    gone = any(events & select.POLLERR for _, events in poll.poll(0))
    if gone:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    return gone
