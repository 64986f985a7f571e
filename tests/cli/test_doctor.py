from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from landfast.app import doctor as wiring
from landfast.app.doctor import Examination, Request
from landfast.cli import main
from landfast.errors import WorldError
from landfast.kernel import conntrack
from landfast.kernel.capture import UDP
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox
from landfast.lab import parse
from landfast.lab.lab import Lab
from landfast.model.facts import Fact
from landfast.probes.plan import BUDGET, Effort, Wish
from tests import landfast
from tests.examinations import LEFT, STAYED, UP, WAY, told

ARGV = [sys.executable, "-W", "error", "-m", "landfast", "doctor"]


class Doctor:
    """Stands for `app.doctor.examine`."""

    def __init__(self) -> None:
        self.asked: Request | None = None
        self.facts: list[Fact] = [UP, WAY]
        self.ends: Callable[[], Any] | None = None

    async def examine(self, host: Host, request: Request, made: Examination, hear: Callable[[Any], None]) -> None:
        self.asked = request
        told(made.seen, *self.facts)
        if self.ends:
            self.ends()
            await asyncio.Future()
        made.seconds = 1.0


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Doctor:
    fake = Doctor()
    monkeypatch.setattr(wiring, "examine", fake.examine)
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.mark.parametrize(
    ("facts", "code", "said"),
    [([UP, WAY, STAYED], 0, "Nothing was found"), ([UP, WAY, LEFT], 1, "1 finding"), ([UP], 3, "Could not measure")],
)
def test_the_exit_code_is_the_answer(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], facts: list[Fact], code: int, said: str
) -> None:
    doctor.facts = facts
    assert main.main(["doctor"]) == code
    assert said in capsys.readouterr().out
    assert doctor.asked == Request()


def test_json_is_one_object_on_stdout_and_nothing_else(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    doctor.facts = [UP, WAY, LEFT]
    assert main.main(["doctor", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in said["findings"]] == ["source-address-leak"]


def test_every_option_reaches_the_request(doctor: Doctor) -> None:
    argv = "--server stun:a --server reflector:b:1 --ice-servers x.json --interface wlan0 -i wwan0 --full --mappings 64"
    main.main(["doctor", *argv.split(), "--authority", "ca.pem"])
    wish = Wish(Effort.FULL, interfaces=("wlan0", "wwan0"), budget=64)
    assert doctor.asked == Request(wish, ("stun:a", "reflector:b:1"), (Path("x.json"),), "ca.pem")
    main.main(["doctor", "--only", "nat", "--only", "ports"])
    assert doctor.asked == Request(Wish(only=("nat", "ports")))
    main.main(["doctor", "--quick"])
    assert doctor.asked == Request(Wish(Effort.QUICK))


@pytest.mark.usefixtures("doctor")
def test_a_report_is_written() -> None:
    assert main.main(["doctor", "--report", "r.html"]) == 0
    assert "<!doctype html>" in Path("r.html").read_text()


def test_what_was_measured_is_written_as_a_network(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "--export", "carrier.toml"]) == 0
    assert parse.read(Path("carrier.toml")).hosts
    assert "carrier.toml" in capsys.readouterr().err
    assert doctor.asked == Request()


@pytest.mark.parametrize("option", ["--report", "--export"])
def test_a_file_that_cannot_be_written_is_known_before_anybody_is_asked(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main.main(["doctor", option, "."]) == 2
    assert "cannot write the " in capsys.readouterr().err
    assert doctor.asked is None


def test_interrupted_it_prints_what_is_known_and_ends_with_130(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor.facts, doctor.ends = [UP, WAY, LEFT], lambda: os.kill(os.getpid(), signal.SIGINT)
    assert main.main(["doctor"]) == 130
    assert "source-address-leak" in (out := capsys.readouterr().out)
    assert "interrupted" in out


def test_a_failure_prints_what_was_measured_before_it(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise WorldError("it broke")

    doctor.facts, doctor.ends = [UP, WAY, LEFT], fail
    assert main.main(["doctor"]) == 3
    out, err = capsys.readouterr()
    assert "source-address-leak" in out
    assert "it broke" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--only", "hairpin"], "no question is called 'hairpin'"),
        (["--quick", "--full"], "exclude each other"),
        (["--mappings", "0"], "--mappings"),
    ],
)
def test_what_is_asked_wrongly_is_told_and_ends_with_2(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main.main(["doctor", *argv]) == 2
    assert said in capsys.readouterr().err
    assert doctor.asked is None


# As its own process, on the real thing.


@pytest.mark.anyio
@pytest.mark.lab
async def test_on_the_mifi_the_cause_is_named_without_any_server() -> None:
    async with Lab("mifi", verified=False, served=False) as lab:
        done = await lab.host("robot").run([*ARGV, "--json", "--quick"], environment=landfast.environment())
    assert done.code == 1, done.stderr
    said = json.loads(done.stdout)
    [finding] = said["findings"]
    assert (finding["code"], finding["confidence"], finding["remedy"]) == (
        "source-address-leak",
        "proved",
        "masquerade",
    )
    assert {"nat", "lifetime", "relay"} <= {each["name"] for each in said["unknown"]}
    assert 0 < said["cost"]["flows"] < 20


@pytest.mark.anyio
@pytest.mark.lab
async def test_it_takes_no_more_mappings_than_it_may_counted_at_the_nat() -> None:
    async with Lab("home", verified=False) as lab:
        asked = [word for name in ("nat", "round-trip", "mtu", "leak", "ports") for word in ("--only", name)]
        argv = [*ARGV, "--json", "--server", "stun:{}:{}".format(*lab.services.stun), *asked]
        done = await lab.host("robot").run(argv, environment=landfast.environment())
        flows = [flow for flow in await conntrack.flows(lab.host("home")) if flow.number == UDP]
    assert done.code in (0, 1), done.stderr
    assert 200 < len(flows) <= BUDGET
    assert json.loads(done.stdout)["cost"]["flows"] <= BUDGET


@pytest.mark.anyio
@pytest.mark.needs("namespaces")
async def test_without_a_network_it_says_so_and_asks_nobody() -> None:
    async with Sandbox() as sandbox:
        host = await sandbox.host("alone")
        argv = [*ARGV, "--server", "stun:stun.example", "--json"]
        done = await host.run(argv, environment=landfast.environment())
    assert done.code == 3, done.stderr
    said = json.loads(done.stdout)
    assert "no default route" in said["could_not_measure"]
    assert said["cost"]["packets_sent"] == 0
