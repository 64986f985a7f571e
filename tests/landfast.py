"""The program `landfast` as a process of its own, for tests that need one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import landfast
from landfast.kernel.host import Completed, Host, Program

ARGV = (sys.executable, "-W", "error", "-m", "landfast")
# Who has no privileges: an ordinary user is one already, and root becomes one in a user namespace, with its own files.
AS_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.getuid() == 0 else ()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where this landfast is found, and nothing of the test run."""
    clean = {name: "" for name in os.environ if name.startswith("PYTEST_")}
    importable = os.pathsep.join(filter(None, [str(Path(landfast.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    return {**clean, "PYTHONPATH": importable, **(more or {})}


@asynccontextmanager
async def started(*argv: str, before: tuple[str, ...] = ()) -> AsyncIterator[Running]:
    """`landfast ARGV` while the block lasts."""
    program = await Host.here().start([*before, *ARGV, *argv], environment=environment())
    assert program.stdin
    assert program.stdout
    assert program.stderr
    try:
        yield Running(program, program.stdout, program.stderr)
    finally:
        program.send_signal(signal.SIGKILL)
        program.stdin.close()
        await asyncio.gather(program.wait(), program.stdout.read(), program.stderr.read())


@dataclass(frozen=True)
class Running:
    """A program and what it writes."""

    program: Program
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader


async def run(*argv: str, given: str = "", before: tuple[str, ...] = (), **more: str) -> Completed:
    """Run `landfast ARGV` to its end."""
    return await Host.here().run([*before, *ARGV, *argv], given=given, environment=environment(more))
