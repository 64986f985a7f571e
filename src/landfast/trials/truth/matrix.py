"""Runs → the confusion matrix (truth × finding), the times, and the verdict. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from landfast.trials.truth.declared import Truth

NOTHING = "(healthy)"
"""The truth, or the finding, where there is none."""


@dataclass(frozen=True)
class Run:
    """Doctor on one network. `problem`: why it gave no answer."""

    network: str
    loss: float
    truth: Truth
    found: frozenset[str] = frozenset()
    seconds: float = 0.0
    unknown: tuple[str, ...] = ()
    """What doctor said that it could not tell."""
    problem: str = ""

    @property
    def missed(self) -> frozenset[str]:
        """What is true and was not found."""
        return self.truth.must - self.found

    @property
    def wrong(self) -> frozenset[str]:
        """What was found and is not true."""
        return self.found - self.truth.must - self.truth.may


@dataclass(frozen=True)
class Matrix:
    """All runs at one share of lost packets."""

    loss: float
    runs: tuple[Run, ...]

    @property
    def cells(self) -> Counter[tuple[str, str]]:
        """How often a true cause (or a healthy network) went with a finding (or with none)."""
        counted: Counter[tuple[str, str]] = Counter()
        for run in self.runs:
            for code in run.truth.must:
                counted[code, code if code in run.found else NOTHING] += 1
            for code in run.wrong:
                counted[NOTHING, code] += 1
            if not run.truth.must and not run.wrong and not run.problem:
                counted[NOTHING, NOTHING] += 1
        return counted

    @property
    def causes(self) -> int:
        """How many true causes there were in all."""
        return sum(len(run.truth.must) for run in self.runs)

    @property
    def named(self) -> float:
        """The share of true causes that were named; 1 where there were none."""
        return 1 - sum(len(run.missed) for run in self.runs) / self.causes if self.causes else 1.0

    @property
    def wrong(self) -> int:
        """How many findings were not true."""
        return sum(len(run.wrong) for run in self.runs)

    @property
    def seconds(self) -> float:
        """The median time of a run."""
        return statistics.median(run.seconds for run in self.runs) if self.runs else 0.0

    def passed(self, least: float) -> bool:
        """Whether nothing wrong was said and at least this share of the causes was named."""
        return not self.wrong and self.named >= least and not any(run.problem for run in self.runs)

    def rows(self) -> list[tuple[str, int, int, int]]:
        """By code: how often it was true, named, and said wrongly; the codes in the order of their names."""
        cells = self.cells
        codes = sorted({code for pair in cells for code in pair} - {NOTHING})
        return [
            (code, sum(n for (truth, _), n in cells.items() if truth == code), cells[code, code], cells[NOTHING, code])
            for code in codes
        ]


def made(matrices: Sequence[Matrix]) -> int:
    """How many runs they are of."""
    return sum(len(matrix.runs) for matrix in matrices)


def as_json(matrices: Sequence[Matrix], seeds: Sequence[int], planned: int) -> dict[str, Any]:
    """One object; every run is in it. `planned` is how many there should have been."""

    def plain(run: Run) -> dict[str, Any]:
        said = {**asdict(run), "must": sorted(run.truth.must), "may": sorted(run.truth.may)}
        del said["truth"]
        return {**said, "found": sorted(run.found), "missed": sorted(run.missed), "wrong": sorted(run.wrong)}

    return {
        "schema_version": 1,
        "finished": made(matrices) == planned,
        "seeds": list(seeds),
        "matrices": [
            {
                "loss": matrix.loss,
                "causes": matrix.causes,
                "named": matrix.named,
                "wrong": matrix.wrong,
                "median_s": matrix.seconds,
                "codes": [dict(zip(("code", "true", "named", "wrong"), row, strict=True)) for row in matrix.rows()],
                "runs": [plain(run) for run in matrix.runs],
            }
            for matrix in matrices
        ],
    }
