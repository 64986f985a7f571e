"""Facts → findings: every rule is asked, consequences of a named cause are silent. Pure.

A rule finds something only where facts show it. What is not known, an answer that was not asked for and silence that
may be chance are never a finding.
"""

from __future__ import annotations

from collections.abc import Iterable

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules import RULES
from landfast.model.facts import Fact
from landfast.model.findings import Confidence, Finding, Severity

_SEVERITIES = list(Severity)


def findings(facts: Iterable[Fact]) -> tuple[Finding, ...]:
    """What the facts about one host and one uplink mean: the worst first, of equally bad ones causes first.

    Where facts were gathered over several uplinks, give those of each by themselves, with the facts about the host.
    A healthy network has none.
    """
    evidence = Evidence(facts)
    found = [(rule, finding) for rule in RULES for finding in rule.find(evidence)]
    told = [
        finding
        for _, finding in found
        if not any(
            consequence.code == finding.code and consequence.when(cause, finding)
            for rule, cause in found
            if cause.confidence is not Confidence.POSSIBLE
            for consequence in rule.explains
        )
    ]
    return tuple(sorted(told, key=lambda finding: _SEVERITIES.index(finding.severity)))
