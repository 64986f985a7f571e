"""How long the NAT keeps a binding. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from landfast.diagnose.estimates import Lifetime, inbound_refreshes, lifetime, oldest
from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules.rule import Consequence, Rule
from landfast.model.findings import Confidence, Finding, Severity

SHORT = 30.0
"""Seconds. RFC 4787 (REQ-5) demands 120; Linux's default for a flow that is no stream yet, and with it that of most
home routers, is 30, and what applications expect (heartbeats every 20 to 28 s are the common advice)."""

PRECISE = 0.98
"""A lifetime is measured to 2 %: one of 30 s is not short because it was measured as 29.5 s."""

KEEPALIVE = 15.0
"""Seconds between two keepalives of ICE (RFC 8445, section 11: Tr SHOULD have a default of 15 seconds)."""

TRIES = 2
"""Keepalives within one lifetime: one may be lost, and the next still comes in time."""


def short(evidence: Evidence) -> Iterator[Finding]:
    """What a running connection has is a stream; where that was not measured, what was answered once."""
    for state, sure in (("stream", Confidence.PROVED), ("replied", Confidence.LIKELY)):
        measured = lifetime(evidence, state)  # type: ignore[arg-type]
        if measured is None:
            continue
        if measured.seconds is not None and measured.dead is not None and measured.dead < SHORT * PRECISE:
            yield _short(evidence, measured, measured.seconds, state, sure)
        return


def _short(evidence: Evidence, measured: Lifetime, seconds: float, state: str, sure: Confidence) -> Finding:
    severity = Severity.HARMFUL if seconds <= KEEPALIVE else Severity.NOTICE
    refreshed = {True: "both", False: "outbound", None: "unknown"}[inbound_refreshes(evidence)]
    values = (
        ("seconds", round(seconds, 2)),
        ("alive", round(measured.alive, 2)),
        ("dead", round(measured.dead or seconds, 2)),
        ("state", state),
        ("refresh", refreshed),
        ("keepalive", round(seconds / TRIES, 1)),
    )
    return Finding("binding-lifetime-short", severity, sure, measured.because, "keepalive", values=values)


def absolute(evidence: Evidence) -> Iterator[Finding]:
    """Bindings die at an age although the inside keeps them alive."""
    measured = oldest(evidence)
    if measured is not None and measured.seconds is not None and measured.dead is not None:
        values = (
            ("seconds", round(measured.seconds, 2)),
            ("alive", round(measured.alive, 2)),
            ("dead", round(measured.dead, 2)),
        )
        yield Finding(
            "binding-lifetime-absolute",
            Severity.HARMFUL,
            Confidence.PROVED,
            measured.because,
            "relay-tcp",
            values=values,
        )


def _is_its_age(age: Finding, silence: Finding) -> bool:
    """What is left alone dies of the age, too."""
    return float(dict(silence.values)["dead"]) >= PRECISE * float(dict(age.values)["alive"])


BINDING_LIFETIME_ABSOLUTE = Rule(
    "binding-lifetime-absolute",
    absolute,
    explains=(Consequence("binding-lifetime-short", _is_its_age, "where that is the age"),),
)
BINDING_LIFETIME_SHORT = Rule("binding-lifetime-short", short)
