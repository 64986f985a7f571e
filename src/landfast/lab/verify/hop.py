"""One router: every quick question through it, together if its budget allows that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from landfast.lab.network import Budget
from landfast.lab.verify import passage, settings, translation
from landfast.lab.verify.asking import PATIENCE, together
from landfast.lab.verify.measured import Row
from landfast.lab.verify.points import Hop
from landfast.lab.verify.stage import Stage
from landfast.model.facts import Fact
from landfast.model.nat import Mapping

Reset = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class _Part:
    """A group of questions and what it needs of a budget, the fence included."""

    name: str
    sessions: int
    mappings: int
    ask: Callable[[], Coroutine[Any, Any, Sequence[Row | Fact]]]

    def costs(self, budget: Budget) -> int:
        """What it takes of a budget."""
        return self.sessions if budget.of == "sessions" else self.mappings


async def rows(stage: Stage, hop: Hop, each: Sequence[str], held: Sequence[str]) -> list[Row]:
    """Everything that can be asked quickly. `each`: subscribers' external addresses; `held`: those on `wan`."""
    assert hop.inside
    asker, router, outside = stage.askers[hop.inside], stage.host(hop.name), stage.host(hop.outside.place)
    reset = partial(stage.reset, hop.name)
    if hop.router.budget:
        await reset()
    if not await asker.fence():
        how = f"{asker.point.place} hears nothing from {asker.server[0]} within {PATIENCE:g} s"
        return [Row(hop.name, "udp", hop.router.udp, "nothing passes", how)]
    # In a block of 200 ports two sessions of one socket get the same by chance with 0.5 %; on three lines never.
    lines = 1 if hop.router.budget else 3
    delicate = [
        _Part("filtering", 3, 3, lambda: translation.filtering(asker)),
        _Part("hairpin", 2, 2, lambda: translation.hairpin(hop, asker)),
        _Part("mapping", 3 * lines + 1, lines + 1, lambda: translation.mapping(asker, lines)),
    ]
    others = [
        _Part("pool", translation.MANY + 1, translation.MANY + 1, lambda: translation.pool(asker)),
        _Part("udp", 2, 2, lambda: passage.udp(hop, asker)),
        _Part("ipv6", 1, 1, lambda: passage.ipv6(hop, asker)),
        _Part("input", 1, 1, lambda: passage.unasked(hop, asker, outside)),
        _Part("foreign source", 1, 1, lambda: passage.foreign(hop, asker, stage.watches[hop.router.via], router)),
        _Part("mtu", 3, 3, lambda: passage.mtu(hop, asker)),
    ]
    found: list[Row | Fact] = []
    skipped: list[str] = []
    for group in _groups(hop, delicate, others):
        if hop.router.budget:
            await reset()
        answers, refused = await _within(hop.router.budget, group, reset)
        found += answers
        skipped += refused
    facts = [answer for answer in found if not isinstance(answer, Row)]
    why = f"its budget does not allow to ask for {', '.join(skipped)}" if skipped else ""
    measured = [answer for answer in found if isinstance(answer, Row)]
    measured += translation.rows(hop, facts, why) + translation.external(hop, facts, each, held)
    return measured + settings.later(hop.routing)


def _groups(hop: Hop, delicate: Sequence[_Part], others: Sequence[_Part]) -> list[Sequence[_Part]]:
    """What is asked at the same time. Where sessions with several servers may share an external port, the delicate
    questions come first, one by one: a session of another question could stand in the way.
    """
    nat = hop.router.nat
    if nat and (nat.block or nat.mapping is not Mapping.ENDPOINT_INDEPENDENT):
        return [*([part] for part in delicate), others]
    return [[*delicate, *others]]


async def _within(budget: Budget | None, parts: Sequence[_Part], reset: Reset) -> tuple[list[Row | Fact], list[str]]:
    """The answers, and what a budget did not allow to ask. A small one is spent part by part, and reset in between."""
    if budget is None or sum(part.costs(budget) for part in parts) <= budget.limit:
        answers = await together(*(part.ask() for part in parts))
        return [answer for group in answers for answer in group], []
    found: list[Row | Fact] = []
    left = 0
    for part in parts:
        cost = part.costs(budget)
        if cost > budget.limit:
            continue
        if cost > left:
            await reset()
            left = budget.limit
        left -= cost
        found += await part.ask()
    return found, [part.name for part in parts if part.costs(budget) > budget.limit]
