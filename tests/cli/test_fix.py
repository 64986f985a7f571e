from __future__ import annotations

import asyncio
import io
import json
import os
import random
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from landfast.app import fix as wiring
from landfast.app.doctor import Request
from landfast.app.fix import Agree, Fixing
from landfast.cli import main
from landfast.kernel import nft
from landfast.kernel.host import Host, Program
from landfast.lab.lab import Lab
from landfast.model.facts import Fact
from landfast.model.findings import Finding
from landfast.model.remedies import Outcome, Remedy, Undo, Write
from landfast.probes.plan import Wish
from landfast.probes.questions import Interfaces, Leak
from landfast.remedies.plan import Treatment
from landfast.remedies.treat import Paths
from landfast.walk import Ended
from tests import landfast
from tests.examinations import LEFT, STAYED, STUN, UP, WAY

REMEDY = Remedy(
    "masquerade",
    "it is cured",
    "here",
    "little",
    (Write("/etc/x", "text"),),
    Undo("u", ()),
    ("a rule",),
    ("mind this",),
)


class Fix:
    """Stands for `app.fix.fix` and `undo`: a leak that is cured, if it is agreed to."""

    def __init__(self) -> None:
        self.asked: Request | None = None
        self.paths: Paths | None = None
        self.found: list[Fact] = [UP, WAY, LEFT]
        self.left: list[Fact] = [UP, WAY, STAYED]
        self.undone: tuple[str, ...] | None = ("masquerade",)
        self.ends: Callable[[], Any] | None = None
        self.done = False

    async def fix(
        self, host: Host, request: Request, paths: Paths, agree: Agree, fixing: Fixing, hear: Callable[[Any], None]
    ) -> None:
        self.asked, self.paths = request, paths
        self._seen(fixing.walked.before, self.found)
        fixing.before.seconds = 1.0
        found: Sequence[Finding] = fixing.before.findings
        if not any(finding.remedy == "masquerade" for finding in found):
            return
        fixing.treatment = Treatment(by_rules=("source-address-leak",), not_here=("cgnat",))
        fixing.walked.remedies = [REMEDY]
        if not await agree([REMEDY]):
            return
        self.done = True
        if self.ends:
            self.ends()
            await asyncio.Future()
        fixing.walked.outcomes = [Outcome(REMEDY, changed=True, notes=("noted",))]
        self._seen(fixing.walked.after, self.left)

    @staticmethod
    def _seen(seen: Any, facts: list[Fact]) -> None:
        seen.asked += [Interfaces(), Leak(STUN)]
        seen.told += [(Leak(STUN), fact) for fact in facts]
        seen.ended += [Ended(Interfaces(), 0.1), Ended(Leak(STUN), 0.1)]

    async def undo(self, host: Host, paths: Paths) -> tuple[str, ...] | None:
        self.paths = paths
        return self.undone


@pytest.fixture
def fix(monkeypatch: pytest.MonkeyPatch) -> Fix:
    fake = Fix()
    monkeypatch.setattr(wiring, "fix", fake.fix)
    monkeypatch.setattr(wiring, "undo", fake.undo)
    return fake


def test_with_yes_it_is_done_and_proved(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["fix", "--yes"]) == 0
    out = capsys.readouterr().out
    order = ["1 finding", "What would be done", "a rule", "done: it is cured", "The same questions again", "proved: "]
    assert [out.index(said) for said in order] == sorted(out.index(said) for said in order)
    assert "nothing on this host cures: cgnat" in out
    assert (fix.asked, fix.paths) == (Request(), Paths())


