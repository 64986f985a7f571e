from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from landfast.cli.main import main
from landfast.trials.campaign import campaign as many
from landfast.trials.campaign import play as playing
from landfast.trials.campaign.history import History, read
from landfast.trials.campaign.invariants import Violation
from landfast.trials.campaign.play import Result
from landfast.trials.campaign.tally import Tally

WELL = Result((), (0.2,), 100, connected=True)
ILL = Result((Violation("amplification", 1.5, "robot", "too many bytes"),), (), 100, connected=True)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> dict[int, Result]:
    """What made-up workers find, by seed, when it is not that all is well."""
    found: dict[int, Result] = {}

    async def campaign(first: int, histories: int, _: float, __: int, done: Callable[[Tally], None]) -> None:
        for seed in range(first, first + histories):
            tally = Tally()
            tally.add(seed, found.get(seed, WELL))
            done(tally)
            if seed == 99:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Future()

    monkeypatch.setattr(many, "campaign", campaign)
    return found


@pytest.mark.usefixtures("results")
def test_a_campaign_without_a_violation_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial", "campaign", "--histories", "20", "--seed", "5"]) == 0
    told = capsys.readouterr().out
    assert "20 of 20 histories from seed 5, " in told
    assert "20 recoveries after the end of a fault: 50 % 0.20 s" in told


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize(("compiled", "words"), [(False, "played in plain Python"), (True, "played compiled")])
def test_it_is_told_what_was_played(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, compiled: bool, words: str
) -> None:
    monkeypatch.setattr(many, "is_compiled", lambda: compiled)
    assert main(["trial", "campaign", "--histories", "20"]) == 0
    assert words in capsys.readouterr().out
    assert main(["trial", "campaign", "--histories", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compiled"] is compiled


def test_a_violation_is_exit_code_1_with_its_seed(
    results: dict[int, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    results[7] = ILL
    assert main(["trial", "campaign", "--histories", "20", "--seed", "5"]) == 1
    told = capsys.readouterr().out
    assert "seed 7, 1.500 s, robot: amplification: too many bytes" in told
    assert "20 connected, 1 with a violation" in told


def test_a_violation_is_told_on_stderr_as_it_is_found(
    results: dict[int, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    results[7] = ILL
    assert main(["trial", "campaign", "--histories", "20", "--seed", "5", "--json"]) == 1
    assert "seed 7, 1.500 s, robot: amplification: too many bytes" in capsys.readouterr().err


def test_json_has_the_rate_and_the_failures(results: dict[int, Result], capsys: pytest.CaptureFixture[str]) -> None:
    results[1] = ILL
    assert main(["trial", "campaign", "--histories", "2", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["histories_per_second"] > 0
    assert said["failures"][0]["seed"] == 1


@pytest.mark.usefixtures("results")
def test_an_interrupt_prints_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial", "campaign", "--histories", "20", "--seed", "95"]) == 130
    captured = capsys.readouterr()
    assert "5 of 20 histories from seed 95" in captured.out
    assert "partial: 5 of 20 histories" in captured.err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "history.json"
    path.write_text(History(seed=3, lasts=2.0).text(), encoding="utf-8")
    return path


def test_a_history_is_played_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial", "campaign", "--history", str(file)]) == 0
    assert capsys.readouterr().out.startswith("0 violations, ")
    assert main(["trial", "campaign", "--history", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["violations"] == []


def test_a_history_that_fails_is_made_smaller(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(playing, "play", lambda _: ILL)
    file.write_text(History(seed=3, lasts=50.0, quota=4).text(), encoding="utf-8")
    assert main(["trial", "campaign", "--history", str(file), "--minimal"]) == 1
    told = capsys.readouterr().out
    assert "1.500 s, robot: amplification: too many bytes" in told
    smallest = read(told[told.index("{") :])
    assert smallest.quota is None
    assert smallest.lasts < 3


def test_what_is_no_history_is_asked_wrongly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.json").write_text("{}", encoding="utf-8")
    assert main(["trial", "campaign", "--history", str(tmp_path / "no.json")]) == 2
    assert "this is no history: seed: Field required" in capsys.readouterr().err
    assert main(["trial", "campaign", "--history", str(tmp_path / "none.json")]) == 2
