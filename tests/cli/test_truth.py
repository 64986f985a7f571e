from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from landfast.cli.main import main
from landfast.lab.network import Network
from landfast.trials.truth import examine as examining
from landfast.trials.truth.declared import truth
from landfast.trials.truth.matrix import Run

INTERRUPTS = "interrupts"


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What a made-up doctor says beyond the truth, or not, by network; INTERRUPTS ends it there."""
    errors: dict[str, set[str]] = {}

    async def examine(network: Network, loss: float) -> Run:
        if INTERRUPTS in errors.get(network.name, ()):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Future()
        known = truth(network)
        return Run(network.name, loss, known, known.must ^ errors.get(network.name, set()), 1.0)

    monkeypatch.setattr(examining, "examine", examine)
    return errors


@pytest.mark.usefixtures("doctor")
def test_everything_right_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial", "truth", "mifi", "home", "--drawn", "3", "--seed", "7", "--lossy", "2"]) == 0
    told = capsys.readouterr().out
    assert "5 runs, 0 % lost each way: 100.0 % of " in told
    assert "4 runs, 10 % lost each way: 100.0 % of " in told
    assert "seeds of the networks drawn: 7 to 9" in told


@pytest.mark.parametrize("error", ["source-address-leak", "udp-blocked"])
def test_a_missed_cause_and_a_wrong_one_are_exit_code_1(
    doctor: dict[str, set[str]], error: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    doctor["mifi"] = {error}
    assert main(["trial", "truth", "mifi", "--json", "--report", str(tmp_path / "page.html")]) == 1
    told = capsys.readouterr()
    (run,) = json.loads(told.out)["matrices"][0]["runs"]
    assert [error] in (run["missed"], run["wrong"])
    assert error in told.err
    assert error in (tmp_path / "page.html").read_text()


ONE_BY_ONE = ["trial", "truth", "mifi", "home", "--at-once", "1", "--lossy", "1"]


def test_interrupted_it_tells_and_writes_what_was_done_and_says_that_it_is_partial(
    doctor: dict[str, set[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    doctor["home"] = {INTERRUPTS}
    assert main([*ONE_BY_ONE, "--report", str(tmp_path / "build" / "page.html")]) == 130
    told = capsys.readouterr().out
    assert "1 runs, 0 % lost each way: 100.0 % of " in told
    assert "partial: 1 of 4 runs were made" in told
    assert "Partial: 1 of 4 runs were made." in (tmp_path / "build" / "page.html").read_text()
    assert main([*ONE_BY_ONE, "--json"]) == 130
    said = json.loads(capsys.readouterr().out)
    assert said["finished"] is False
    assert [[run["network"] for run in matrix["runs"]] for matrix in said["matrices"]] == [["mifi"]]


def test_interrupted_before_any_run_ended_there_is_nothing_to_tell(
    doctor: dict[str, set[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    doctor["mifi"] = {INTERRUPTS}
    assert main([*ONE_BY_ONE, "--report", str(tmp_path / "page.html")]) == 130
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_known_before_the_first_run(
    doctor: dict[str, set[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    doctor["mifi"] = {INTERRUPTS}
    assert main([*ONE_BY_ONE, "--report", str(tmp_path)]) == 2
    assert f"cannot write the report {tmp_path}" in capsys.readouterr().err
