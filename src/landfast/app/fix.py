"""Fix: doctor, then what can be done about its findings on this host, then doctor's questions again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from landfast import clock
from landfast.app.doctor import SCHEMA_VERSION, Examination, Request, prepare
from landfast.kernel.host import Host
from landfast.kernel.metered import MeteredHost
from landfast.model.facts import Fact
from landfast.model.findings import Finding
from landfast.model.remedies import Outcome, Remedy
from landfast.probes.plan import Wish
from landfast.remedies import policy, treat
from landfast.remedies.plan import Treatment, plan
from landfast.remedies.treat import Paths
from landfast.walk import Hear, Walked, walk

Agree = Callable[[Sequence[Remedy]], Awaitable[bool]]


@dataclass
class Fixing:
    """What is known so far: an examination before and one after; `treatment` is what was planned."""

    before: Examination = field(default_factory=Examination)
    after: Examination = field(default_factory=Examination)
    """Empty until the questions were asked again."""
    walked: Walked = field(default_factory=Walked)
    treatment: Treatment = field(default_factory=Treatment)

    def __post_init__(self) -> None:
        self.walked.before, self.walked.after = self.before.seen, self.after.seen

    @property
    def proved(self) -> bool | None:
        """Whether what was treated by rules is gone; None where nothing that can be asked again was changed."""
        if not self.treatment.by_rules or not self.walked.outcomes:
            return None
        return self.walked.believed(self.treatment.by_rules)

    def as_json(self) -> dict[str, Any]:
        """One object, for `--json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "before": self.before.as_json(),
            "remedies": [asdict(remedy) for remedy in self.walked.remedies],
            "applied": [outcome.remedy.name for outcome in self.walked.outcomes if outcome.changed],
            "not_here": list(self.treatment.not_here),
            "after": self.after.as_json() if self.after.seen.asked else None,
            "proved": self.proved,
            "remaining": [finding.code for finding in self.walked.remaining],
        }


class _Here:
    """The remedies of this host."""

    def __init__(self, host: MeteredHost, paths: Paths, agree: Agree, fixing: Fixing) -> None:
        self._host, self._paths, self._agree, self._fixing = host, paths, agree, fixing

    async def propose(self, found: Sequence[Finding], facts: Sequence[Fact]) -> Sequence[Remedy]:
        rules = await treat.may_change_rules(self._host)
        now = policy.read(self._host, self._paths.policy)
        self._fixing.treatment = plan(found, facts, now, rules=rules)
        return await treat.propose(self._host, self._fixing.treatment, self._paths)

    async def agree(self, found: Sequence[Finding], remedies: Sequence[Remedy]) -> bool:
        self._fixing.before.finish()
        self._fixing.walked.remedies = remedies
        return await self._agree(remedies)

    async def apply(self, remedies: Sequence[Remedy]) -> Sequence[Outcome]:
        outcomes = await treat.apply(self._host, self._fixing.treatment, self._paths)
        self._host.meter, self._fixing.after.began = self._fixing.after.meter, clock.monotonic()
        return outcomes


async def fix(
    host: Host, request: Request, paths: Paths, agree: Agree, fixing: Fixing, hear: Hear = lambda _: None
) -> None:
    """The whole walk, into `fixing`."""
    metered = MeteredHost(host, fixing.before.meter)
    asked = await prepare(metered, request, fixing.before.seen)
    await walk(metered, asked, _Here(metered, paths, agree, fixing), fixing.walked, hear)
    (fixing.after if fixing.after.seen.asked else fixing.before).finish()


async def demonstrate(fixing: Fixing, progress: Callable[[str], None], hear: Hear) -> None:
    """The walk on the laboratory's MiFi, into `fixing`; the robot is thrown away with it."""
    from landfast.lab.lab import Lab

    async def agree(_: Sequence[Remedy]) -> bool:
        return True

    async with Lab("mifi", progress=progress) as lab:
        wish = Wish(only=("interfaces", "nat", "leak"))
        request = Request(wish, servers=("stun:{}:{}".format(*lab.services.stun),))
        await fix(lab.host("robot"), request, Paths(), agree, fixing, hear)


async def undo(host: Host, paths: Paths) -> tuple[str, ...] | None:
    """Put everything back; see `remedies.treat.undo`."""
    return await treat.undo(host, paths)
