"""Cases that count what sessions cost, beside aiortc as it comes, on a host that has nothing else to do."""

from __future__ import annotations

import json
import sys

from bench.session.faults import ROOT
from bench.session.place import network, stand
from bench.session.play import Figures

SESSIONS, IDLE_S = 500, 30
DATA_S = 8
_TIMES = 3
"""Runs of a throughput: each is short, and the best is what the machine let it have."""

MEASURES = {"idle": (str(SESSIONS), str(IDLE_S)), "data": (str(DATA_S),), "datagrams": (str(DATA_S),)}


async def weigh(measure: str, peer: str, name: str) -> Figures:
    """One measure of one stack, each time as a process of its own."""
    figures = Figures(name)
    argv = [sys.executable, "-m", "bench.session.cost", peer.removeprefix("stock-"), measure, *MEASURES[measure]]
    try:
        async with stand(network(round_trip_ms=0), "direct") as place:
            for _ in range(1 if measure == "idle" else _TIMES):
                done = await place.lab.host("operator").run(argv, environment={"PYTHONPATH": ROOT})
                for what, value in json.loads(done.checked().stdout).items():
                    figures.notes[what] = max(round(value, 1), figures.notes.get(what, 0))
    except Exception as problem:  # noqa: BLE001 -- a case that fails is told, not dropped
        figures.problems.append(f"{type(problem).__name__}: {problem}")
    return figures
