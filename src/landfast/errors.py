"""Every error of landfast, by whose fault it is.

    LandfastError                  exit 4   (raised bare only for a defect of landfast itself)
    ├── RequestError               exit 2   the caller asked wrongly
    │   ├── BadFile                         a file says something impossible: path, line, remedy
    │   └── UnknownName                     a name that is not one of these: kind, name, allowed
    ├── CapabilityMissing          exit 3   this host cannot do it: what is missing, what provides it
    └── WorldError                 exit 3   it broke outside: a program failed, the kernel refused
        ├── ProgramFailed                   argv, exit code, stderr
        ├── NotReady                        something started did not become ready in time
        └── NotAsDeclared                   a laboratory network measured otherwise than it says

Errors carry fields; `__str__` composes the sentence. A probe without an answer is a Fact, not an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class LandfastError(Exception):
    """Root of all errors that landfast raises on purpose. They can be pickled, and so cross to and from a sandbox."""

    exit_code = 4

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)  # Exception's own way loses keyword arguments


def _again(kind: type[LandfastError], arguments: tuple[object, ...], fields: dict[str, object]) -> LandfastError:
    problem = kind.__new__(kind, *arguments)
    problem.__dict__.update(fields)
    return problem


class RequestError(LandfastError):
    """The caller asked for something that cannot be: say what, and what can."""

    exit_code = 2


@dataclass(eq=False)
class BadFile(RequestError):
    """A file from outside holds something impossible."""

    path: Path | str
    line: int | None
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{place}: {self.problem}" + (f" ({self.remedy})" if self.remedy else "")


@dataclass(eq=False)
class UnknownName(RequestError):
    """A name that is none of the allowed ones."""

    kind: str
    name: str
    allowed: Sequence[str]

    def __str__(self) -> str:
        return f"no {self.kind} is called {self.name!r}; there are: {', '.join(self.allowed) or 'none'}"


@dataclass(eq=False)
class CapabilityMissing(LandfastError):
    """The host lacks something; the field `provided_by` tells what to do about it."""

    capability: str
    provided_by: str
    detail: str = ""

    exit_code = 3

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"missing capability: {self.capability}{detail}; provided by: {self.provided_by}"


class WorldError(LandfastError):
    """Something outside landfast broke or refused."""

    exit_code = 3


@dataclass(eq=False)
class ProgramFailed(WorldError):
    """A program ended with a code other than 0."""

    argv: Sequence[str]
    code: int
    stderr: str
    given: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"`{' '.join(self.argv)}` ended with {self.code}: {self.stderr.strip() or 'no message'}"


@dataclass(eq=False)
class NotReady(WorldError):
    """Something that was started did not become ready."""

    what: str
    seconds: float
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} was not ready within {self.seconds:g} s" + (f": {self.detail}" if self.detail else "")


@dataclass(eq=False)
class NotAsDeclared(WorldError):
    """A laboratory network was measured and differs from its declaration."""

    network: str
    differences: Sequence[str]

    def __str__(self) -> str:
        return f"network {self.network} is not as declared:\n  " + "\n  ".join(self.differences)
