from __future__ import annotations

import json
from pathlib import Path

import pytest

from landfast.cli.main import main
from landfast.lab.network import Network
from landfast.trials.truth import examine as examining
from landfast.trials.truth.declared import truth
from landfast.trials.truth.matrix import Run


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What a made-up doctor says beyond the truth, or not, by network."""
    errors: dict[str, set[str]] = {}

    async def examine(network: Network, loss: float) -> Run:
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
