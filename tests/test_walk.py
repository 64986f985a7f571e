from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import pytest

from landfast import walk as module
from landfast.errors import CapabilityMissing
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.model.facts import (
    DefaultRouteSeen,
    Fact,
    ForeignSourceTried,
    InterfaceSeen,
    MappedAddress,
    MappingsAsked,
    PublicAddressChanged,
)
from landfast.model.findings import Finding
from landfast.model.remedies import Outcome, Remedy, Undo
from landfast.probes.plan import Plan, Servers, Wish, plan
from landfast.probes.questions import Interfaces, Leak, Nat64, Opens, Ports, Question, RoundTrip, Settled, Translation
from landfast.walk import PROBES, Began, Ended, News, Seen, Told, Walked, ask, walk

pytestmark = pytest.mark.anyio

STUN = ("203.0.113.1", 3478)
LOCAL = ("192.168.1.10", 40000)


class World:
    """A network in memory: a robot whose other card leaks until somebody masquerades."""

    def __init__(self) -> None:
        self.leaks = True
        self.routed = True
        self.asked: list[Question] = []
        self.happens: dict[type[Question], Callable[[], object]] = {}

    async def answer(self, host: Host, question: Question, tell: Callable[[Fact], None]) -> None:
        self.asked.append(question)
        match question:
            case Interfaces():
                tell(InterfaceSeen(0.0, "wlan0", True, ("192.168.1.10/24",)))
                if self.routed:
                    tell(DefaultRouteSeen(0.0, "wlan0", 4, 0, "192.168.1.1"))
            case Leak():
                tell(ForeignSourceTried(2.0, "10.42.0.1", "wlan0", 3, 3 if self.leaks else 0))
            case Translation():
                tell(MappedAddress(1.0, STUN, LOCAL, LOCAL))
        if happens := self.happens.get(type(question)):
            happened = happens()
            if asyncio.iscoroutine(happened):
                await happened


class Cures:
    """Masquerades when it may."""

    def __init__(self, world: World, agrees: bool = True) -> None:
        self.world, self.agrees = world, agrees
        self.works = True

    async def propose(self, found: Sequence[Finding], facts: Sequence[Fact]) -> Sequence[Remedy]:
        leaking = any(finding.remedy == "masquerade" for finding in found)
        return [Remedy("masquerade", "", "", "", (), Undo("", ()))] if leaking else []

    async def agree(self, found: Sequence[Finding], remedies: Sequence[Remedy]) -> bool:
        return self.agrees

    async def apply(self, remedies: Sequence[Remedy]) -> Sequence[Outcome]:
        self.world.leaks = not self.works
        return [Outcome(remedy, changed=True) for remedy in remedies]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return FakeHost(tmp_path)


PLAN = Plan(((Interfaces(),), (Translation(STUN), RoundTrip(STUN)), (Leak(STUN),)))


async def test_stages_are_asked_one_after_another_and_every_fact_is_kept(world: World, host: Host) -> None:
    seen, news = Seen(), list[News]()
    await ask(host, PLAN, seen, news.append, world.answer)
    assert world.asked == list(PLAN.questions) == seen.asked
    assert seen.answers == set(PLAN.questions)
    assert [type(fact) for fact in seen.facts] == [InterfaceSeen, DefaultRouteSeen, MappedAddress, ForeignSourceTried]
    assert [each.question for each in news if isinstance(each, Began)] == world.asked
    assert {each.question for each in news if isinstance(each, Ended)} == set(world.asked)
    assert [each.fact for each in news if isinstance(each, Told)] == list(seen.facts)


async def test_without_a_way_out_it_ends_as_soon_as_nothing_more_can_be_learned(world: World, host: Host) -> None:
    world.routed = False
    seen = Seen()
    await ask(host, PLAN, seen, answer=world.answer)
    assert world.asked == [Interfaces()]
    assert {each.because for each in seen.open()} == {"this host has no default route"}


async def test_what_a_host_cannot_do_is_left_open_with_what_would_provide_it(world: World, host: Host) -> None:
    def refuse() -> None:
        raise CapabilityMissing("packet-capture", "root")

    world.happens[Leak] = refuse
    seen = Seen()
    await ask(host, PLAN, seen, answer=world.answer)
    (left,) = [each for each in seen.open() if each.name == "leak"]
    assert left.option == "root"
    assert Leak(STUN) not in seen.answers
    assert any(isinstance(fact, ForeignSourceTried) for fact in seen.facts), "what was told until then is kept"


async def test_a_package_that_is_missing_is_left_open(world: World, host: Host) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'aiortc'", name="aiortc")

    world.happens[Leak] = missing
    seen = Seen()
    await ask(host, PLAN, seen, answer=world.answer)
    assert "pip install" in next(each for each in seen.open() if each.name == "leak").option


