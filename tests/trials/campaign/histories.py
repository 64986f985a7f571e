"""Histories that tests play, as short as they can be."""

from __future__ import annotations

from typing import Any

from landfast.lab.network import Occasion
from landfast.session.ice.events import Transport
from landfast.trials.campaign.history import Fault, History, Name, Side, Traffic, Trick, Uplink

BEHIND_A_ROUTER = Side(uplink=Uplink(behind="router"))
WITH_A_RELAY = Side(uplink=Uplink(behind="router"), relays=(Transport.UDP,))


def history(*faults: Fault, lasts: float = 10.0, every: float = 0.5, **rest: Any) -> History:
    """Two sides on the open internet, unless the rest says otherwise."""
    return History(**{"seed": 0, "lasts": lasts, "traffic": Traffic(every=every), "faults": faults, **rest})


def fault(what: Occasion | Trick, at: float = 3.0, on: Name = "robot", lasts: float = 0.0) -> Fault:
    return Fault(at=at, what=what, on=on, lasts=lasts)
