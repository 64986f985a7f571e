"""What a trial found: one `Attempt` a connection, folded from facts, and the `Trial` folded from its journal. Pure.

Every attempt owns the time from its start until the network is quiet again, so that what it causes late (a reset, a
changed address) is counted with it and not with its successor, and so that the attempts' counts add up to those of the
whole trial.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from landfast.errors import BadFile
from landfast.journal.file import Recording
from landfast.model.facts import (
    CaptureDropped,
    EchoAnswered,
    EchoReconnected,
    Fact,
    ForeignSourcePacket,
    IceCheckSent,
    MappedAddress,
    NoReply,
    PublicAddressChanged,
)
from landfast.trials.plan import Slot

STALL = 0.3
"""Seconds without an answer that count as a stall: two of the bystander's echoes (one each 100 ms) in a row did not
come in time."""
QUIET = 1.0
"""Seconds. The meter calls a STUN request unanswered after 0.8 s, so in 1 s of nothing but answers none is overdue."""


@dataclass(frozen=True)
class Call:
    """What the peers of an attempt say of it. Times are monotonic seconds."""

    began: float
    """The robot's peer began: after its process had started, before it gathered."""
    connected: float | None
    """The first echo over the data channel came back."""
    held_s: float | None
    """How long echoes kept coming back after that; None when it never connected."""
    gathered_s: float | None = None
    """How long the robot gathered candidates."""
    problem: str = ""
    """What a peer says went wrong."""


@dataclass(frozen=True)
class Gateway:
    """The carrier's own truth, only in the laboratory: packets with a foreign source that reached it, sessions it reset
    for them."""

    packets: int
    resets: int

    def __sub__(self, earlier: Gateway) -> Gateway:
        return Gateway(self.packets - earlier.packets, self.resets - earlier.resets)


@dataclass(frozen=True)
class AddressChange:
    """The public address changed `at_s` after the attempt's start."""

    at_s: float
    old: str
    new: str
    after_first_check_s: float | None
    """Negative: before the first connectivity check, so in gathering. None: no check was seen."""


@dataclass(frozen=True)
class Stall:
    """The bystander waited `lasted_s` for an answer, from `at_s` after the attempt's start; negative: it had begun
    before."""

    at_s: float
    lasted_s: float


@dataclass(frozen=True)
class Attempt:
    """One attempt, finished. What nobody could see is None."""

    number: int
    group: int
    attempt: int
    arm: str
    began_s: float
    """On the trial's axis: seconds of measuring since its first attempt began."""
    lasted_s: float
    """Until the network was quiet again."""
    connected: bool
    time_to_connect_s: float | None
    held: bool | None
    """Whether it stayed connected as long as asked; None when it never was."""
    held_s: float | None
    gathered_s: float | None
    first_check_s: float | None
    """After the attempt's start."""
    address_changes: tuple[AddressChange, ...]
    foreign_source_packets: int | None
    foreign_sources: dict[str, int]
    foreign_at_s: tuple[float, ...]
    gateway_violations: int | None
    gateway_resets: int | None
    longest_bystander_stall_s: float | None
    bystander_stalls: tuple[Stall, ...]
    bystander_reconnects: int
    public_address: str | None
    """At its end."""
    notes: tuple[str, ...] = ()

    @property
    def address_changed(self) -> bool:
        """Whether the public address changed at least once."""
        return bool(self.address_changes)


def measure(
    slot: Slot,
    call: Call,
    facts: Sequence[Fact],
    *,
    began: float,
    ended: float,
    hold: float,
    axis: float,
    capturing: bool,
    gateway: Gateway | None,
    notes: Iterable[str] = (),
) -> Attempt:
    """Fold the meter's facts of one attempt, whether it connected and `hold` seconds held, and the carrier's count.

    `facts` should begin a little earlier, so that the bystander's last answer before the attempt is among them. `axis`
    is the trial's zero; all times are monotonic seconds.
    """
    during = [fact for fact in facts if began <= fact.at < ended]
    checks = [fact.at for fact in during if isinstance(fact, IceCheckSent)]
    check = min(checks, default=None)
    foreign = [fact for fact in during if isinstance(fact, ForeignSourcePacket)]
    lost = sum(fact.packets for fact in during if isinstance(fact, CaptureDropped))
    stalls, longest = _stalls(facts, began, call.began, ended)
    return Attempt(
        number=slot.number,
        group=slot.group,
        attempt=slot.attempt,
        arm=slot.arm,
        began_s=_s(began - axis),
        lasted_s=_s(ended - began),
        connected=call.connected is not None,
        time_to_connect_s=None if call.connected is None else _s(call.connected - call.began),
        held=None if call.held_s is None else call.held_s >= hold,
        held_s=None if call.held_s is None else _s(call.held_s),
        gathered_s=None if call.gathered_s is None else _s(call.gathered_s),
        first_check_s=None if check is None else _s(check - began),
        address_changes=tuple(
            AddressChange(_s(fact.at - began), fact.old, fact.new, None if check is None else _s(fact.at - check))
            for fact in during
            if isinstance(fact, PublicAddressChanged)
        ),
        foreign_source_packets=len(foreign) if capturing and not lost else None,
        foreign_sources=dict(Counter(fact.source for fact in foreign).most_common()),
        foreign_at_s=tuple(_s(fact.at - began) for fact in foreign),
        gateway_violations=gateway.packets if gateway else None,
        gateway_resets=gateway.resets if gateway else None,
        longest_bystander_stall_s=longest,
        bystander_stalls=stalls,
        bystander_reconnects=sum(isinstance(fact, EchoReconnected) for fact in during),
        public_address=next((f.mapped[0] for f in reversed(during) if isinstance(f, MappedAddress)), None),
        notes=(
            *([call.problem] if call.problem else []),
            *([f"the capture lost {lost} packets: foreign-source packets are not known"] if lost else []),
            *notes,
        ),
    )


