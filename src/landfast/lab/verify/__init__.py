"""Laboratory networks measured against their declaration, by asking and not by reading rules.

    measured.py      what was seen, as data: rows, differences                          (pure)
    points.py        plan → who asks through which router, who answers                  (pure)
    line.py          a UDP socket anywhere in the laboratory, read by our loop
    asking.py        questions through a router; silence told by a later answer
    answering.py     a STUN server with two addresses and two ports; a watch on a LAN
    translation.py   how a router translates; the judge is `diagnose.nat`
    passage.py       what passes it: UDP, IPv6, long packets, foreign sources, unasked ones
    settings.py      what a kernel says when it is asked
    stage.py         what is held open for all of them, and afterwards no trace of it
    hop.py           one router: all of the above
    hosts.py         a host's axes
    quick.py         a whole network at once, before each use
    deep.py          what takes time, in laboratories of its own, which mostly wait:
    lifetimes.py     timers, what refreshes them, greatest age
    budgets.py       sessions, mappings and ports that one subscriber gets
    policy.py        the gateway's source policy
    cables.py        delay, jitter, loss, order and rate of cables

`verify(lab)` stands between building and using; `deep` is `landfast lab verify`.
"""

from __future__ import annotations

from typing import Protocol

from landfast.errors import NotAsDeclared
from landfast.kernel.host import Host
from landfast.lab.topology import Plan
from landfast.lab.verify.deep import deep
from landfast.lab.verify.measured import Measured
from landfast.lab.verify.quick import measure

__all__ = ["Measured", "deep", "measure", "verify"]


class Standing(Protocol):
    """A laboratory that stands and does nothing yet."""

    plan: Plan

    def host(self, name: str) -> Host:
        """Any of its places."""


async def verify(lab: Standing) -> Measured:
    """Measure a laboratory before it is used. Raises NotAsDeclared when it is not what it says."""
    measured = await measure(lab.plan, lab.host)
    if not measured.ok:
        raise NotAsDeclared(measured.network, [str(row) for row in measured.differences])
    return measured
