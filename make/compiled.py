#!/usr/bin/env python3
"""Compile what a campaign plays into build/compiled: a copy of src/ with native modules beside their sources.

.venv/bin/python make/compiled.py && PYTHONPATH=build/compiled .venv/bin/landfast trial campaign

mypyc makes C of the typed sources as they are. It takes some minutes once, until a source changes. Where there is no C
compiler, or no setuptools to drive it, or where what was made does not play as its sources do, nothing is kept and that
is told: the campaign is then played in plain Python.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import os
import re
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from landfast.trials.campaign import campaign as many
from landfast.trials.campaign.tally import Tally

ROOT = Path(__file__).parents[1]
SOURCES, COMPILED = ROOT / "src", ROOT / "build" / "compiled"
LOG = "compiled.log"
SEED, HISTORIES = 90_000, 200
"""Those that are played both ways before it is believed."""

PARTS = ("session/ice", "session/ice/ground", "wire/turn", "lab/sim")
MODULES = (
    *("model/times", "wire/ice", "wire/stun", "wire/candidate"),
    *(f"trials/campaign/{each}" for each in ("application", "ended", "flows", "invariants", "ledger")),
    *(f"trials/campaign/{each}" for each in ("passable", "play", "player", "signalling", "third")),
)
CAPITALS = re.compile("_?[A-Z][A-Z0-9_]*")
PLAIN = {"__init__": "a package stays a folder with a source"}


def compiled() -> bool:
    """Whether the native modules are there and of today's sources, made now if need be."""
    stamp = COMPILED / f"stamp-{_key()}"
    if not stamp.exists():
        shutil.rmtree(COMPILED, ignore_errors=True)
        shutil.copytree(SOURCES, COMPILED, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            _compile()
            asyncio.run(_compare())
        except (ImportError, SystemExit, ExceptionGroup) as problem:
            sys.stderr.write(f"not compiled, the campaign is played in plain Python: {problem}\n")
            shutil.rmtree(COMPILED)
            return False
        stamp.touch()
    return True


def modules() -> list[str]:
    """The sources that are compiled, from the folder of the copy."""
    landfast = SOURCES / "landfast"
    found = [path for part in PARTS for path in sorted((landfast / part).glob("*.py")) if path.stem not in PLAIN]
    found += [landfast / f"{name}.py" for name in MODULES]
    return [str(path.relative_to(SOURCES)) for path in found]


def final(source: str) -> str:
    """The same, line for line, with `Final` on each constant of the module.

    What is written in capitals is never set again, but mypyc believes only that word: without it, each reading of a
    constant asks the module's dictionary.
    """
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if constants := _constants(node):
            first, end = node.lineno - 1, node.end_lineno or node.lineno
            lines[first:end] = ["; ".join(constants), *[""] * (end - first - 1)]
    future = lines.index("from __future__ import annotations")
    lines[future] += "; from typing import Final"
    return "\n".join(lines) + "\n"


def _constants(node: ast.stmt) -> list[str]:
    """The statements, one for each name, that say what this one says; none when it sets something else."""
    match node:
        case ast.Assign([ast.Name(name)], value):
            said = [(name, "Final", value)]
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)):
            said = [(ast.unparse(each), "Final", value) for each, value in zip(names, values, strict=True)]
        case ast.AnnAssign(ast.Name(name), kind, ast.expr() as value):
            said = [(name, f"Final[{ast.unparse(kind)}]", value)]
        case _:
            return []
    if not all(CAPITALS.fullmatch(name) for name, _, _ in said):
        return []
    return [f"{name}: {kind} = {ast.unparse(value)}" for name, kind, value in said]


def _key() -> str:
    """Of all that the result depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (Path(__file__), *sorted(SOURCES.rglob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _compile() -> None:
    """Raises SystemExit or ImportError where it cannot be done."""
    from mypyc.build import mypycify
    from setuptools import setup

    sys.stderr.write("compiling what the campaign plays (once; some minutes)\n")
    for module in modules():
        copy = COMPILED / module
        copy.write_text(final(copy.read_text()))
    with chdir(COMPILED), Path(LOG).open("w") as log, redirect_stdout(log), redirect_stderr(log):
        # All in one group, so that calls between modules are native, too: that takes a quarter less time.
        native = mypycify(["--config-file=", *modules()], opt_level="2", debug_level="0", multi_file=True)
        for each in native:  # nothing but the modules' beginnings is called from outside
            each.extra_compile_args = [*each.extra_compile_args, "-fvisibility=hidden"]
        setup(name="compiled", ext_modules=native, script_args=["--quiet", "build_ext", "--inplace"])


async def _compare() -> None:
    """Raises SystemExit when histories go another way than in plain Python, ExceptionGroup when a worker dies.

    mypyc believes what types say, and plain Python never looks.
    """
    if await _played(SOURCES) != await _played(COMPILED):
        raise SystemExit(f"other than its sources plays {COMPILED}")


async def _played(sources: Path) -> Tally:
    """What workers tell that import from there."""
    os.environ["PYTHONPATH"] = str(sources)
    tally = Tally()
    await many.campaign(SEED, HISTORIES, 3600, many.cores(), tally.merge)
    return tally


if __name__ == "__main__":
    compiled()
