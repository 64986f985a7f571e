"""What a rule is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from landfast.diagnose.evidence import Evidence
from landfast.model.findings import Finding


def _always(_cause: Finding, _consequence: Finding) -> bool:
    return True


@dataclass(frozen=True)
class Consequence:
    """A finding that only follows from another, and is silent beside it."""

    code: str
    when: Callable[[Finding, Finding], bool] = _always
    """Of the cause and the consequence: whether this one follows from that one."""
    some: str = ""
    """`when`, in words; empty where it always follows."""


@dataclass(frozen=True)
class Rule:
    """One finding code, how it is found, and what it explains."""

    code: str
    find: Callable[[Evidence], Iterable[Finding]]
    explains: tuple[Consequence, ...] = ()
