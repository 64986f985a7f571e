from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from landfast.app import trial as app
from landfast.app.trial import Prepared, TrialRequest
from landfast.cli import main
from landfast.errors import WorldError
from landfast.journal.file import Journal
from landfast.peers import Stack
from landfast.remedies.masquerade.options import Options
from landfast.trials import result
from landfast.trials.result import Attempt, Trial
from tests.trials.stories import story


class Trials:
    """Stands for `app.trial`: writes the journal of the document's result, or stops in its middle."""

    def __init__(self) -> None:
        self.asked: TrialRequest | None = None
        self.attempts = story()
        self.stops: Callable[[], Awaitable[object]] | None = None
        self.stops_at = 7

    async def trial(self, prepared: Prepared, now: Callable[[str], None], finished: Callable[[Attempt], None]) -> Trial:
        self.asked = prepared.request
        now("building mifi")
        if self.stops and not self.stops_at:
            await self.stops()
        with Journal.create(prepared.request.journal, result.header(prepared.plan, {"started": "now"})) as journal:
            for number, attempt in enumerate(self.attempts):
                if self.stops and number == self.stops_at:
                    await self.stops()
                journal.append(result.record(attempt))
                finished(attempt)
        made = app.so_far(prepared.request.journal)
        assert made
        return made


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trials:
    """The trial that is made; it runs in a folder of its own."""
    fake = Trials()
    monkeypatch.setattr(app, "trial", fake.trial)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return fake


def test_the_proved_cure_is_shown_and_ends_with_0(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["trial", "--report", "r.html"]) == 0
    out, err = capsys.readouterr()
    assert "Cured: the public address changed in 10 of 10" in " ".join(out.split())
    assert "report: r.html" in out
    assert "Cured." in Path("r.html").read_text()
    assert "building mifi" in err
    assert "attempt 20/20" in err
    assert trials.asked == TrialRequest()


def test_a_cure_that_is_not_proved_ends_with_1(trials: Trials) -> None:
    trials.attempts = story(good="neither")
    assert main.main(["trial"]) == 1


def test_arms_that_ask_for_no_proof_end_with_0(trials: Trials) -> None:
    trials.attempts = story(arms=("limit-0", "strong-host"), good="limit-0")
    assert main.main(["trial", "--arms", "limit-0,strong-host"]) == 0


@pytest.mark.usefixtures("trials")
def test_json_is_one_object_on_stdout_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["trial", "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (said["schema_version"], said["proved"], said["journal"]) == (1, True, "landfast-trial.jsonl")
    assert [arm["name"] for arm in said["arms"]] == ["off", "on"]


def test_every_option_reaches_the_request(trials: Trials) -> None:
    argv = "--network home --groups 3 --attempts 2 --arms off,on,strong-host --stack chromium --camera --scope all"
    argv += " --action drop --backend iptables --limit 9 --hold 1 --journal j --resume --pcap p"
    trials.attempts = []
    main.main(["trial", *argv.split()])
    assert trials.asked == TrialRequest(
        network="home",
        groups=3,
        attempts=2,
        arms=("off", "on", "strong-host"),
        stack=Stack.CHROMIUM,
        camera=True,
        options=Options(scope="all", action="drop", backend="iptables"),
        limit=9.0,
        hold=1.0,
        journal=Path("j"),
        resume=True,
        pcap=Path("p"),
    )


def test_a_real_robots_token_may_come_from_the_environment(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFAST_TRIAL_TOKEN", "secret")
    assert main.main(["trial", "--operator", "ws://192.0.2.1:8000"]) == 0
    assert trials.asked is not None
    assert (trials.asked.operator, trials.asked.token) == ("ws://192.0.2.1:8000", "secret")


def test_interrupted_it_shows_and_keeps_what_was_measured(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Future()

    trials.stops = interrupt
    assert main.main(["trial", "--report", "r.html"]) == 130
    out, err = capsys.readouterr()
    assert "off" in out
    assert "7 of 20 attempts are kept in landfast-trial.jsonl; the same command with --resume goes on" in err
    assert "7 of 20 attempts were made" in Path("r.html").read_text()


def test_interrupted_before_anything_was_measured_it_does_not_show_an_older_trial(
    trials: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["trial"]) == 0
    capsys.readouterr()

    async def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Future()

    trials.stops, trials.stops_at = interrupt, 0
    assert main.main(["trial"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert "--resume" not in err


def test_a_failure_keeps_what_was_measured_and_says_how_to_go_on(
    trials: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail() -> None:
        raise WorldError("the meter ended")

    trials.stops = fail
    assert main.main(["trial"]) == 3
    err = capsys.readouterr().err
    assert "7 of 20 attempts are kept" in err
    assert "the meter ended" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--network", "wifi"], "no network is called 'wifi'"),
        (["--arms", "off,up"], "no arm is called 'up'"),
        (["--groups", "0"], "--groups"),
        (["--stack", "netscape"], "netscape"),
        (["--report", "."], "cannot write the report ."),
        (["--journal", "/proc/none/j"], "cannot write the journal /proc/none/j: No such file or directory; name"),
        (["--pcap", "/proc/none/p"], "cannot write the capture /proc/none/p: No such file or directory; name"),
        (["--resume", "--journal", "j" * 300], "File name too long (choose another --journal)"),
        (["operator", "--listen", "here"], "--listen"),
        (["operator", "--listen", "0.0.0.0:1", "--stun", "stun.example:3478"], "--stun"),
    ],
)
def test_what_is_asked_wrongly_is_told_and_ends_with_2(
    trials: Trials, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main.main(["trial", *argv]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert trials.asked is None


@pytest.mark.usefixtures("trials")
def test_folders_on_the_way_to_what_is_kept_are_made() -> None:
    assert main.main(["trial", "--journal", "new/trial.jsonl", "--pcap", "other/foreign.pcap"]) == 0
    assert Path("new/trial.jsonl").exists()
    assert list(Path("other").iterdir()) == []


def test_the_operator_prints_what_to_type_on_the_robot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def operate(listen: object, token: str, stun: object, ready: Callable[[str], None]) -> None:
        assert (listen, token, stun) == (("0.0.0.0", 8000), "secret", ("192.0.2.9", 3478))
        ready("192.0.2.7")
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Future()

    monkeypatch.setattr(app, "operate", operate)
    argv = ["trial", "operator", "--listen", "0.0.0.0:8000", "--token", "secret", "--stun", "192.0.2.9:3478"]
    assert main.main(argv) == 130
    assert "LANDFAST_TRIAL_TOKEN=secret landfast trial --operator ws://192.0.2.7:8000" in capsys.readouterr().out


def test_a_token_is_made_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[str] = []

    async def operate(_listen: object, token: str, *_: object) -> None:
        tokens.append(token)

    monkeypatch.setattr(app, "operate", operate)
    for _ in range(2):
        assert main.main(["trial", "operator", "--listen", "0.0.0.0:8000"]) == 0
    assert len(set(tokens)) == 2
    assert min(map(len, tokens)) >= 16
