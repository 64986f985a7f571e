from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from landfast.errors import UnknownName, WorldError
from landfast.lab import blocking
from landfast.lab.blocking import BlockingLab
from landfast.lab.lab import Violations

lab = pytest.mark.lab


def laboratories() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "laboratory"]


@lab
def test_a_laboratory_is_used_without_asyncio() -> None:
    with BlockingLab("mifi", verified=False) as built:
        assert built.services.environment == built.environment
        done = built.run("robot", ["sh", "-c", "hostname; cat; echo $LANDFAST_STUN; exit 3"], given="given\n")
        assert (done.stdout.split(), done.code) == (["robot", "given", "stun:198.51.100.5:3478"], 3)
        built.event("flush")
        built.event("suspend-radio", lasts=0.1)
        assert built.violations() == Violations(0, 0)
        assert built.do(built.host("operator").run(["hostname"])).stdout == "operator\n"
        with pytest.raises(UnknownName):
            built.event("flood")
        with pytest.raises(UnknownName):
            built.run("nobody", ["true"])
    assert laboratories() == []


@lab
def test_two_stand_beside_each_other() -> None:
    bare: dict[str, bool] = {"verified": False, "served": False}
    with BlockingLab("open", **bare) as one, BlockingLab("open", **bare) as two:
        assert one.run("robot", ["hostname"]).stdout == two.run("robot", ["hostname"]).stdout == "robot\n"
        assert len(laboratories()) == 2


@lab
def test_one_stands_inside_a_running_loop() -> None:
    async def inside() -> None:
        with BlockingLab("open", verified=False, served=False) as built:
            assert built.run("robot", ["true"]).code == 0

    asyncio.run(inside())


def test_what_cannot_be_built_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, network: object) -> None:
            pass

        async def __aenter__(self) -> None:
            raise WorldError("no")

    monkeypatch.setattr(blocking, "Lab", Broken)
    with pytest.raises(WorldError, match="no"):
        BlockingLab("open").__enter__()
    assert laboratories() == []


@lab
def test_ctrl_c_ends_what_is_waited_for_and_the_laboratory() -> None:
    def interrupted() -> None:
        with BlockingLab("open", verified=False, served=False) as built:
            pid.append(built._lab.sandbox.pid)
            built.run("robot", ["sleep", "1000"], given=Interrupting())

    pid: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert laboratories() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid[0], 0)


class Interrupting(str):
    """Text that interrupts us when it is given to a command, which then runs."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        os.kill(os.getpid(), signal.SIGINT)
        return b"\n"
