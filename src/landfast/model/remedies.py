"""Remedies as data: what would be done, how it is undone, what it costs; and what came of doing it. Pure.

A `Remedy` is a plan made of steps. A step is a program to run or a file to change; there is nothing else a remedy may
do. The same steps are carried out, printed (`--dry-run`) and written into the script that undoes a change nobody
confirmed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """Run a program with `given` on its standard input; a code other than 0 is a failure unless `may_fail`."""

    argv: tuple[str, ...]
    given: str = ""
    may_fail: bool = False


@dataclass(frozen=True)
class Write:
    """Write a whole file, at once or not at all. `path` is absolute on the host; `mode` its permission bits."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    """Make a symbolic link at `path`."""

    path: str
    target: str


@dataclass(frozen=True)
class Remove:
    """Remove a file or a link; with `folder` the folder it was in, too, if that is empty then."""

    path: str
    folder: bool = False


Step = Run | Write | Link | Remove


@dataclass(frozen=True)
class Undo:
    """How to go back: the command a person gives, and what leads to the host as it was when the remedy was planned."""

    command: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Remedy:
    """A plan. No steps: the host is already as desired."""

    name: str
    what: str
    """One sentence: what it does, in the words of the field."""
    scope: str
    """What it touches and, by that, what it does not."""
    cost: str
    """What gets worse by it."""
    steps: tuple[Step, ...]
    undo: Undo
    detail: tuple[str, ...] = ()
    """What the steps put there, in lines that a person reads."""
    notes: tuple[str, ...] = ()
    """What the one who applies it should know about this host."""


@dataclass(frozen=True)
class Outcome:
    """What came of applying a remedy. `changed` is False when everything was there already."""

    remedy: Remedy
    changed: bool
    notes: tuple[str, ...] = ()


_LETTERS = "EFGHIJKLMNOPQRSTUVWXYZABCD"


def shell(steps: Iterable[Step]) -> str:
    """The steps as lines for a POSIX shell."""
    return "".join(f"{_line(step)}\n" for step in steps)


def _line(step: Step) -> str:
    match step:
        case Run(argv, given, may_fail):
            return _given(shlex.join(argv), given, " || :" if may_fail else "")
        case Write(path, text, mode):
            return (
                f"{_folder_of(path)}\n{_given(f'cat >{shlex.quote(path)}', text)}\nchmod {mode:o} {shlex.quote(path)}"
            )
        case Link(path, target):
            return f"{_folder_of(path)}\nln -sf {shlex.join([target, path])}"
        case Remove(path, folder):
            empty = f"\nrmdir {shlex.quote(path.rpartition('/')[0])} 2>/dev/null || :" if folder else ""
            return f"rm -f {shlex.quote(path)}{empty}"


def _folder_of(path: str) -> str:
    return f"mkdir -p {shlex.quote(path.rpartition('/')[0] or '/')}"


def _given(command: str, text: str, tail: str = "") -> str:
    """A command with a here-document, taken literally. A text without a last newline gets one: the shell knows no
    other.
    """
    if not text:
        return f"{command} </dev/null{tail}"
    mark = _mark(text.split("\n"))
    return f"{command} <<'{mark}'{tail}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{mark}"


def _mark(lines: Sequence[str]) -> str:
    """A word that is none of the lines. Nor does a line begin as it does, if that can be: dash 0.5.12 loses the byte
    behind such a beginning when it is above 127.
    """
    taken = {line[:1] for line in lines}
    mark = next((letter for letter in _LETTERS if letter not in taken), "E") + "ND"
    while mark in lines:
        mark += "_"
    return mark
