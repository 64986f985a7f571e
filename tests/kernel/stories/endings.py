"""How sandboxes end, who hears of it, and that nothing stays; and the one that cannot even begin."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from landfast.errors import CapabilityMissing, WorldError
from landfast.kernel import namespaces
from landfast.kernel.host import Host
from landfast.kernel.sandbox import KILLED, Sandbox
from tests.kernel.stories.telling import Shelf, divided, ended, given_up_at, line, raises, read, running, unique_sleep

STORIES = Shelf()


@STORIES.of_sandboxes
async def leaving_ends_every_process() -> None:
    argv = unique_sleep()
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        talker = await robot.start(["yes"])  # fills a pipe that nobody reads
        sleeper = await robot.start(argv)
        orphan = await robot.start(["sh", "-c", f"setsid {' '.join(argv)} & echo $!"])
        await line(orphan)
        pid = sandbox.pid
        assert Path(f"/proc/{pid}").exists()
    assert [talker.code, sleeper.code] == [KILLED, KILLED]
    assert running(argv) == []
    assert not Path(f"/proc/{pid}").exists()
    with raises(WorldError):
        await robot.run(["true"])


def stay(path: str) -> None:
    Path(path).write_text("begun")
    signal.pause()


async def staying(robot: Host) -> asyncio.Future[None]:
    """A call that has begun over there and never returns."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/begun")
        asking = asyncio.ensure_future(robot.call(stay, f"{folder}/begun"))
        await asyncio.to_thread(read, f"{folder}/begun")
    return asking


@STORIES.of_sandboxes
async def leaving_does_not_wait_for_a_call_that_never_returns() -> None:
    async with Sandbox() as sandbox:
        asking = await staying(await sandbox.host("robot"))
    with raises(WorldError):
        await asking


@STORIES.of_sandboxes
async def when_the_sandbox_dies_everyone_who_waits_hears_it() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        program = await robot.start(["cat"])
        asking = await staying(robot)
        os.kill(sandbox.pid, signal.SIGKILL)
        assert await program.wait() == KILLED
        with raises(WorldError) as raised:
            await asking
        assert "sandbox ended" in str(raised.problem)


@STORIES.of_sandboxes
async def a_start_that_is_given_up_leaves_no_program() -> None:
    argv = unique_sleep()
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        waited, program = 0, None
        while not program:
            try:
                program = await asyncio.ensure_future(given_up_at(waited, robot.start(argv)))
            except asyncio.CancelledError:
                assert running(argv) == []
                waited += 1
        assert waited > 0
        assert len(running(argv)) == 1
        program.send_signal(signal.SIGKILL)
        await program.wait()
        assert await robot.call(divided, 4, 2) == 2


async def _hold(*, calling: bool) -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        await robot.start(sys.argv[2:])
        sys.stdout.write(f"{sandbox.pid}\n")
        sys.stdout.flush()
        if calling:
            await robot.call(signal.pause)
        await asyncio.Event().wait()


async def _killed_holder(kind: str) -> None:
    argv = unique_sleep()
    holder = await Host.here().start([sys.executable, "-m", __name__, kind, *argv])
    pid = int(await line(holder))
    inside = running(argv)
    assert len(inside) == 1
    holder.send_signal(signal.SIGKILL)
    await ended(pid)
    await ended(int(inside[0]))
    assert running(argv) == []
    assert await holder.wait() == -signal.SIGKILL


@STORIES.of_sandboxes
async def killing_the_holder_leaves_nothing() -> None:
    await _killed_holder("hold")


@STORIES.of_sandboxes
async def killing_the_holder_during_a_call_leaves_nothing() -> None:
    await _killed_holder("hold-calling")


def _nest() -> None:
    """Use up what user_namespaces(7) allows: 32 levels."""
    uid, gid = os.getuid(), os.getgid()
    with suppress(OSError):
        while True:
            namespaces.unshare(namespaces.NEW_USER)
            namespaces.map_user(1000, 1000, uid, gid)
            uid, gid = 1000, 1000


@STORIES.of_sandboxes
async def without_user_namespaces_the_error_says_what_provides_them() -> None:
    done = await Host.here().run([sys.executable, "-m", __name__, "nested"])
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("missing capability: user namespaces (unshare: ")
    assert "apparmor_restrict_unprivileged_userns=0" in done.stdout


async def _refused() -> None:
    with raises(CapabilityMissing) as raised:
        await Sandbox().__aenter__()
    sys.stdout.write(str(raised.problem))


if __name__ == "__main__":  # the other process of a story
    match sys.argv[1]:
        case "hold":
            asyncio.run(_hold(calling=False))
        case "hold-calling":
            asyncio.run(_hold(calling=True))
        case "nested":
            _nest()
            asyncio.run(_refused())
