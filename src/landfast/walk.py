"""The walk: ask → diagnose → remedy → ask again. The whole of landfast is this loop; begin to read here.

    probes/plan.py           which questions, of whom, in which order
        ▼
    probes/*.py              ask; each answer is a Fact
        ▼
    diagnose/findings.py     facts → findings, each with its evidence
        ▼
    remedies/                what of it can be cured here; how it was is written down before the first change
        ▼
    probes/*.py              the same questions again: a remedy is believed only after this

`ask` is the first arrow, `walk` all of them. What was seen before a failure or a Ctrl-C is kept: the caller gives the
`Seen` that is filled. Nothing here prints; who wants to watch gives `hear`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Protocol

from landfast import clock
from landfast.diagnose.findings import findings
from landfast.errors import CapabilityMissing, LandfastError
from landfast.kernel.host import Host
from landfast.model.facts import Fact
from landfast.model.findings import Finding
from landfast.model.remedies import Outcome, Remedy
from landfast.probes import questions as asked
from landfast.probes.plan import LEARNS, OpenQuestion, Plan, pointless, undecided
from landfast.probes.questions import Question

Tell = Callable[[Fact], None]
Answer = Callable[[Host, Question, Tell], Awaitable[None]]


@dataclass(frozen=True)
class Began:
    """A question is being asked."""

    question: Question


@dataclass(frozen=True)
class Told:
    """A fact came."""

    question: Question
    fact: Fact


@dataclass(frozen=True)
class Ended:
    """A question is done with; `problem` says why it could not be asked, or not to the end."""

    question: Question
    seconds: float
    problem: str = ""


News = Began | Told | Ended
Hear = Callable[[News], None]


@dataclass
class Seen:
    """What a walk has seen so far."""

    told: list[tuple[Question, Fact]] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    """Those that were begun."""
    ended: list[Ended] = field(default_factory=list)
    unasked: list[OpenQuestion] = field(default_factory=list)

    @property
    def answers(self) -> set[Question]:
        """The questions that were asked to their end."""
        return {ended.question for ended in self.ended if not ended.problem}

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts, in the order in which they came."""
        return tuple(fact for _, fact in self.told)

    def by(self, uplink: str) -> tuple[Fact, ...]:
        """The facts about the host, and those that were asked for by one uplink; nothing about the other uplinks."""
        others = set(self.uplinks()) - {uplink}
        return tuple(
            fact for question, fact in self.told if uplink_of(question) in {"", uplink} and _about(fact) not in others
        )

    def uplinks(self) -> tuple[str, ...]:
        """The uplinks that were asked by, each by itself; one without a name where nobody named any."""
        return tuple(dict.fromkeys(filter(None, map(uplink_of, self.asked)))) or ("",)

    def findings(self, uplink: str = "") -> tuple[Finding, ...]:
        """What it means; see `diagnose.findings`."""
        return findings(self.by(uplink) if uplink else self.facts)

    def open(self) -> tuple[OpenQuestion, ...]:
        """What is not known, each once."""
        still = [each for uplink in self.uplinks() for each in undecided(self.asked, self.by(uplink))]
        return tuple(dict.fromkeys([*self.unasked, *still]))


def _about(fact: Fact) -> str:
    """The interface that a fact of the host is about: the one that packets leave by."""
    return str(getattr(fact, "egress", "") or getattr(fact, "interface", "")) or "?"


def uplink_of(question: Question) -> str:
    """The interface that a question is asked by; empty where the routes decide."""
    return str(getattr(question, "interface", ""))


PROBES: dict[type[Question], str] = {
    asked.Interfaces: "interfaces",
    asked.Leak: "leak",
    asked.Translation: "nat",
    asked.RoundTrip: "round_trip",
    asked.Ports: "ports",
    asked.Lifetime: "lifetime",
    asked.PathMtu: "mtu",
    asked.SixWays: "six_ways",
    asked.Relay: "relay",
    asked.CarrierNat: "carrier",
    asked.Nat64: "nat64",
    asked.Opens: "opens",
    asked.Settled: "settled",
}
"""Who asks what: a module of `probes/`, imported when it is first needed, for a quick plan needs few."""


async def answer(host: Host, question: Question, tell: Tell) -> None:
    """Ask one question by its probe."""
    await import_module(f"landfast.probes.{PROBES[type(question)]}").ask(host, question, tell)


