"""`kill -9` of a trial at any moment: nothing of ours is left, and what was measured is kept."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import sys
from pathlib import Path

import pytest

from landfast.kernel.host import Host, Program
from tests.kernel.stories.telling import ended

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

SRC = Path(__file__).parents[1] / "src"
# From the interpreter's first line to a network with its servers, and a while after.
LONGEST = 4.0
GONE_WITHIN = 10.0
TRIAL = ("trial", "--network", "home", "--groups", "2", "--attempts", "2", "--journal", "trial.jsonl")
COMMAND = (*TRIAL, "--resume", "--report", "report.html", "--json")


class Left:
    """What of a process and its descendants there is on this machine: it is known by a word in its environment."""

    def __init__(self) -> None:
        self.word = f"LANDFAST_KILLED={secrets.token_hex(8)}"
        self.before = self.traces()

    def processes(self) -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.word.encode() in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:  # it ended, or is another user's
                continue
        return found

    def traces(self) -> set[str]:
        """Named namespaces, shared memory and temporary files with our names."""
        places = [Path("/run/netns"), Path("/dev/shm"), Path("/tmp")]
        names = ("landfast", "coturn-", "chromium-", "robot", "server", "carrier")
        return {str(e) for place in places if place.is_dir() for e in place.iterdir() if e.name.startswith(names)}

    async def nothing(self) -> None:
        async with asyncio.timeout(GONE_WITHIN):
            while left := self.processes():
                for each in left:
                    await ended(int(each))
        assert self.traces() == self.before


async def start(argv: tuple[str, ...], folder: Path, left: Left) -> Program:
    name, _, value = left.word.partition("=")
    environment = {"PYTHONPATH": str(SRC), name: value}
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        program = await Host.here().start(
            [sys.executable, "-m", "landfast", *argv], environment=environment, folder=folder, stdout=log, stderr=log
        )
    finally:
        os.close(log)
    return program


async def killed(folder: Path, times: int) -> None:
    seed = secrets.randbits(32)
    draw = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it with a failure
    for _ in range(times):
        left = Left()
        program = await start(COMMAND, folder, left)
        try:
            await asyncio.wait_for(program.wait(), draw.uniform(0, LONGEST))
        except TimeoutError:
            program.send_signal(signal.SIGKILL)
            await program.wait()
        await left.nothing()


async def test_nothing_is_left_of_a_killed_trial(tmp_path: Path) -> None:
    await killed(tmp_path, 3)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_nothing_is_left_of_a_killed_trial_at_twenty_moments(tmp_path: Path) -> None:
    await killed(tmp_path, 20)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_a_trial_that_was_killed_is_completed_and_its_attempts_are_kept(tmp_path: Path) -> None:
    journal = tmp_path / "trial.jsonl"
    left = Left()
    program = await start(COMMAND, tmp_path, left)
    async with asyncio.timeout(120):
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert program.code is None
            await asyncio.sleep(0)
    kept = journal.read_text().splitlines()
    program.send_signal(signal.SIGKILL)
    await program.wait()
    await left.nothing()

    again = await start(COMMAND, tmp_path, left)

    assert await again.wait() in (0, 1)
    lines = journal.read_text().splitlines()
    assert lines[: len(kept)] == kept
    shown = json.loads(next(line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")))
    assert len(shown["attempts"]) == 4
    await left.nothing()
