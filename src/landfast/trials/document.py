"""The trial as one JSON object, for programs. Keys are stable within a schema version; unknown is null. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from landfast.trials.result import Trial
from landfast.trials.statistics import Proportion, Summary, judge, summarise

SCHEMA_VERSION = 1


def document(trial: Trial, *, journal: str | None = None, report: str | None = None) -> dict[str, Any]:
    """What `landfast trial --json` prints. `journal` and `report` are paths."""
    summaries = summarise(trial.attempts)
    verdict = judge(summaries)
    return {
        "schema_version": SCHEMA_VERSION,
        "network": trial.plan["network"],
        "finished": len(trial.attempts) == trial.planned,
        "proved": verdict.proved,
        "p_value": verdict.p_value,
        "because": verdict.because,
        "arms": [_arm(summary) for summary in summaries],
        "attempts": [{**asdict(attempt), "address_changed": attempt.address_changed} for attempt in trial.attempts],
        "plan": trial.plan,
        "provenance": list(trial.provenance),
        "journal": journal,
        "report": report,
    }


def _arm(summary: Summary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "attempts": summary.attempts,
        "connected": summary.connected.count,
        "connected_interval": _interval(summary.connected),
        "address_changed": summary.changed.count,
        "address_changed_interval": _interval(summary.changed),
        "foreign_source_packets": summary.foreign_source_packets,
        "gateway_violations": summary.gateway_violations,
        "gateway_resets": summary.gateway_resets,
        "longest_bystander_stall_s": summary.longest_bystander_stall_s,
        "shortest_bystander_stall_s": summary.shortest_bystander_stall_s,
        "median_time_to_connect_s": summary.time_to_connect_s,
    }


def _interval(proportion: Proportion) -> list[float]:
    return [round(proportion.low, 4), round(proportion.high, 4)]
