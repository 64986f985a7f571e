"""The public address becomes another one: whenever WebRTC opens, or by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules.rule import Rule
from landfast.diagnose.timeline import Change, changes, follows_an_opening, follows_one_of, leaked
from landfast.model.facts import ConnectionTried, Fact
from landfast.model.findings import Confidence, Finding, Severity


def changes_on_webrtc(evidence: Evidence) -> Iterator[Finding]:
    """Each change came within seconds of an opening, and none by itself. After one opening it may be chance."""
    found = changes(evidence)
    if not found or not all(follows_an_opening(change, evidence) for change in found):
        return
    openings = evidence.of(ConnectionTried)
    followed = [one for one in openings if any(follows_an_opening(change, Evidence([one])) for change in found)]
    sure = Confidence.PROVED if len(followed) > 1 else Confidence.LIKELY
    values = (("openings", len(openings)), ("followed", len(followed)), *_numbers(found))
    yield Finding("public-address-changes-on-webrtc", Severity.FATAL, sure, _because(found), values=values)


def unstable(evidence: Evidence) -> Iterator[Finding]:
    """A change that followed neither an opening nor packets with a foreign source."""
    left = leaked(evidence)
    alone = [
        change
        for change in changes(evidence)
        if not follows_one_of(change, left) and not follows_an_opening(change, evidence)
    ]
    if alone:
        yield Finding(
            "public-address-unstable", Severity.HARMFUL, Confidence.PROVED, _because(alone), values=_numbers(alone)
        )


def _because(found: Sequence[Change]) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(fact for change in found for fact in change.because))


def _numbers(found: Sequence[Change]) -> tuple[tuple[str, int | str], ...]:
    return ("changes", len(found)), ("old", found[0].old), ("new", found[0].new)


PUBLIC_ADDRESS_CHANGES_ON_WEBRTC = Rule("public-address-changes-on-webrtc", changes_on_webrtc)
PUBLIC_ADDRESS_UNSTABLE = Rule("public-address-unstable", unstable)
