"""Packets that leave an interface with a source that is not its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules.rule import Consequence, Rule
from landfast.diagnose.timeline import UDP, Change, follow_a_leak
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    ForeignSourcePacket,
    ForeignSourcePossible,
    ForeignSourceTried,
    Gathered,
)
from landfast.model.findings import Confidence, Finding, Severity

_SHOWN = 10
"""Packets of a capture that are told as evidence; how many there were is a value."""


def leaks(evidence: Evidence) -> Iterator[Finding]:
    """For each way out: seen leaving (proved), or routed so and caught by no rule (likely).

    Where the rules cannot be read it is possible, no more. What was tried and did not leave does not leak.
    """
    ways = {fact.egress for fact in evidence.of(ForeignSourcePossible)}
    ways |= {fact.egress for fact in evidence.of(ForeignSourceTried)} | {
        packet.interface for packet in evidence.of(ForeignSourcePacket)
    }
    if not ways and any(gathered.foreign for gathered in evidence.of(Gathered)):
        ways = {route.interface for route in evidence.of(DefaultRouteSeen)} or {""}
    for egress in sorted(ways):
        # An agent's gathering is counted on one way out, its host's.
        gathered = [fact for fact in evidence.of(Gathered) if fact.foreign and len(ways) == 1]
        yield from _seen(evidence, egress, gathered) or _routed(evidence, egress)


def _seen(evidence: Evidence, egress: str, gathered: list[Gathered]) -> list[Finding]:
    tried = [fact for fact in evidence.of(ForeignSourceTried) if fact.egress == egress and fact.left]
    packets = [fact for fact in evidence.of(ForeignSourcePacket) if fact.interface == egress and fact.protocol == UDP]
    if not (tried or packets or gathered):
        return []
    count = len(packets) + sum(fact.left or 0 for fact in tried) + sum(fact.foreign or 0 for fact in gathered)
    sources = {fact.source for fact in tried} | {packet.source for packet in packets}
    because: tuple[Fact, ...] = (*tried, *gathered, *packets[:_SHOWN])
    return [_finding(Confidence.PROVED, egress, sources, because, follow_a_leak(evidence), count)]


def _routed(evidence: Evidence, egress: str) -> list[Finding]:
    stayed = {fact.source for fact in evidence.of(ForeignSourceTried) if fact.egress == egress and fact.left == 0}
    uncovered = [
        fact
        for fact in evidence.of(ForeignSourcePossible)
        if fact.egress == egress and fact.covered_by is None and fact.source not in stayed
    ]
    known = [fact for fact in uncovered if fact.rules_known]
    if known:
        sources = {fact.source for fact in known}
        return [_finding(Confidence.LIKELY, egress, sources, tuple(known), follow_a_leak(evidence), 0)]
    if uncovered:
        return [_finding(Confidence.POSSIBLE, egress, {fact.source for fact in uncovered}, tuple(uncovered), (), 0)]
    return []


def _finding(
    confidence: Confidence,
    egress: str,
    sources: set[str],
    because: tuple[Fact, ...],
    followed: Sequence[Change],
    packets: int,
) -> Finding:
    if followed:
        severity = Severity.FATAL
    else:
        severity = Severity.NOTICE if confidence is Confidence.POSSIBLE else Severity.HARMFUL
    values = (
        ("egress", egress),
        ("sources", ", ".join(sorted(sources))),
        ("packets", packets),
        ("changes", len(followed)),
    )
    told = tuple(dict.fromkeys(fact for change in followed for fact in change.because))
    return Finding("source-address-leak", severity, confidence, (*because, *told), "masquerade", egress, values)


def _accounted_for(leak: Finding, changed: Finding) -> bool:
    """The leak came before each of the changes."""
    return set(changed.because) <= set(leak.because)


SOURCE_ADDRESS_LEAK = Rule(
    "source-address-leak",
    leaks,
    explains=(
        Consequence("public-address-changes-on-webrtc", _accounted_for, "each change came within seconds after"),
        Consequence("public-address-unstable", _accounted_for, "each change came within seconds after"),
    ),
)
