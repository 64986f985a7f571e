from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from landfast import peers
from landfast.errors import NotReady, RequestError
from landfast.kernel.host import INHERIT, Host
from landfast.lab.lab import Lab
from landfast.peers import Assignment, Interfaces, Outcome, Reason, Role, Stack
from landfast.peers.report import Closed
from landfast.remedies import masquerade
from landfast.remedies.masquerade.options import Options
from landfast.trials import robot as place
from landfast.trials.arms import ARMS
from landfast.trials.robot import Robot, ask
from landfast.trials.watch import Watch
from tests.trials.test_watch import Meter

pytestmark = pytest.mark.anyio

NOBODY = "ws://127.0.0.1:1"


async def test_an_operator_that_cannot_be_reached_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ANSWER", 0.05)
    with pytest.raises(NotReady, match="the operator at ws://127"):
        await ask(NOBODY, "secret", {"ask": "services"})


@pytest.mark.parametrize("url", ["", "operator:8000", "http://127.0.0.1:1", "ws://"])
async def test_what_is_no_operators_address_is_the_callers_fault(url: str) -> None:
    with pytest.raises(RequestError, match="write ws://HOST:PORT"):
        await ask(url, "secret", {"ask": "services"})


@pytest.mark.parametrize("arm", ["off", "default-route-only"])
async def test_the_operator_is_asked_for_a_peer_in_the_robots_room(monkeypatch: pytest.MonkeyPatch, arm: str) -> None:
    questions: list[dict[str, Any]] = []
    tasks: list[Assignment] = []

    class Peer:
        async def wait(self) -> Outcome:
            return Outcome(1.0, 1.5, closed=Closed(9.5, Reason.NOT_CONNECTED))

    async def answer(url: str, token: str, question: dict[str, Any]) -> dict[str, Any]:
        assert (url, token) == (NOBODY, "secret")
        questions.append(question)
        return {"ready": True}

    async def start(_stack: Stack, _host: Host, task: Assignment) -> Peer:
        assert questions, "the operator's peer is ready first"
        tasks.append(task)
        return Peer()

    monkeypatch.setattr(place, "ask", answer)
    monkeypatch.setattr(peers, "start", start)
    task = Assignment(Role.ROBOT, "ws://127.0.0.1:2", "", token="secret", limit=8.0, hold=5.0)
    async with Watch(Meter()) as watch:
        here = Robot(NOBODY, "secret", watch, Stack.AIORTC, task)
        for number in (1, 2):
            found = await here.connect(number, ARMS[arm])
            assert (found.began, found.connected) == (1.5, None)
        assert await here.gateway() is None
    assert [question["room"] for question in questions] == [task.room for task in tasks]
    assert len({task.room for task in tasks}) == 2
    assert {task.interfaces for task in tasks} == {
        Interfaces.DEFAULT_ROUTE if arm == "default-route-only" else Interfaces.STOCK
    }
    assert (questions[0]["stack"], questions[0]["limit"], questions[0]["hold"]) == ("aiortc", 8.0, 5.0)


# The laboratory here is only the world: robot and operator are two machines in it that know nothing of it.

TRIAL = [sys.executable, "-m", "landfast", "trial"]
OPERATOR = "ws://198.51.100.5:8100"


@pytest.fixture
async def world() -> AsyncIterator[tuple[Host, dict[str, str]]]:
    """The robot, and its environment with the token that the operator printed."""
    async with Lab("mifi", served=False) as lab:
        operator = await lab.host("server").start([*TRIAL, "operator", "--listen", "198.51.100.5:8100"], stderr=INHERIT)
        assert operator.stdout is not None
        line = b""
        while OPERATOR.encode() not in line:
            line = await operator.stdout.readline()
            assert line, "the operator ended"
        name, _, token = line.decode().split()[0].partition("=")
        yield lab.host("robot"), {name: token}


def asked(folder: Path, *more: str) -> list[str]:
    files = ["--journal", str(folder / "j.jsonl"), "--report", str(folder / "r.html")]
    return [*TRIAL, "--operator", OPERATOR, "--arms", "on", "--groups", "1", "--attempts", "1", *files, *more]


async def remedy_is_gone(robot: Host) -> bool:
    return "landfast" not in (await robot.run(["nft", "list", "ruleset"])).checked().stdout


@pytest.mark.lab
async def test_a_real_robots_trial_needs_no_laboratory(world: tuple[Host, dict[str, str]], tmp_path: Path) -> None:
    robot, environment = world
    told = await robot.run(asked(tmp_path, "--hold", "1", "--json"), environment=environment)
    assert told.code == 0, told.stderr
    said = json.loads(told.stdout)
    [attempt] = said["attempts"]
    assert (attempt["connected"], attempt["held"], attempt["address_changed"]) == (True, True, False)
    assert (attempt["foreign_source_packets"], attempt["gateway_resets"]) == (0, None)
    assert attempt["public_address"].startswith("203.0.113.")
    assert (said["plan"]["declaration"], said["proved"]) == (None, None)
    assert "There is no carrier’s own count" in (tmp_path / "r.html").read_text()
    assert await remedy_is_gone(robot)


@pytest.mark.lab
async def test_ctrl_c_on_the_robot_takes_the_remedy_away(world: tuple[Host, dict[str, str]], tmp_path: Path) -> None:
    robot, environment = world
    trial = await robot.start(asked(tmp_path, "--hold", "60"), environment=environment)
    assert trial.stderr is not None
    line = b""
    while b"attempt 1" not in line:
        line = await trial.stderr.readline()
        assert line, "the trial ended"
    assert not await remedy_is_gone(robot)
    trial.send_signal(signal.SIGINT)  # to the whole group, as a terminal sends it
    assert await trial.wait() == 130
    assert await remedy_is_gone(robot)


@pytest.mark.lab
async def test_a_robot_with_the_remedy_in_force_is_left_as_it_is(
    world: tuple[Host, dict[str, str]], tmp_path: Path
) -> None:
    robot, environment = world
    await masquerade.enable(robot, Options())
    told = await robot.run(asked(tmp_path), environment=environment)
    assert told.code == 2
    assert "in force" in told.stderr
    assert not await remedy_is_gone(robot)
