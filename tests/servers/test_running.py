from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import weakref
from pathlib import Path

import pytest

from landfast.errors import NotReady
from landfast.kernel.host import Host, Program
from landfast.servers import running

pytestmark = pytest.mark.anyio

# Says that it is ready, and when it was told to stop.
SERVER = "trap 'echo stopped >&2; exit 0' TERM; echo starting >&2; echo ready; while :; do sleep 0.01; done"


async def says_ready(program: Program) -> None:
    assert program.stdout
    if not await program.stdout.readline():
        await asyncio.Future()


async def test_it_runs_when_start_returns_and_stop_lets_it_end_by_itself() -> None:
    server = await running.start(Host.here(), ["sh", "-c", SERVER], says_ready)
    assert server.program.code is None
    assert server.log.end() == "starting"
    await server.stop()
    await server.stop()
    assert server.program.code == 0


async def test_one_that_ends_early_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()

    async def cleanup() -> None:
        mark.unlink()

    with pytest.raises(NotReady, match="ended with 3: no such port"):
        await running.start(Host.here(), ["sh", "-c", "echo no such port >&2; exit 3"], says_ready, cleanup=cleanup)
    assert not mark.exists()


async def test_one_that_stays_silent_is_an_error_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "READY_WITHIN", 0.05)
    with pytest.raises(NotReady, match=r"not ready within 0\.05 s: thinking"):
        await running.start(Host.here(), ["sh", "-c", "echo thinking >&2; exec sleep 1000"], says_ready)


async def test_one_that_nobody_holds_on_to_runs_on() -> None:
    forgotten = weakref.ref(await running.start(Host.here(), ["sh", "-c", SERVER], says_ready))
    gc.collect()
    server = forgotten()
    assert server
    await server.stop()


async def test_one_that_does_not_want_to_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_GRACE", 0.05)
    deaf = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
    server = await running.start(Host.here(), ["sh", "-c", deaf], says_ready)
    await server.stop()
    assert server.program.code == -signal.SIGKILL


async def test_when_it_is_stopped_what_it_started_is_gone_and_its_pipe_closed() -> None:
    slower = "sh -c 'trap \"\" TERM; echo ready; sleep 0.2' & wait"
    server = await running.start(Host.here(), ["sh", "-c", slower], says_ready)
    await server.stop()
    assert server.program.stdout
    assert server.program.stdout.at_eof()


UNTIL_STOPPED = "import asyncio; from landfast.servers import running; print('ready', flush=True); "
UNTIL_STOPPED += "asyncio.run(running.until_stopped()); print('end')"


@pytest.mark.parametrize("how", ["signal", "pipe"])
async def test_a_program_runs_until_it_is_told_or_left_alone(how: str) -> None:
    program = await Host.here().start([sys.executable, "-c", UNTIL_STOPPED])
    assert program.stdin
    assert program.stdout
    await program.stdout.readline()
    if how == "signal":
        await listening_for(program, signal.SIGTERM)
    else:
        program.stdin.close()
    assert await program.stdout.read() == b"end\n"
    assert await program.wait() == 0


async def listening_for(program: Program, number: int) -> None:
    """Send a signal once the program catches it."""
    while not catches(program._process.pid, number):  # type: ignore[attr-defined]  # noqa: ASYNC110 -- /proc has no events
        await asyncio.sleep(0)
    program.send_signal(number)


def catches(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) & 1 << (number - 1))


async def test_a_program_without_a_pipe_is_not_left_alone_by_the_end_of_its_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    program = await Host.here().start([sys.executable, "-c", UNTIL_STOPPED], stdin=nothing)
    os.close(nothing)
    assert program.stdout
    await program.stdout.readline()
    await listening_for(program, signal.SIGTERM)
    assert await program.stdout.read() == b"end\n"
    assert await program.wait() == 0
