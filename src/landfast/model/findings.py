"""Findings: what the facts mean. Data only; the rules that make them stand in `diagnose/`. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from landfast.model.facts import Fact


class Severity(StrEnum):
    """How much it matters to a WebRTC connection."""

    FATAL = "fatal"
    """No connection, or none that lasts, while it is there."""
    HARMFUL = "harmful"
    """Connections are made and break, or depend on a relay."""
    NOTICE = "notice"
    """Worth knowing; nothing breaks by it alone."""


class Confidence(StrEnum):
    """How sure the facts make it."""

    PROVED = "proved"
    """Seen itself: the packet, the change, the refusal."""
    LIKELY = "likely"
    """The facts fit nothing else that is known, but the thing itself was not seen."""
    POSSIBLE = "possible"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `code` is stable and kebab-case; the words for it are in `diagnose/explain.py`."""

    code: str
    severity: Severity
    confidence: Confidence
    because: tuple[Fact, ...]
    """The evidence, in the order in which it tells."""
    remedy: str | None = None
    """What helps, by the name that `landfast fix` knows it by; None: nothing that can be done here."""
    subject: str = ""
    """What it is about where there may be several: an interface, a URL."""
    values: tuple[tuple[str, float | int | str], ...] = ()
    """Numbers and names for the sentence: `(("seconds", 20.0),)`."""

    def as_json(self) -> dict[str, Any]:
        """`{code, severity, confidence, subject, values, because, remedy}`."""
        because = [{"fact": type(fact).__name__, **asdict(fact)} for fact in self.because]
        said = {"code": self.code, "severity": self.severity, "confidence": self.confidence, "subject": self.subject}
        return {**said, "values": dict(self.values), "because": because, "remedy": self.remedy}