async def ask(host: Host, plan: Plan, seen: Seen, hear: Hear = lambda _: None, answer: Answer = answer) -> None:
    """Ask a plan's stages, one after another, into `seen`; a question that can tell nothing more is left out.

    Raises nothing for what a host or a network cannot do: that is left open, and why.
    """
    seen.unasked += plan.unasked
    left = list(plan.questions)
    try:
        async with asyncio.timeout(plan.limit):
            for stage in plan.stages:
                async with asyncio.TaskGroup() as group:
                    for question in stage:
                        if reason := pointless(question, seen.by(uplink_of(question))):
                            left.remove(question)
                            _leave(seen, question, reason)
                        else:
                            group.create_task(_one(host, question, left, seen, hear, answer))
    except TimeoutError:
        for question in left:
            _leave(seen, question, "there was not enough time for it", "leave --quick out")
    except asyncio.CancelledError:
        for question in left:
            _leave(seen, question, "it was interrupted", "do not interrupt it")
        raise


async def _one(host: Host, question: Question, left: list[Question], seen: Seen, hear: Hear, answer: Answer) -> None:
    def tell(fact: Fact) -> None:
        seen.told.append((question, fact))
        hear(Told(question, fact))

    began = clock.monotonic()
    seen.asked.append(question)
    hear(Began(question))
    problem = ""
    try:
        await answer(host, question, tell)
    except (LandfastError, OSError, ModuleNotFoundError) as missing:  # what was told until then is kept
        problem = str(missing)
        _leave(seen, question, problem, _remedy(missing))
    left.remove(question)
    ended = Ended(question, clock.monotonic() - began, problem)
    seen.ended.append(ended)
    hear(ended)


def _leave(seen: Seen, question: Question, because: str, option: str = "") -> None:
    if question.name in LEARNS:
        seen.unasked.append(OpenQuestion(question.name, LEARNS[question.name], because, option))


def _remedy(missing: Exception) -> str:
    match missing:
        case CapabilityMissing():
            return missing.provided_by
        case ModuleNotFoundError():
            return "pip install 'landfast[lab]'"
    return ""


class Cures(Protocol):
    """What can be done about findings; `remedies/treat.py` has the real one, and the caller decides."""

    async def propose(self, found: Sequence[Finding], facts: Sequence[Fact]) -> Sequence[Remedy]:
        """What would be done here; nothing is changed."""

    async def agree(self, found: Sequence[Finding], remedies: Sequence[Remedy]) -> bool:
        """Whether it shall be done."""

    async def apply(self, remedies: Sequence[Remedy]) -> Sequence[Outcome]:
        """Do it; how it was before is kept first."""


@dataclass
class Walked:
    """A walk, as far as it came. `after` is empty until the questions were asked again."""

    before: Seen = field(default_factory=Seen)
    remedies: Sequence[Remedy] = ()
    outcomes: Sequence[Outcome] = ()
    after: Seen = field(default_factory=Seen)

    def believed(self, codes: Iterable[str]) -> bool | None:
        """Whether findings are gone by the very questions that found them; None where those were not answered again."""
        codes = set(codes)
        evidence = [fact for finding in self.before.findings() if finding.code in codes for fact in finding.because]
        found_by = {question for question, fact in self.before.told if fact in evidence}
        if not found_by or not found_by <= self.after.answers:
            return None
        return not codes & {finding.code for finding in self.after.findings()}

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """What is there afterwards, as far as is known: what is not proved to be gone is not."""
        still = self.after.findings()
        codes = {finding.code for finding in still}
        kept = [f for f in self.before.findings() if f.code not in codes and self.believed([f.code]) is not True]
        return (*still, *kept)


async def walk(
    host: Host, plan: Plan, cures: Cures, walked: Walked, hear: Hear = lambda _: None, answer: Answer = answer
) -> None:
    """The whole loop, into `walked`. Without a finding, a remedy or an agreement it ends early."""
    await ask(host, plan, walked.before, hear, answer)
    found = walked.before.findings()
    walked.remedies = await cures.propose(found, walked.before.facts)
    if not walked.remedies or not await cures.agree(found, walked.remedies):
        return
    walked.outcomes = await cures.apply(walked.remedies)
    await ask(host, again(plan), walked.after, hear, answer)


def again(plan: Plan) -> Plan:
    """The same questions, but for those that use mappings up: no remedy here changes their answers."""
    costly = (asked.Lifetime, asked.Ports)
    stages = [tuple(question for question in stage if not isinstance(question, costly)) for stage in plan.stages]
    left = dict.fromkeys(question.name for question in plan.questions if isinstance(question, costly))
    reason = "no remedy changes that, and asking again would take as many mappings again"
    unasked = tuple(OpenQuestion(name, LEARNS[name], reason) for name in left)
    return replace(plan, stages=tuple(stage for stage in stages if stage), unasked=unasked)
