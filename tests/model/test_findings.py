from __future__ import annotations

import json

from landfast.model.facts import ForeignSourceTried, MappedAddress
from landfast.model.findings import Confidence, Finding, Severity


def test_a_finding_goes_into_json_with_its_evidence_and_the_names_of_its_facts() -> None:
    seen = MappedAddress(1.0, ("198.51.100.5", 3478), ("192.168.1.10", 5000), ("203.0.113.10", 5000))
    left = ForeignSourceTried(2.0, "10.42.0.1", "wlan0", 3, None)
    finding = Finding(
        "source-address-leak", Severity.FATAL, Confidence.PROVED, (left, seen), "masquerade", "wlan0", (("packets", 3),)
    )
    said = json.loads(json.dumps(finding.as_json()))
    assert [fact["fact"] for fact in said["because"]] == ["ForeignSourceTried", "MappedAddress"]
    assert said["because"][0]["left"] is None
    assert {key: said[key] for key in said if key != "because"} == {
        "code": "source-address-leak",
        "severity": "fatal",
        "confidence": "proved",
        "subject": "wlan0",
        "values": {"packets": 3},
        "remedy": "masquerade",
    }
