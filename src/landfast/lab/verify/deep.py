"""What takes time: timers, budgets, the gateway's policy, cables; in laboratories of its own, which mostly wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from landfast.lab import topology
from landfast.lab.network import Network
from landfast.lab.verify import budgets, cables, lifetimes, policy
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.measured import Measured, Row
from landfast.lab.verify.points import Hop, Point, hops
from landfast.lab.verify.quick import measure
from landfast.lab.verify.stage import Stage

if TYPE_CHECKING:
    from landfast.lab.lab import Lab

Progress = Callable[[str], None]
"""Called with what is being done, in a few words."""


# Laboratories that are built or measure against the clock at one time; those that wait are not counted.
_AT_ONCE = 2
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _busy() -> asyncio.Semaphore:
    """The turns of everybody who measures in this loop."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))


async def deep(network: Network, progress: Progress = lambda _: None, *, built: Network | None = None) -> Measured:
    """Measure every axis of a network, in laboratories that are built for it. Takes as long as its longest timer.

    Several networks may be measured at the same time. With `built` another is built than the one it is compared with.
    """
    site = _Site(network, built or network, progress)
    policies = [
        policy.rows(hop, partial(site.asker, hop.inside), site.horizon)
        for hop in hops(site.plan)
        if hop.router.gateway and hop.inside
    ]
    soon, *later = await together(site.soon(), site.routers(), *policies)
    measured = Measured(network.name, tuple(soon))
    for rows in later:
        measured = measured.and_then(rows)
    return measured


class _Site:
    """Where laboratories of one network are built, a few at a time."""

    def __init__(self, declared: Network, built: Network, progress: Progress = lambda _: None) -> None:
        # What happens to a network would be taken for what it is.
        self.plan, self._built = (topology.plan(network.but(events=[])) for network in (declared, built))
        self._busy, self._progress = _busy(), progress
        nats = [routing.router.nat for routing in self.plan.routings.values() if routing.router.nat]
        self.horizon = max((lifetimes.longest(nat) for nat in nats), default=0.0)

    def _lab(self) -> Lab:
        from landfast.lab.lab import Lab  # which verifies what it builds

        return Lab(self._built.network, verified=False, served=False)

    async def soon(self) -> list[Row]:
        """What a quick verification tells, and the cables."""
        async with self._busy:
            self._progress("building it")
            async with self._lab() as lab:
                self._progress("asking its routers")
                measured = await measure(self.plan, lab.host, self._built)
                self._progress("timing its cables")
                found = [*measured.rows, *await cables.rows(self.plan, lab.host)]
        self._progress(f"waiting {self.horizon:.0f} s for its timers")
        return found

    async def routers(self) -> list[Row]:
        """How long mappings live, and how many there may be."""
        async with self.staged() as stage:
            found = await together(*(self._router(stage, hop) for hop in stage.hops))
        return [row for rows in found for row in rows]

    async def _router(self, stage: Stage, hop: Hop) -> list[Row]:
        asker = stage.askers.get(hop.inside) if hop.inside else None
        try:
            if asker is None or not await asker.fence():
                return []  # as the quick verification tells
        except OSError:
            return []
        # Lifetimes first: hundreds of flows would also keep a keeper busy that ends them at their age.
        budget = hop.router.budget
        found = [] if budget and budget.limit <= lifetimes.FLOWS else await lifetimes.rows(hop, asker, self.horizon)
        async with self._busy:
            reset = partial(stage.reset, hop.name)
            return found + await budgets.rows(hop, asker, stage.watches[hop.router.via], reset)

    @asynccontextmanager
    async def asker(self, point: Point) -> AsyncIterator[Asker]:
        """Somebody at this point of a new laboratory."""
        async with self.staged() as stage:
            yield stage.askers[point]

    @asynccontextmanager
    async def staged(self) -> AsyncIterator[Stage]:
        """A new laboratory with everything open that a verification needs."""
        async with AsyncExitStack() as stack:
            async with self._busy:
                lab = await stack.enter_async_context(self._lab())
            yield await stack.enter_async_context(Stage(self.plan, lab.host, self._built))