def _s(seconds: float) -> float:
    return round(seconds, 4)  # a tenth of a millisecond: finer than any clock we ask is read


def _stalls(facts: Sequence[Fact], began: float, since: float, ended: float) -> tuple[tuple[Stall, ...], float | None]:
    """Times without an answer, from one answer to the next. The first may have begun before `since`, the last not
    ended.

    Before the peers begin nothing of theirs is on the network; what stalls then is a processor that starts browsers.
    """
    answers = [fact.at for fact in facts if isinstance(fact, EchoAnswered) and fact.at < ended]
    if not any(at >= since for at in answers):
        return (), None
    gaps = [(at, after - at) for at, after in zip(answers, [*answers[1:], ended], strict=True) if after >= since]
    stalls = tuple(Stall(_s(at - began), _s(gap)) for at, gap in gaps if gap >= STALL)
    return stalls, _s(max(gap for _, gap in gaps))


def settled(facts: Sequence[Fact], since: float) -> bool:
    """Whether the last QUIET seconds, all of them after `since`, held only answers: nothing of the attempt is still on
    its way."""
    latest = max((fact.at for fact in facts), default=since)
    if latest - since < QUIET:
        return False
    recent = [fact for fact in facts if fact.at > latest - QUIET]
    troubled = any(
        isinstance(fact, NoReply | ForeignSourcePacket | PublicAddressChanged | EchoReconnected) for fact in recent
    )
    known = any(isinstance(fact, MappedAddress) for fact in recent) and any(isinstance(f, EchoAnswered) for f in recent)
    return known and not troubled


@dataclass(frozen=True)
class Trial:
    """A trial as its journal tells it: what was asked, how it was measured, what is finished so far."""

    plan: dict[str, Any]
    provenance: tuple[dict[str, Any], ...]
    """One for each session; more than one when it was resumed."""
    attempts: tuple[Attempt, ...]

    @property
    def planned(self) -> int:
        """How many attempts it will have."""
        return int(self.plan["groups"]) * int(self.plan["attempts"])


def record(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a journal's record."""
    return {"kind": "attempt", **asdict(attempt)}


def header(plan: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    """A journal's header."""
    return {"kind": "trial", "plan": plan, "provenance": provenance}


def resumed(provenance: dict[str, Any]) -> dict[str, Any]:
    """The record of a later session."""
    return {"kind": "resumed", "provenance": provenance}


def fold(path: Path, recording: Recording) -> Trial:
    """The trial in a journal. Raises BadFile with the line that is not of a trial."""
    from pydantic import TypeAdapter, ValidationError

    reader = TypeAdapter(Attempt)
    first = recording.header
    if first.get("kind") != "trial" or not _whole(first.get("plan")) or not isinstance(first.get("provenance"), dict):
        raise BadFile(path, 1, "not the journal of a trial")
    sessions, attempts = [first["provenance"]], []
    for line, said in recording.records:
        if said.get("kind") == "resumed" and isinstance(said.get("provenance"), dict):
            sessions.append(said["provenance"])
        elif said.get("kind") == "attempt":
            try:
                attempts.append(reader.validate_python({key: value for key, value in said.items() if key != "kind"}))
            except ValidationError as problem:
                where = ".".join(map(str, problem.errors()[0]["loc"]))
                raise BadFile(path, line, f"not an attempt: {where}: {problem.errors()[0]['msg']}") from None
        else:
            raise BadFile(path, line, f"a record of kind {said.get('kind')!r} has no place in a trial")
    return Trial(first["plan"], tuple(sessions), tuple(attempts))


_PLAN = {"network": str, "stack": str, "arms": list, "groups": int, "attempts": int}


def _whole(plan: object) -> bool:
    return isinstance(plan, dict) and all(isinstance(plan.get(key), kind) for key, kind in _PLAN.items())
