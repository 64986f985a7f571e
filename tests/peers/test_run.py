from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel.host import Host
from landfast.peers import report
from landfast.peers.assignment import Assignment, Role
from landfast.peers.report import Closed, Event, Outcome, Ready, Reason
from landfast.peers.run import PeerRun, Stack, start
from landfast.servers.running import Log

pytestmark = pytest.mark.anyio

LINES = {"READY": report.encode(Ready(1)), "CLOSED": report.encode(Closed(2, Reason.STOPPED))}


async def peer(script: str) -> PeerRun:
    """A shell script in a peer's place; it finds the lines in $READY and $CLOSED."""
    complaints = Log()
    program = await Host.here().start(["sh", "-c", script], environment=LINES, stderr=complaints.descriptor)
    return PeerRun(program, complaints)


async def events(run: PeerRun) -> list[Event]:
    return [event async for event in run]


async def test_every_reader_sees_every_event() -> None:
    run = await peer('echo "$READY"; read word; echo "$CLOSED"')
    early = asyncio.create_task(events(run))
    await run.ready()
    assert run.outcome == Outcome(ready=1)
    assert run._program.stdin
    run._program.stdin.write(b"go\n")
    assert await run.wait() == Outcome(ready=1, closed=Closed(2, Reason.STOPPED))
    assert await early == await events(run) == [Ready(1), Closed(2, Reason.STOPPED)]


async def test_one_that_dies_without_a_word_is_an_error_for_all_who_wait() -> None:
    run = await peer('echo "$READY"; echo segmentation fault >&2; exit 139')
    for waiting in (events(run), run.wait()):
        with pytest.raises(ProgramFailed, match="ended with 139: segmentation fault"):
            await waiting
    await run.ready()  # that it was


async def test_one_that_dies_before_it_is_ready_is_an_error_there() -> None:
    run = await peer("exit 1")
    with pytest.raises(ProgramFailed):
        await run.ready()


async def test_one_that_prints_something_else_is_an_error_and_ended() -> None:
    run = await peer("echo hello; exec sleep 1000")
    with pytest.raises(ProgramFailed, match="not a peer's event: b'hello"):
        await run.wait()


async def test_stop_lets_it_say_its_last_and_is_no_error() -> None:
    run = await peer('trap \'echo "$CLOSED"; exit 1\' TERM; echo "$READY"; while :; do sleep 0.01; done')
    await run.ready()
    for _ in range(2):
        assert await run.stop() == Outcome(ready=1, closed=Closed(2, Reason.STOPPED))


async def test_stop_kills_one_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfast.peers.run._GRACE", 0.05)
    run = await peer("trap '' TERM; echo \"$READY\"; while :; do sleep 0.01; done")
    await run.ready()
    assert await run.stop() == Outcome(ready=1)
    assert run._program.code == -9


async def test_a_stack_that_is_not_there_is_a_missing_capability(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = Assignment(Role.ROBOT, "ws://nowhere", "r")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CapabilityMissing, match="program chromium; provided by: Debian package chromium"):
        await start(Stack.CHROMIUM, Host.here(), task)
    monkeypatch.setattr("landfast.peers.run.find_spec", lambda _: None)
    for stack, package in ((Stack.CHROMIUM, "playwright"), (Stack.AIORTC, "aiortc")):
        with pytest.raises(CapabilityMissing, match=f"Python package {package}"):
            await start(stack, Host.here(), task)
