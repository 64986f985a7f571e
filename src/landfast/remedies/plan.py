"""From findings to what can be done about them on this host. Pure.

A finding names its remedy; here is who can carry it out. Rules of the host change for foreign sources only; whatever a
session can do better by itself goes into its policy, a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    ForeignSourcePossible,
    ForeignSourceTried,
    RelayRoundTrip,
    RelayTried,
    Step,
)
from landfast.model.findings import Finding
from landfast.model.policy import Policy
from landfast.remedies.masquerade.options import Options

SHARE = 0.5
"""Of a binding's lifetime, between two packets: one may be lost, and the next still comes in time."""


@dataclass(frozen=True)
class Treatment:
    """What shall be done. `policy` is the whole of it, with what the file said before.

    `by_rules`, `by_policy`, `not_here`: the codes of the findings that each is for; the last are beyond this host.
    """

    masquerade: Options | None = None
    policy: Policy | None = None
    by_rules: tuple[str, ...] = ()
    by_policy: tuple[str, ...] = ()
    not_here: tuple[str, ...] = ()


def plan(found: Iterable[Finding], facts: Sequence[Fact], now: Policy, *, rules: bool = True) -> Treatment:
    """The treatment. `now`: the policy in force; `rules`: whether this host lets its packet rules be changed, for else
    a session must keep to the right interface by itself."""
    treatment = Treatment()
    for finding in found:
        if finding.remedy == "masquerade" and rules:
            guarded = Options(interfaces=_egresses(facts))
            by_rules = (*treatment.by_rules, finding.code)
            treatment = replace(treatment, masquerade=guarded, by_rules=by_rules)
        elif policy := _better(treatment.policy or now, finding, facts):
            by_policy = (*treatment.by_policy, finding.code)
            treatment = replace(treatment, policy=policy, by_policy=by_policy)
        else:
            treatment = replace(treatment, not_here=(*treatment.not_here, finding.code))
    return treatment


def _better(policy: Policy, finding: Finding, facts: Sequence[Fact]) -> Policy | None:
    """The policy with what a finding asks for; None where no session could do anything about it."""
    match finding.remedy:
        case "masquerade" | "interface-policy" if ways := _ways_out(facts):
            return replace(policy, interfaces=ways)
        case "keepalive" if seconds := _lifetime(finding):
            # The shorter of what is measured now and what was before: the host may have seen a worse network.
            return replace(policy, keepalive=min(seconds * SHARE, policy.keepalive or seconds))
        case "relay" | "relay-tcp" if relays := _relays(facts):
            return replace(policy, relays=relays)
        case "prefer-ipv4":
            return replace(policy, families=(4,))
    return None


def _egresses(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Where foreign sources leave; none lets the masquerade take the default routes' interfaces."""
    leaving = (f.egress for f in facts if isinstance(f, ForeignSourcePossible | ForeignSourceTried))
    return tuple(dict.fromkeys(leaving))


def _ways_out(facts: Iterable[Fact]) -> tuple[str, ...]:
    routes = sorted((f.metric, f.interface) for f in facts if isinstance(f, DefaultRouteSeen))
    return tuple(dict.fromkeys(interface for _, interface in routes))


def _lifetime(finding: Finding) -> float | None:
    seconds = dict(finding.values).get("seconds")
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None


def _relays(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Those that gave an allocation, the quickest echo first; those without an echo last."""
    facts = list(facts)
    working = dict.fromkeys(f.url for f in facts if isinstance(f, RelayTried) and f.step is Step.ALLOCATE and f.ok)
    quick = {f.url: f.seconds for f in facts if isinstance(f, RelayRoundTrip)}
    return tuple(sorted(working, key=lambda url: (url not in quick, quick.get(url, 0.0))))
