"""Results counted: how many histories, what was violated, how long recoveries took. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from landfast.trials.campaign.invariants import Violation
from landfast.trials.campaign.play import Result

_KEPT = 100  # failures


@dataclass(frozen=True)
class Failure:
    """A history that failed."""

    seed: int
    violations: tuple[Violation, ...]


@dataclass
class Tally:
    """Of so many histories. Recovery times are counted by the hundredth of a second, so that millions cost nothing."""

    histories: int = 0
    connected: int = 0
    packets: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    violated: Counter[str] = field(default_factory=Counter)
    recoveries: Counter[int] = field(default_factory=Counter)

    def add(self, seed: int, result: Result) -> None:
        """One more."""
        self.histories += 1
        self.connected += result.connected
        self.packets += result.packets
        self.recoveries.update(round(100 * seconds) for seconds in result.recoveries)
        self.violated.update(result.named)
        if result.violations:
            self.failed += 1
            self.failures.append(Failure(seed, result.violations[:1]))

    def merge(self, other: Tally) -> None:
        """Add another one's."""
        self.histories += other.histories
        self.connected += other.connected
        self.packets += other.packets
        self.failed += other.failed
        self.failures = (self.failures + other.failures)[:_KEPT]
        self.violated += other.violated
        self.recoveries += other.recoveries

    def quantile(self, share: float) -> float | None:
        """The recovery time, in seconds, that this share of all stays at or below; None without any."""
        passed, most = 0, share * self.recoveries.total()
        for hundredths in sorted(self.recoveries):
            passed += self.recoveries[hundredths]
            if passed >= most:
                return hundredths / 100
        return None

    def document(self) -> dict[str, Any]:
        """As it goes through a pipe and into JSON."""
        return {
            "histories": self.histories,
            "connected": self.connected,
            "packets": self.packets,
            "failed": self.failed,
            "failures": [
                {"seed": each.seed, "violations": [asdict(violation) for violation in each.violations]}
                for each in self.failures
            ],
            "violated": dict(self.violated),
            "recoveries": {str(hundredths): count for hundredths, count in sorted(self.recoveries.items())},
        }


def read(document: dict[str, Any]) -> Tally:
    """What `document` wrote."""
    return Tally(
        histories=document["histories"],
        connected=document["connected"],
        packets=document["packets"],
        failed=document["failed"],
        failures=[
            Failure(each["seed"], tuple(Violation(**violation) for violation in each["violations"]))
            for each in document["failures"]
        ],
        violated=Counter(document["violated"]),
        recoveries=Counter({int(hundredths): count for hundredths, count in document["recoveries"].items()}),
    )
