"""Facts → numbers: lifetimes, an age, a budget, a length. None where the facts do not show one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import Literal

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.nat import CONVINCING_SILENCE, SHORTEST_LIFETIME
from landfast.diagnose.timeline import undisturbed
from landfast.model.facts import BindingTried, Fact, LongPackets, MappingsAsked, RoundTrips, State

ENOUGH_DEAD = 3
"""Packets to bindings that were left alone for longer than any that lived, before it was the bindings' end and not the
packets'; more where the path is known to lose many."""

DOUBT = 1e-3
"""The probability that all of those were lost. Another socket that lives on for longer disproves it, so that it must
happen to all sockets of a measurement at once: at 10 % loss to two of them once in 10 000 measurements."""

ENOUGH_REFUSED = 3
"""Sockets without a mapping before it was the budget: each asked CONVINCING_SILENCE times, so at 10 % loss each way one
in 4000 remains without an answer by chance; of 256 sockets three do so four times in 100 000 measurements."""


@dataclass(frozen=True)
class Lifetime:
    """Something lived for `alive` seconds and was dead after `dead`; None where it lived for as long as was asked."""

    alive: float
    dead: float | None
    because: tuple[Fact, ...]

    @property
    def seconds(self) -> float | None:
        """The middle of what is possible."""
        return None if self.dead is None else (self.alive + self.dead) / 2


def lifetime(evidence: Evidence, state: State) -> Lifetime | None:
    """How long a binding in this state lives when nothing passes."""
    tried = [each for each in undisturbed(evidence) if each.state == state and each.refreshed_by == "nothing"]
    return _between([(each.silent, each) for each in tried], enough_dead(evidence))


def oldest(evidence: Evidence) -> Lifetime | None:
    """The age at which bindings die although the inside keeps them alive."""
    idle = max((each.silent for each in undisturbed(evidence) if each.arrived), default=0.0)
    spared = max(idle, SHORTEST_LIFETIME)  # who was left alone for no longer than this did not die of that
    kept = [each for each in undisturbed(evidence) if each.refreshed_by == "outbound" and each.silent <= spared]
    return _between([(each.age, each) for each in kept], enough_dead(evidence))


def inbound_refreshes(evidence: Evidence) -> bool | None:
    """Whether what comes in keeps a binding alive (RFC 4787, REQ-6)."""
    fed = [each for each in undisturbed(evidence) if each.refreshed_by == "inbound"]
    for state in ("stream", "replied", "unreplied"):
        alone = lifetime(evidence, state)
        if alone is None or alone.dead is None:
            continue
        longer = [each for each in fed if each.state == state and each.age > alone.dead]
        if any(each.arrived for each in longer):
            return True
        if sum(each.path_works for each in longer) >= enough_dead(evidence):
            return False
    return None


def enough_dead(evidence: Evidence) -> int:
    """How many silent packets convince on this path: ENOUGH_DEAD, and with loss until all lost would be in DOUBT."""
    trips = evidence.of(RoundTrips)
    sent, received = sum(fact.sent for fact in trips), sum(len(fact.seconds) for fact in trips)
    if sent < received or not sent:
        return ENOUGH_DEAD
    both = min(max((sent - received + 1) / (sent + 2), 0.001), 0.99)  # there and back, by the rule of succession
    return max(ENOUGH_DEAD, ceil(log(DOUBT) / log(1 - sqrt(1 - both))))


def _between(tried: Sequence[tuple[float, BindingTried]], enough: int) -> Lifetime | None:
    """Nothing by a single silence: dead are those beyond the last that lived, and only if they are several."""
    lived = [(lasted, each) for lasted, each in tried if each.arrived]
    if not lived:
        return None  # nothing says that an answer could have come at all
    alive, last = max(lived, key=lambda pair: pair[0])
    beyond = sorted(
        ((lasted, each) for lasted, each in tried if lasted > alive and not each.arrived and each.path_works),
        key=lambda pair: pair[0],
    )
    if len(beyond) < enough:
        return Lifetime(alive, None, (last,))
    return Lifetime(alive, beyond[0][0], (last, *(each for _, each in beyond[:enough])))


def budget(evidence: Evidence) -> MappingsAsked | None:
    """The last time that new sockets got nothing although one that had a mapping was still answered."""
    refused = [
        asked
        for asked in evidence.of(MappingsAsked)
        if asked.kept and asked.asked - asked.mapped >= ENOUGH_REFUSED and asked.mapped >= 0
    ]
    return refused[-1] if refused else None


@dataclass(frozen=True)
class LongestPacket:
    """IP packets of `passes` bytes arrive, those of `dies` vanish."""

    direction: Literal["up", "down"]
    passes: int
    dies: int
    because: tuple[LongPackets, ...]


def longest_packets(evidence: Evidence) -> tuple[LongestPacket, ...]:
    """Where small packets pass and long ones vanish without a word, for each direction that shows it."""
    return tuple(
        found
        for up, direction in ((True, "up"), (False, "down"))
        if (found := _longest([fact for fact in evidence.of(LongPackets) if fact.up is up], direction))  # type: ignore[arg-type]
    )


def _longest(tried: Iterable[LongPackets], direction: Literal["up", "down"]) -> LongestPacket | None:
    tried = [fact for fact in tried if fact.sent > 0]
    passed = [fact for fact in tried if fact.received]
    if not passed:
        return None
    longest = max(passed, key=lambda fact: fact.length)
    longer = sorted((fact for fact in tried if fact.length > longest.length), key=lambda fact: fact.length)
    vanished = [fact for fact in longer if not fact.told and fact.small > 0]
    if not vanished or len(vanished) < len(longer) or sum(fact.sent for fact in vanished) < CONVINCING_SILENCE:
        return None
    return LongestPacket(direction, longest.length, vanished[0].length, (longest, *vanished))
