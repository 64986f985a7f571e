from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer

import landfast
from landfast.cli import main as door
from landfast.cli.main import NOUNS, main
from landfast.errors import CapabilityMissing, LandfastError, RequestError, WorldError
from landfast.kernel.host import Completed, Host

HEAVY = {
    "aiortc",
    "asyncio",
    "jinja2",
    "matplotlib",
    "numpy",
    "playwright",
    "pydantic",
    "scipy",
    "trustme",
    "websockets",
}
COLOUR = r"\x1b\[[0-9;]*3[0-7]"  # SGR 30 to 37 (ECMA-48)

Noun = Callable[[Callable[[], object]], None]


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Noun:
    """Let `landfast demo` be a function."""

    def becomes(function: Callable[[], object]) -> None:
        module = ModuleType("landfast.cli.demo")
        module.app = typer.Typer()  # type: ignore[attr-defined]

        @module.app.command()  # type: ignore[untyped-decorator]
        def run() -> object:
            return function()

        monkeypatch.setitem(sys.modules, module.__name__, module)

    return becomes


def raising(problem: BaseException) -> Callable[[], object]:
    def run() -> None:
        raise problem

    return run


def exiting(code: int) -> Callable[[], object]:
    return raising(typer.Exit(code))


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_the_help_names_every_noun(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    said = capsys.readouterr()
    assert all(noun in said.out for noun in NOUNS)
    assert said.err == ""


def test_the_version_is_told_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"landfast {landfast.__version__}\n"


def test_every_noun_has_its_module_and_no_module_is_without_a_noun() -> None:
    """What has no `app` is what several of them share."""
    folder = Path(door.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\napp = typer.Typer(" in path.read_text()} - {"main"}
    assert modules == set(NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_explains_itself_and_leaves_completion_to_the_front_door(
    noun: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([noun, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"landfast {noun}" in said
    assert "--install-completion" not in said


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["dmo"], "landfast: No such command 'dmo'. Did you mean 'demo'? Type `landfast --help`.\n"),
        (["--nix"], "landfast: No such option: --nix. Type `landfast --help`.\n"),
        (["demo", "--nix"], "landfast: No such option: --nix. Type `landfast demo --help`.\n"),
    ],
)
def test_a_mistyped_word_is_one_sentence_and_code_2(
    argv: list[str], sentence: str, demo: Noun, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(lambda: None)
    assert main(argv) == 2
    assert capsys.readouterr() == ("", sentence)


@pytest.mark.parametrize(
    ("problem", "code", "sentence"),
    [
        (RequestError("say which"), 2, "landfast: say which\n"),
        (CapabilityMissing("netem", "x"), 3, "landfast: missing capability: netem; provided by: x\n"),
        (WorldError("it said \x1b[2J"), 3, "landfast: it said \\x1b[2J\n"),
        (ExceptionGroup("", [WorldError("one"), RequestError("two")]), 3, "landfast: one\nlandfast: two\n"),
        (ModuleNotFoundError(name="scipy"), 3, "landfast: missing capability: Python package scipy; provided by: pip"),
        (LandfastError("impossible"), 4, "landfast: impossible\nlandfast: LANDFAST_DEBUG=1 shows"),
        (KeyError("x"), 4, "landfast: a defect of landfast: KeyError: 'x' (at test_main.py:"),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("", [KeyboardInterrupt(), WorldError("one")]), 130, "landfast: one\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_is_one_sentence_and_its_code(
    problem: BaseException, code: int, sentence: str, demo: Noun, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(raising(problem))
    assert main(["demo"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)
    assert "Traceback" not in said.err


def test_the_traceback_is_there_for_who_asks(
    demo: Noun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFAST_DEBUG", "1")
    demo(raising(WorldError("it said \x1b[2J")))
    assert main(["demo"]) == 3
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(("ending", "code"), [(lambda: None, 0), (lambda: 7, 7), (exiting(7), 7)])
def test_the_code_of_a_command_is_the_code(ending: Callable[[], object], code: int, demo: Noun) -> None:
    demo(ending)
    assert main(["demo"]) == code


def test_a_broken_pipe_of_the_inside_is_not_taken_for_our_readers_end(
    demo: Noun, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(raising(BrokenPipeError(32, "Broken pipe")))
    assert main(["demo"]) == 3
    assert "ended early" in capsys.readouterr().err


def landfast_program(*argv: str, **environment: str) -> Completed:
    return asyncio.run(Host.here().run([sys.executable, "-m", "landfast", *argv], environment=environment))


def test_the_program_is_the_front_door() -> None:
    assert landfast_program("--version").stdout == f"landfast {landfast.__version__}\n"
    assert landfast_program("nonsense").code == 2


def test_the_help_loads_nothing_heavy() -> None:
    """The start-up is part of the product. (`python -m bench` has its time.)"""
    shown = "import sys; from landfast.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = asyncio.run(Host.here().run([sys.executable, "-c", shown])).checked().stderr.split()
    assert "typer" in loaded
    assert HEAVY & set(loaded) == set()


def test_no_color_is_honoured_even_where_colour_is_forced() -> None:
    coloured = landfast_program("--help", FORCE_COLOR="1").stdout
    assert re.search(COLOUR, coloured)
    plain = landfast_program("--help", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert not re.search(COLOUR, plain)


@pytest.mark.parametrize(
    ("argument", "code"), [("--version", 141), ("--help", 1)]
)  # rich prints the help, and ends with 1
def test_a_reader_that_goes_away_ends_it_quietly(argument: str, code: int) -> None:
    async def run() -> tuple[int, bytes]:
        reading, writing = os.pipe()
        os.close(reading)
        program = await Host.here().start([sys.executable, "-m", "landfast", argument], stdout=writing)
        os.close(writing)
        assert program.stderr is not None
        return await program.wait(), await program.stderr.read()

    assert asyncio.run(run()) == (code, b"")
