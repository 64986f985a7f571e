"""Carry out a treatment, and undo all of it: the thin shell around `plan.py` and `record.py`."""

from __future__ import annotations

from dataclasses import dataclass

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host
from landfast.model.remedies import Outcome, Remedy
from landfast.remedies import masquerade, policy, record
from landfast.remedies.plan import Treatment
from landfast.remedies.record import Record


@dataclass(frozen=True)
class Paths:
    """Where the session's policy stands, and the undo record."""

    policy: str = policy.PATH
    record: str = record.PATH


async def may_change_rules(host: Host) -> bool:
    """Whether this host lets its packet rules be read, and so changed (both need CAP_NET_ADMIN)."""
    try:
        await masquerade.present(host)
    except CapabilityMissing:
        return False
    return True


async def propose(host: Host, treatment: Treatment, paths: Paths) -> tuple[Remedy, ...]:
    """What would be done; nothing is changed. A remedy without steps is in force already, and left out."""
    proposed = []
    if treatment.masquerade:
        proposed.append(await masquerade.propose(host, treatment.masquerade))
    if treatment.policy:
        proposed.append(policy.propose(host, treatment.policy, paths.policy))
    return tuple(remedy for remedy in proposed if remedy.steps)


async def apply(host: Host, treatment: Treatment, paths: Paths) -> tuple[Outcome, ...]:
    """Keep how everything is, then change it. What fails raises; what was done before it is undone by `undo`."""
    remedies = {remedy.name: remedy for remedy in await propose(host, treatment, paths)}
    if not remedies:
        return ()
    before = Record(
        await masquerade.present(host) if "masquerade" in remedies else None,
        policy.look(host, paths.policy) if "policy" in remedies else None,
    )
    record.keep(host, before, paths.record)
    outcomes = []
    if "masquerade" in remedies and treatment.masquerade:
        outcomes.append(await masquerade.enable(host, treatment.masquerade))
    if "policy" in remedies and treatment.policy:
        policy.write(host, treatment.policy, paths.policy)
        outcomes.append(Outcome(remedies["policy"], changed=True))
    return tuple(outcomes)


async def undo(host: Host, paths: Paths) -> tuple[str, ...] | None:
    """Put everything back as it was before the first fix; the names of the remedies that were taken away.

    None: nothing was fixed. May be repeated after whatever went wrong.
    """
    before = record.read(host, paths.record)
    if before is None:
        return None
    undone = []
    if before.masquerade is not None and await masquerade.restore(host, before.masquerade):
        undone.append("masquerade")
    if before.policy is not None and policy.restore(host, before.policy):
        undone.append("policy")
    record.forget(host, paths.record)
    return tuple(undone)
