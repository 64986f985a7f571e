"""How long packets take. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules.rule import Rule
from landfast.model.facts import RoundTrips
from landfast.model.findings import Confidence, Finding, Severity

SLOW = 0.5
"""Seconds. aioice 0.13 waits that long for the answer to a consent check, never repeats one, and closes the connection
after six in a row without an answer (aioice/stun.py: RETRY_RTO; aioice/ice.py: CONSENT_FAILURES)."""

ENOUGH = 5
"""Answers."""


def too_high(evidence: Evidence) -> Iterator[Finding]:
    """Half of the answers and more come too late, from every server: a single far one says nothing."""
    by_server: dict[str, list[RoundTrips]] = defaultdict(list)
    for fact in evidence.of(RoundTrips):
        by_server[fact.server[0]].append(fact)
    medians = {}
    for server, facts in by_server.items():
        seconds = [each for fact in facts for each in fact.seconds]
        if len(seconds) >= ENOUGH:
            medians[server] = median(seconds)
    if medians and min(medians.values()) > SLOW:
        nearest = min(medians, key=lambda server: medians[server])
        because = tuple(by_server[nearest])
        sent, received = sum(fact.sent for fact in because), sum(len(fact.seconds) for fact in because)
        lost = max(0, sent - received)
        values = (("seconds", round(medians[nearest], 3)), ("sent", sent), ("lost", lost), ("server", nearest))
        yield Finding("rtt-too-high", Severity.HARMFUL, Confidence.PROVED, because, values=values)


RTT_TOO_HIGH = Rule("rtt-too-high", too_high)
