"""Asks what takes time of networks that were built wrong, all at once: they mostly wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from landfast.lab.network import Network
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.deep import _Site
from landfast.lab.verify.measured import Row
from landfast.lab.verify.points import Hop
from landfast.lab.verify.stage import Stage
from tests.lab.verify.wrong import Wrong

Ask = Callable[[_Site], Awaitable[Sequence[Row]]]


async def missed(cases: Sequence[Wrong], ask: Ask) -> dict[str, list[str]]:
    """The cases in which the wrong axis was not told, each with what was."""

    async def one(case: Wrong) -> Sequence[Row]:
        return await ask(_Site(case.declared, case.built))

    answers = await together(*map(one, cases))
    return {
        str(case): [str(row) for row in rows]
        for case, rows in zip(cases, answers, strict=True)
        if (case.place, case.seen) not in {(row.place, row.axis) for row in rows if row.agrees is False or busy(row)}
    }


def busy(row: Row) -> bool:
    """Unknown because other programs have the CPUs."""
    return row.observed is None and "too busy" in row.how


def site(network: Network) -> _Site:
    return _Site(network, network)


@asynccontextmanager
async def asking(at: _Site) -> AsyncIterator[tuple[Stage, Hop, Asker]]:
    """Somebody behind the first router."""
    async with at.staged() as stage:
        hop = stage.hops[0]
        assert hop.inside
        asker = stage.askers[hop.inside]
        assert await asker.fence()
        yield stage, hop, asker


def differences(rows: Sequence[Row]) -> list[str]:
    return [str(row) for row in rows if row.agrees is False]
