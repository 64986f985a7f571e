from __future__ import annotations

from landfast.diagnose.rules.rule import Consequence
from landfast.model.findings import Confidence, Finding, Severity


def test_a_consequence_always_follows_unless_it_says_when() -> None:
    cause, other = (Finding(code, Severity.NOTICE, Confidence.PROVED, ()) for code in ("a", "b"))
    assert Consequence("b").when(cause, other)
    assert not Consequence("b", lambda one, two: one.code == two.code).when(cause, other)