def test_what_does_not_help_is_told_and_ends_with_1(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    fix.left = fix.found
    assert main.main(["fix", "--yes"]) == 1
    assert "NOT cured: source-address-leak" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "done"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_it_asks_first_and_silence_is_a_no(
    fix: Fix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, done: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert main.main(["fix"]) == (0 if done else 1)
    assert fix.done is done
    assert "[y/N]" in capsys.readouterr().err


def test_a_dry_run_shows_the_very_steps_and_does_nothing(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["fix", "--dry-run"]) == 1
    assert not fix.done
    assert "cat >/etc/x" in capsys.readouterr().out


def test_where_nothing_is_found_nothing_is_asked(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    fix.found = [UP, WAY, STAYED]
    assert main.main(["fix"]) == 0
    assert "Nothing was found" in capsys.readouterr().out


def test_without_a_network_it_could_not_measure(fix: Fix) -> None:
    fix.found = [UP]
    assert main.main(["fix"]) == 3


@pytest.mark.parametrize(("argv", "done"), [(["--yes"], True), (["--dry-run"], False)])
def test_json_is_one_object(fix: Fix, capsys: pytest.CaptureFixture[str], argv: list[str], done: bool) -> None:
    main.main(["fix", "--json", *argv])
    said = json.loads(capsys.readouterr().out)
    assert fix.done is done
    assert (said["schema_version"], said["proved"], bool(said["after"])) == (1, True if done else None, done)
    assert said["remedies"][0]["name"] == "masquerade"


def test_json_does_not_ask(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["fix", "--json"]) == 2
    assert "--yes or --dry-run" in capsys.readouterr().err
    assert fix.asked is None


@pytest.mark.parametrize(
    ("undone", "said"),
    [
        (("masquerade", "policy"), "as before: masquerade, policy"),
        ((), "nothing had to be changed"),
        (None, "nothing was"),
    ],
)
def test_undo_tells_what_it_took_away(
    fix: Fix, capsys: pytest.CaptureFixture[str], undone: tuple[str, ...] | None, said: str
) -> None:
    fix.undone = undone
    assert main.main(["fix", "--undo", "--policy", "/p", "--record", "/r"]) == 0
    assert said in capsys.readouterr().out
    assert fix.paths == Paths("/p", "/r")
    assert main.main(["fix", "--undo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["undone"] == (None if undone is None else list(undone))


def test_doctors_options_are_fixs(fix: Fix) -> None:
    main.main(["fix", "--dry-run", "--server", "stun:a", "--only", "leak", "-i", "wlan0"])
    assert fix.asked == Request(Wish(only=("leak",), interfaces=("wlan0",)), ("stun:a",))


def test_interrupted_it_tells_what_is_known(fix: Fix, capsys: pytest.CaptureFixture[str]) -> None:
    fix.ends = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert main.main(["fix", "--yes"]) == 130
    assert "source-address-leak" in capsys.readouterr().out


# On the real thing: killed at any moment, undone exactly.

QUICKEST = ("--only", "interfaces", "--only", "leak")
LONGEST = 2.0
"""Seconds: a fix takes a little less."""


async def started(host: Host, folder: Path, *argv: str) -> Program:
    paths = ["--policy", str(folder / "session.json"), "--record", str(folder / "undo.json")]
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return await host.start(
            [*landfast.ARGV, "fix", *argv, *paths], environment=landfast.environment(), stdout=log, stderr=log
        )
    finally:
        os.close(log)


async def killed(folder: Path, times: int) -> None:
    seed = secrets.randbits(32)
    draw = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    async with Lab("mifi", verified=False, served=False) as lab:
        robot = lab.host("robot")
        await nft.load(robot, "table ip theirs {\n chain c { type filter hook output priority 0; counter; }\n}\n")
        before = await nft.text(robot)
        for _ in range(times):
            program = await started(robot, folder, "--yes", *QUICKEST)
            with suppress(TimeoutError):
                await asyncio.wait_for(program.wait(), draw.uniform(0.5, LONGEST))
            program.send_signal(signal.SIGKILL)
            await program.wait()
            undoing = await started(robot, folder, "--undo")
            assert await undoing.wait() == 0, (folder / "log").read_text()
            assert await nft.text(robot) == before
            assert not (folder / "undo.json").exists()


@pytest.mark.anyio
@pytest.mark.lab
async def test_killed_in_the_middle_it_is_undone_exactly(tmp_path: Path) -> None:
    await killed(tmp_path, 2)


@pytest.mark.anyio
@pytest.mark.proof
@pytest.mark.lab
@pytest.mark.timeout(600)
async def test_killed_at_thirty_moments_it_is_undone_exactly(tmp_path: Path) -> None:
    await killed(tmp_path, 30)


@pytest.mark.anyio
@pytest.mark.lab
async def test_on_the_mifi_it_cures_the_leak_and_undo_restores_the_ruleset(tmp_path: Path) -> None:
    async with Lab("mifi", verified=False, served=False) as lab:
        robot = lab.host("robot")
        before = await nft.text(robot)
        program = await started(robot, tmp_path, "--yes", "--json", *QUICKEST)
        assert await program.wait() == 0, (tmp_path / "log").read_text()
        said = json.loads(next(line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")))
        assert said["proved"] is True
        assert said["after"]["findings"] == []
        assert await nft.text(robot) != before
        undoing = await started(robot, tmp_path, "--undo")
        assert await undoing.wait() == 0
        assert await nft.text(robot) == before
