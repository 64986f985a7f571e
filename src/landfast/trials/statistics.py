"""What a trial proves: how sure its counts are, and whether the remedy is what made the difference. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from landfast.trials.result import Attempt

ALPHA = 0.05
"""Below it a difference is called proved. The usual bound (R. A. Fisher, Statistical Methods for Research Workers,
1925); ten attempts in each arm reach it when the address changes in 5 or more of the *off* ones and in none of the *on*
ones."""

OFF, ON = "off", "on"


@dataclass(frozen=True)
class Proportion:
    """`count` of `of`, and the 95 % interval of the proportion behind it (Wilson, 1927)."""

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One arm. Counts that nobody could see are None."""

    name: str
    attempts: int
    connected: Proportion
    changed: Proportion
    """Attempts during which the public address changed at least once."""
    foreign_source_packets: int | None
    gateway_violations: int | None
    gateway_resets: int | None
    longest_bystander_stall_s: float | None
    """Of any attempt."""
    shortest_bystander_stall_s: float | None
    """The least of the attempts' longest: every attempt's bystander waited at least that."""
    time_to_connect_s: float | None
    """Median of those that connected."""


@dataclass(frozen=True)
class Verdict:
    """`proved` is None where the trial did not compare off with on."""

    proved: bool | None
    p_value: float | None
    """Fisher's exact test, two-sided, on address changes, off against on."""
    because: str


def wilson(count: int, of: int) -> Proportion:
    """The score interval: it holds at 0 of 10 and 10 of 10, where the textbook's normal interval has no width."""
    from scipy.stats import binomtest

    if not of:
        return Proportion(0, 0, 0.0, 1.0)
    interval = binomtest(count, of).proportion_ci(confidence_level=0.95, method="wilson")
    return Proportion(count, of, float(interval.low), float(interval.high))


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p of two (count, of) pairs, exact, so that ten attempts are enough for it."""
    from scipy.stats import fisher_exact

    table = [[count, of - count] for count, of in (first, second)]
    return float(fisher_exact(table).pvalue)


def summarise(attempts: Iterable[Attempt]) -> tuple[Summary, ...]:
    """One summary an arm, in the order in which arms first appear."""
    arms: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        arms.setdefault(attempt.arm, []).append(attempt)
    return tuple(_summary(name, of) for name, of in arms.items())


def _summary(name: str, attempts: list[Attempt]) -> Summary:
    times = [a.time_to_connect_s for a in attempts if a.time_to_connect_s is not None]
    stalls = [a.longest_bystander_stall_s for a in attempts if a.longest_bystander_stall_s is not None]
    return Summary(
        name,
        len(attempts),
        wilson(sum(a.connected for a in attempts), len(attempts)),
        wilson(sum(a.address_changed for a in attempts), len(attempts)),
        total(a.foreign_source_packets for a in attempts),
        total(a.gateway_violations for a in attempts),
        total(a.gateway_resets for a in attempts),
        max(stalls, default=None),
        min(stalls, default=None),
        median(times) if times else None,
    )


def total(counts: Iterable[int | None]) -> int | None:
    """The sum; unknown when any part of it is."""
    known = 0
    for count in counts:
        if count is None:
            return None
        known += count
    return known


def judge(summaries: Iterable[Summary]) -> Verdict:
    """Whether the cure is proved: without it the address changed, with it never, every attempt with it connected, and
    Fisher's exact test says that so clear a difference comes by chance less often than ALPHA."""
    arms = {summary.name: summary for summary in summaries}
    if OFF not in arms or ON not in arms:
        counts = ", ".join(f"{arm.name} {arm.changed.count} of {arm.changed.of}" for arm in arms.values())
        return Verdict(None, None, f"Measured: attempts in which the public address changed: {counts or 'none yet'}.")
    off, on = arms[OFF], arms[ON]
    p = fisher((off.changed.count, off.changed.of), (on.changed.count, on.changed.of))
    changes = f"the public address changed in {off.changed.count} of {off.changed.of} attempts without the remedy"
    if not off.changed.count:
        return Verdict(False, p, f"There was nothing to cure: {changes}.")
    if on.changed.count:
        return Verdict(False, p, f"Not cured: {changes} and in {on.changed.count} of {on.changed.of} with it.")
    if on.connected.count < on.connected.of:
        return Verdict(
            False,
            p,
            f"Not cured: {changes} and in none with it, but only {on.connected.count} of {on.connected.of} connected.",
        )
    if p >= ALPHA:
        return Verdict(
            False,
            p,
            f"Not proved yet: {changes} and in none of {on.changed.of} with it; chance does as much (p = {p:.2g}).",
        )
    return Verdict(
        True, p, f"Cured: {changes} and in none of {on.changed.of} with it; all {on.connected.of} of those connected."
    )
