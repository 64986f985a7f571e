from __future__ import annotations

import json
from dataclasses import replace

from landfast.trials.document import document
from tests.trials.stories import story, trial


def test_the_document_has_the_promised_keys_and_is_json() -> None:
    said = json.loads(json.dumps(document(trial(story()), journal="t.jsonl", report="r.html"), allow_nan=False))
    assert (said["schema_version"], said["network"], said["proved"], said["finished"]) == (1, "mifi", True, True)
    assert (said["journal"], said["report"]) == ("t.jsonl", "r.html")
    off, on = said["arms"]
    assert (off["name"], off["attempts"], off["connected"], off["address_changed"]) == ("off", 10, 0, 10)
    assert (off["foreign_source_packets"], off["gateway_resets"]) == (30, 10)
    assert (off["longest_bystander_stall_s"], off["shortest_bystander_stall_s"]) == (3.2, 3.2)
    assert (on["connected"], on["address_changed"], on["foreign_source_packets"]) == (10, 0, 0)
    assert on["connected_interval"] == [0.7225, 1.0]
    assert said["p_value"] < 0.001
    assert said["attempts"][0]["address_changed"] is True
    assert said["attempts"][0]["address_changes"][0]["new"] == "203.0.113.11"
    assert said["provenance"][0]["kernel"] == "6.18"


def test_unknown_is_null_and_unfinished_is_told() -> None:
    said = document(trial([replace(attempt, foreign_source_packets=None) for attempt in story()[:3]]))
    assert said["arms"][0]["foreign_source_packets"] is None
    assert (said["finished"], said["proved"], said["p_value"], said["report"]) == (False, None, None, None)
