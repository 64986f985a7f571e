"""Attempts and trials for tests, told in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landfast.trials.plan import Slot, plan
from landfast.trials.result import AddressChange, Attempt, Stall, Trial


def attempt(slot: Slot, *, good: bool, began: float = 0.0, **changes: Any) -> Attempt:
    """An attempt as the document saw them: `good` connects and nothing changes, else the address does and it fails."""
    common: dict[str, Any] = {
        "number": slot.number,
        "group": slot.group,
        "attempt": slot.attempt,
        "arm": slot.arm,
        "began_s": began,
    }
    if good:
        made = Attempt(
            **common,
            lasted_s=7.0,
            connected=True,
            time_to_connect_s=0.4,
            held=True,
            held_s=5.0,
            gathered_s=0.01,
            first_check_s=0.05,
            address_changes=(),
            foreign_source_packets=0,
            foreign_sources={},
            foreign_at_s=(),
            gateway_violations=0,
            gateway_resets=0,
            longest_bystander_stall_s=0.11,
            bystander_stalls=(),
            bystander_reconnects=0,
            public_address="203.0.113.11",
        )
    else:
        made = Attempt(
            **common,
            lasted_s=14.0,
            connected=False,
            time_to_connect_s=None,
            held=None,
            held_s=None,
            gathered_s=5.0,
            first_check_s=5.1,
            address_changes=(AddressChange(9.0, "203.0.113.10", "203.0.113.11", 3.9),),
            foreign_source_packets=3,
            foreign_sources={"172.17.0.1": 2, "10.42.0.1": 1},
            foreign_at_s=(0.5, 1.0, 5.2),
            gateway_violations=3,
            gateway_resets=1,
            longest_bystander_stall_s=3.2,
            bystander_stalls=(Stall(5.3, 3.2),),
            bystander_reconnects=1,
            public_address="203.0.113.11",
        )
    return replace(made, **changes)


def story(arms: Sequence[str] = ("off", "on"), groups: int = 4, attempts: int = 5, good: str = "on") -> list[Attempt]:
    """A whole trial in which only the arm `good` is."""
    told: list[Attempt] = []
    for slot in plan(arms, groups, attempts):
        began = told[-1].began_s + told[-1].lasted_s if told else 0.0
        told.append(attempt(slot, good=slot.arm == good, began=began))
    return told


def trial(attempts: Sequence[Attempt], arms: Sequence[str] = ("off", "on"), **changes: Any) -> Trial:
    """A trial of four groups of five with these attempts finished."""
    asked = {
        "network": "mifi",
        "declaration": {"title": "a MiFi"},
        "stack": "aiortc",
        "arms": list(arms),
        "groups": 4,
        "attempts": 5,
        "limit_s": 8.0,
        "hold_s": 5.0,
        **changes,
    }
    return Trial(asked, ({"started": "2026-11-20 19:20 UTC", "kernel": "6.18"},), tuple(attempts))