async def test_what_was_measured_before_an_interruption_is_kept(world: World, host: Host) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Future()

    world.happens[Leak] = hang
    seen = Seen()
    task = asyncio.ensure_future(ask(host, PLAN, seen, answer=world.answer))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(seen.facts) == 4
    assert Leak(STUN) not in seen.answers
    assert [each.name for each in seen.open() if "interrupted" in each.because] == ["leak"]


async def test_a_limit_ends_what_takes_longer_and_says_so(world: World, host: Host) -> None:
    async def forever() -> None:
        await asyncio.Future()

    world.happens[Translation] = forever
    seen = Seen()
    await ask(host, Plan(PLAN.stages, limit=0.5), seen, answer=world.answer)  # the others answer at once
    assert {each.name for each in seen.open() if "time" in each.because} == {"nat", "leak"}
    assert any(isinstance(fact, MappedAddress) for fact in seen.facts)


async def test_the_facts_of_each_uplink_are_told_apart(world: World, host: Host) -> None:
    made = plan(Wish(only=("interfaces", "nat"), interfaces=("wlan0", "wwan0")), Servers((STUN,)))
    seen = Seen()
    await ask(host, made, seen, answer=world.answer)
    assert seen.uplinks() == ("wlan0", "wwan0")
    assert [type(fact) for fact in seen.by("wlan0")] == [InterfaceSeen, DefaultRouteSeen, MappedAddress]
    assert [type(fact) for fact in seen.by("wwan0")] == [MappedAddress], "nothing about the other uplink"
    assert len(seen.facts) == 4


async def test_a_remedy_is_believed_after_the_same_questions(world: World, host: Host) -> None:
    walked = Walked()
    await walk(host, PLAN, Cures(world), walked, answer=world.answer)
    assert world.asked == [*PLAN.questions, *PLAN.questions]
    assert [outcome.changed for outcome in walked.outcomes] == [True]
    assert walked.believed(["source-address-leak"]) is True


async def test_what_uses_mappings_up_is_not_asked_twice_and_what_it_found_remains(world: World, host: Host) -> None:
    def exhausted() -> None:
        walked.before.told.append((ports, MappingsAsked(3.0, STUN, 200, 4, kept=True)))

    ports, walked = Ports(STUN), Walked()
    world.happens[Ports] = exhausted
    await walk(host, Plan((*PLAN.stages, (ports,))), Cures(world), walked, answer=world.answer)
    assert world.asked.count(ports) == 1
    assert "ports" in {each.name for each in walked.after.open()}
    assert [finding.code for finding in walked.remaining] == ["port-budget-exhausted"]


async def test_a_remedy_that_does_not_help_is_not_believed(world: World, host: Host) -> None:
    cures, walked = Cures(world), Walked()
    cures.works = False
    await walk(host, PLAN, cures, walked, answer=world.answer)
    assert walked.believed(["source-address-leak"]) is False


async def test_nothing_is_believed_while_the_question_was_not_answered_again(world: World, host: Host) -> None:
    walked = Walked()

    def refuse_the_second_time() -> None:
        if world.asked.count(Leak(STUN)) > 1:
            raise CapabilityMissing("packet-capture", "root")

    world.happens[Leak] = refuse_the_second_time
    await walk(host, PLAN, Cures(world), walked, answer=world.answer)
    assert walked.believed(["source-address-leak"]) is None
    assert Walked().believed(["source-address-leak"]) is None


@pytest.mark.parametrize(("leaks", "agrees"), [(True, False), (False, True)])
async def test_without_a_finding_or_an_agreement_nothing_is_changed(
    world: World, host: Host, leaks: bool, agrees: bool
) -> None:
    world.leaks = leaks
    walked = Walked()
    await walk(host, PLAN, Cures(world, agrees), walked, answer=world.answer)
    assert world.leaks is leaks
    assert walked.outcomes == ()
    assert walked.after.asked == []


def test_every_question_has_a_probe() -> None:
    assert set(PROBES) == set(get_args(Question))


async def test_a_question_reaches_its_probe(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    from landfast.probes import settled

    asked: list[Question] = []

    async def asking(_host: Host, question: Settled, _tell: Callable[[Fact], None]) -> None:
        asked.append(question)

    monkeypatch.setattr(settled, "ask", asking)
    await module.answer(host, Settled(STUN), lambda _: None)
    assert asked == [Settled(STUN)]
    assert Nat64() not in asked


@pytest.mark.lab
@pytest.mark.proof
async def test_on_the_mifi_the_leak_is_the_cause_and_the_changed_address_its_consequence() -> None:
    seen = Seen()
    async with Lab("mifi", verified=False) as lab:
        stun = lab.services.stun
        await ask(lab.host("robot"), Plan(((Interfaces(),), (Translation(stun),), (Opens(stun, times=1),))), seen)
    assert any(isinstance(fact, PublicAddressChanged) for fact in seen.facts)
    codes = [finding.code for finding in seen.findings()]
    assert "source-address-leak" in codes
    assert "public-address-changes-on-webrtc" not in codes
