"""Many runs, some at once: they mostly wait, for bindings to age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from landfast.lab.network import Network
from landfast.trials.truth.matrix import Matrix, Run

AT_ONCE = 6
"""A doctor's process takes about a second of a CPU, and waits for tens."""

Examine = Callable[[Network, float], Awaitable[Run]]


async def series(
    networks: Sequence[Network], loss: float, examine: Examine, done: Callable[[Run], None], at_once: int = AT_ONCE
) -> Matrix:
    """Examine each network once, in their order in the result; `done` hears of each as it ends."""
    room = asyncio.Semaphore(at_once)

    async def one(network: Network) -> Run:
        async with room:
            run = await examine(network, loss)
        done(run)
        return run

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(one(network)) for network in networks]
    return Matrix(loss, tuple(run.result() for run in runs))
