from __future__ import annotations

import asyncio

import pytest

from landfast.lab.network import Network
from landfast.trials.truth.declared import Truth
from landfast.trials.truth.drawn import drawn
from landfast.trials.truth.matrix import Run
from landfast.trials.truth.series import series


@pytest.mark.anyio
async def test_so_many_run_at_once_and_no_more_and_the_order_stays() -> None:
    running, most = 0, 0
    ended: list[str] = []

    async def examine(network: Network, loss: float) -> Run:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5 if network.name == "drawn-0" else 1):
            await asyncio.sleep(0)
        running -= 1
        return Run(network.name, loss, Truth(frozenset(), frozenset()))

    networks = [drawn(seed) for seed in range(7)]
    matrix = await series(networks, 0.1, examine, lambda run: ended.append(run.network), at_once=3)
    assert most == 3
    assert [run.network for run in matrix.runs] == [network.name for network in networks]
    assert sorted(ended) == sorted(network.name for network in networks)
    assert ended[0] != "drawn-0"
