from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from landfast.app import fix as wiring
from landfast.app.doctor import Request
from landfast.app.fix import Fixing
from landfast.app.trial import TrialRequest
from landfast.cli import main
from landfast.kernel.host import Host
from landfast.remedies.treat import Paths
from landfast.walk import Hear
from tests.cli.test_fix import Fix
from tests.cli.test_trial import Trials, trials
from tests.trials.stories import story

__all__ = ["trials"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def walked(monkeypatch: pytest.MonkeyPatch) -> list[Fixing]:
    """The walks that were shown: each finds the leak and cures it."""
    made: list[Fixing] = []

    async def demonstrate(fixing: Fixing, progress: Callable[[str], None], hear: Hear) -> None:
        progress("building mifi")
        await Fix().fix(Host.here(), Request(), Paths(), agree, fixing, hear)
        made.append(fixing)

    async def agree(_: object) -> bool:
        return True

    monkeypatch.setattr(wiring, "demonstrate", demonstrate)
    return made


def test_before_the_trial_doctor_names_the_cause_and_fix_cures_it(
    trials: Trials, walked: list[Fixing], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["demo"]) == 0
    assert len(walked) == 1
    out = capsys.readouterr().out
    order = ["1 finding", "What would be done", "proved: source-address-leak is gone", "report: "]
    assert [out.index(said) for said in order] == sorted(out.index(said) for said in order)
    assert trials.asked is not None


@pytest.mark.parametrize("argv", [["--json"], ["--resume"]])
def test_as_json_or_resumed_it_is_the_trial_alone(trials: Trials, walked: list[Fixing], argv: list[str]) -> None:
    main.main(["demo", *argv])
    assert walked == []
    assert trials.asked is not None


@pytest.mark.parametrize("option", ["--report", "--journal"])
def test_what_cannot_be_written_is_known_before_the_walk(trials: Trials, walked: list[Fixing], option: str) -> None:
    assert main.main(["demo", option, "."]) == 2
    assert walked == []
    assert trials.asked is None


@pytest.mark.anyio
@pytest.mark.lab
async def test_the_walk_on_the_laboratorys_mifi_finds_cures_and_believes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    fixing = Fixing()
    await wiring.demonstrate(fixing, lambda _: None, lambda _: None)
    assert "source-address-leak" in [finding.code for finding in fixing.before.findings]
    assert fixing.proved is True


def test_the_demo_is_the_documents_trial_with_a_report(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["demo"]) == 0
    assert trials.asked == TrialRequest(network="mifi", groups=4, attempts=5, arms=("off", "on"))
    assert "report: landfast-report.html" in capsys.readouterr().out
    assert "Cured." in Path("landfast-report.html").read_text()


def test_a_demo_that_proves_nothing_ends_with_1(trials: Trials) -> None:
    trials.attempts = story(good="neither")
    assert main.main(["demo", "--report", "other.html", "--journal", "other.jsonl"]) == 1
    assert Path("other.html").exists()
    assert Path("other.jsonl").exists()


@pytest.mark.usefixtures("trials")
def test_what_it_leaves_in_a_clone_is_ignored_by_git_and_taken_away_by_make_clean() -> None:
    assert main.main(["demo"]) == 0
    left = {path.name for path in Path().iterdir()}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    [cleaned] = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("\trm -rf .venv ")]
    assert left
    assert {f"/{name}" for name in left} <= set(ignored)
    assert left <= set(cleaned.split())
