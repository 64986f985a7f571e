"""Many histories on all cores: worker programs play them in small batches, and their findings are merged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from landfast import clock
from landfast.errors import ProgramFailed
from landfast.kernel.host import Host, Program
from landfast.servers.running import Log
from landfast.trials.campaign import play
from landfast.trials.campaign.tally import Tally, read

BATCH = 20
"""Histories that a worker is told at once: a second or two."""

Told = Callable[[Tally], None]


def cores() -> int:
    """How many processors this program may use."""
    return len(os.sched_getaffinity(0))


def is_compiled() -> bool:
    """Whether what is played is native code, as `make proof` has it (`make/compiled.py`), and no plain Python."""
    return Path(play.__file__).suffix != ".py"


async def campaign(first: int, histories: int, seconds: float, workers: int, done: Told) -> None:
    """Play the histories of these seeds, until all are played or the time is over; `done` hears of each batch.

    Raises ProgramFailed when a worker dies.
    """
    batches = _batches(first, histories, clock.monotonic() + seconds)
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_work(batches, done))


def _batches(first: int, histories: int, until: float) -> Iterator[tuple[int, int]]:
    for start in range(first, first + histories, BATCH):
        if clock.monotonic() >= until:
            return
        yield start, min(BATCH, first + histories - start)


async def _work(batches: Iterator[tuple[int, int]], done: Told) -> None:
    """One worker program, for as long as there are batches."""
    complaints = Log()
    argv = [sys.executable, "-m", "landfast.trials.campaign.worker"]
    program = await Host.here().start(argv, stderr=complaints.descriptor)
    try:
        for start, count in batches:
            done(read(json.loads(await _ask(program, f"{start} {count}\n", complaints))))
    finally:
        program.send_signal(signal.SIGKILL)
        await program.wait()


async def _ask(program: Program, line: str, complaints: Log) -> bytes:
    assert program.stdin
    assert program.stdout
    program.stdin.write(line.encode())
    if answer := await program.stdout.readline():
        return answer
    raise ProgramFailed(program.argv, await program.wait(), complaints.end())
