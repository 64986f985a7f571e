from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from landfast import clock
from landfast.errors import RequestError, WorldError
from landfast.kernel import nft
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Completed, Host, Program
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options, confirmation
from landfast.remedies.masquerade.diff import diff
from landfast.remedies.masquerade.observe import look_at_ours
from tests.remedies.masquerade import robots
from tests.remedies.masquerade.robots import Scene

pytestmark = pytest.mark.anyio
REAL = pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")
SOON = Options(confirm_within=0.3, persist="rc.local")


async def watching(host: Host) -> Program:
    """nft's own report of what changes; it is listening when it has told a table of ours."""
    watcher = await host.start(["stdbuf", "-oL", "nft", "monitor"])
    assert watcher.stdout
    number = 0
    while True:
        number += 1
        await nft.apply(host, [{"add": (t := {"table": {"family": "ip", "name": f"ready{number}"}})}, {"delete": t}])
        if watcher.stdout._buffer:  # type: ignore[attr-defined]
            return watcher


async def until(watcher: Program, said: str) -> None:
    assert watcher.stdout
    async with asyncio.timeout(robots.PATIENCE):
        while said not in (await watcher.stdout.readline()).decode():
            pass


@REAL
async def test_unconfirmed_it_is_undone(scene: Scene) -> None:
    before = await nft.text(scene.robot)
    watcher = await watching(scene.robot)
    outcome = await masquerade.enable(scene.robot, SOON)
    assert any("unless `landfast masquerade confirm` comes" in note for note in outcome.notes)
    assert not (scene.robot.root / "etc/rc.local").exists()  # what is not confirmed is not persisted
    await until(watcher, "add rule ip6 landfast output")
    await until(watcher, "delete table ip landfast\n")
    await until(watcher, "delete table ip6 landfast\n")
    assert await nft.text(scene.robot) == before
    with pytest.raises(RequestError):
        await masquerade.confirm(scene.robot)


# Enables, says so, and waits for its death. Its files are below argv[1], for on this host /run is the machine's own.
_MORTAL = """
import asyncio, sys
from pathlib import Path
from landfast.kernel.host import LocalHost
from landfast.remedies import masquerade
asyncio.run(masquerade.enable(LocalHost(Path(sys.argv[1])), masquerade.Options(confirm_within=1)))
print("enabled", flush=True)
sys.stdin.read()
"""


@REAL
async def test_it_is_undone_though_its_terminal_died(scene: Scene, tmp_path: Path) -> None:
    before = await nft.text(scene.robot)
    watcher = await watching(scene.robot)
    source = str(Path(masquerade.__file__).parents[3])
    argv = [sys.executable, "-c", _MORTAL, str(tmp_path)]
    program = await scene.robot.start(argv, environment={"PYTHONPATH": source})
    assert program.stdout
    assert await program.stdout.readline() == b"enabled\n"
    program.send_signal(signal.SIGKILL)  # it and all of its process group, as a hang-up would
    assert await program.wait() == -signal.SIGKILL
    await until(watcher, "add rule ip6 landfast output")
    await until(watcher, "delete table ip6 landfast\n")
    assert await nft.text(scene.robot) == before


@REAL
async def test_unconfirmed_what_was_there_before_comes_back(scene: Scene) -> None:
    await masquerade.enable(scene.robot, Options(action="drop"))
    _, before = await look_at_ours(scene.robot)
    watcher = await watching(scene.robot)
    await masquerade.enable(scene.robot, Options(scope="all", confirm_within=0.3))
    await until(watcher, "add rule ip landfast translate")
    await until(watcher, "add rule ip landfast output")
    await until(watcher, "drop")
    _, now = await look_at_ours(scene.robot)
    assert diff(now, before) == ()


async def test_confirmed_it_stays_and_is_persisted(robot: Host) -> None:
    await masquerade.enable(robot, Options(confirm_within=60, persist="systemd"))
    status = await masquerade.status(robot)
    assert status.unconfirmed_s is not None
    assert 0 < status.unconfirmed_s <= 60
    assert status.persistence is None
    await masquerade.confirm(robot)
    status = await masquerade.status(robot)
    assert (status.enabled, status.unconfirmed_s, status.persistence) == (True, None, "systemd")
    assert list((robot.root / "run/landfast").iterdir()) == []
    with pytest.raises(RequestError):
        await masquerade.confirm(robot)


async def test_while_one_waits_no_other_is_begun(robot: Host) -> None:
    await masquerade.enable(robot, Options(confirm_within=60))
    with pytest.raises(RequestError, match="confirm"):
        await masquerade.enable(robot, Options(scope="all"))
    await masquerade.disable(robot)
    assert confirmation.pending(robot) is None
    assert (await masquerade.enable(robot, Options(scope="all"))).changed


async def test_where_nothing_changes_nothing_is_to_be_confirmed(robot: Host) -> None:
    await masquerade.enable(robot)
    outcome = await masquerade.enable(robot, Options(confirm_within=60, persist="rc.local"))
    assert confirmation.pending(robot) is None
    assert outcome.changed  # persisted at once
    assert (await masquerade.status(robot)).persistence == "rc.local"


async def test_a_failed_change_waits_for_nothing(robot: Host) -> None:
    with pytest.raises(WorldError):
        await masquerade.enable(robots.Faulty(robot, 2, after=True), Options(confirm_within=60, backend="nft"))
    assert confirmation.pending(robot) is None
    assert not (await masquerade.status(robot)).enabled


@REAL
async def test_a_change_whose_shell_was_killed_is_undone_by_the_next_enable(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over, and nobody undid it."""
    before = await nft.text(scene.robot)
    monkeypatch.setattr(confirmation, "_WAIT", "exit")
    await masquerade.enable(scene.robot, Options(confirm_within=60))
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + 61)
    assert (await masquerade.status(scene.robot)).unconfirmed_s == 0
    with pytest.raises(RequestError):  # so that it does nothing but undo
        await masquerade.enable(scene.robot, Options(("lo7",)))
    assert await nft.text(scene.robot) == before
    assert confirmation.pending(scene.robot) is None


def test_only_one_of_two_decides(tmp_path: Path) -> None:
    path = tmp_path / "masquerade-undo-1.sh"
    path.write_text("# {}\n")
    waiting = confirmation.Pending(path, Options(), 0)
    assert confirmation.claim(waiting)
    assert not confirmation.claim(waiting)


@pytest.mark.parametrize(
    "text", ["", "# nonsense\n", '# {"until": 1}\n', '# {"until": 1, "options": {"scope": "x"}}\n']
)
def test_a_file_of_another_kind_waits_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "run/landfast").mkdir(parents=True)
    (tmp_path / "run/landfast/masquerade-undo-1.sh").write_text(text)
    assert confirmation.pending(FakeHost(tmp_path)) is None


async def test_without_a_shell_that_would_undo_it_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = robots.fake(tmp_path)
    real = host.run

    async def run(argv: list[str], **more: Any) -> Completed:
        return Completed(tuple(argv), 1, "", "") if argv[0] == "setsid" else await real(argv, **more)

    monkeypatch.setattr(host, "run", run)
    with pytest.raises(WorldError, match="setsid"):
        await masquerade.enable(host, Options(confirm_within=60))
    assert host.nft.objects == []
    assert confirmation.pending(host) is None
