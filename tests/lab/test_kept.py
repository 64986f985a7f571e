"""A keeper that dies says so."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from landfast.errors import NotReady, WorldError
from landfast.kernel.host import Program
from landfast.lab import keeper, kept, parse
from landfast.lab.kept import Kept
from landfast.lab.lab import Lab
from tests.lab.mirror import World, world

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


def stop(lab: Lab, router: str, number: signal.Signals) -> None:
    """Send a signal to a keeper that runs."""
    lab._keepers[router].result()._running.program.send_signal(number)


def questions(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[object]:
    """What is written to keepers from now on."""
    written: asyncio.Queue[object] = asyncio.Queue()
    write = kept._write

    def told(program: Program, line: dict[str, Any]) -> None:
        write(program, line)
        written.put_nowait(line)

    monkeypatch.setattr(kept, "_write", told)
    return written


Broken = Callable[[World], Awaitable[None]]


async def in_world(network: str, story: Broken) -> None:
    async with world(network) as here:
        await story(here)


async def test_a_killed_keeper_is_told_to_who_asks_and_who_leaves() -> None:
    async def story(here: World) -> None:
        stop(here.lab, "carrier", signal.SIGKILL)
        assert str(await here.lab.broken()) == "the keeper of carrier ended: code -9"
        for _ in range(2):
            with pytest.raises(WorldError, match="the keeper of carrier ended"):
                await here.lab.event("flush", "carrier")
            with pytest.raises(WorldError, match="the keeper of carrier ended"):
                await here.lab.violations()
        await here.lab.event("flush", "mifi")  # another router's does not mind

    with pytest.raises(WorldError, match="the keeper of carrier ended: code -9"):
        await in_world("mifi", story)


async def test_who_waits_for_a_keeper_that_dies_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: World) -> None:
        stop(here.lab, "carrier", signal.SIGSTOP)
        asked = questions(monkeypatch)
        asking = [asyncio.create_task(here.lab.event("flush")) for _ in range(2)]
        for _ in asking:
            await asyncio.wait_for(asked.get(), 10)
        stop(here.lab, "carrier", signal.SIGKILL)
        for each in asking:
            with pytest.raises(WorldError, match="ended: code -9"):
                await each

    with pytest.raises(WorldError, match="ended: code -9"):
        await in_world("mifi", story)


async def test_what_a_keeper_cannot_do_is_its_end_and_the_reason_is_told() -> None:
    async def story(here: World) -> None:
        lines = "link set wan down\nlink set wan name gone\n"
        (await here.lab.host("home").run(["ip", "-batch", "-"], given=lines)).checked()
        with pytest.raises(WorldError, match='Cannot find device "wan"'):
            await here.lab.event("change-public-address")

    with pytest.raises(WorldError, match="the keeper of home ended: ProgramFailed") as told:
        await in_world("home", story)
    assert "Traceback" in told.value.__notes__[0]


async def test_an_error_in_the_laboratory_is_not_hidden_by_a_broken_part() -> None:
    async def story(here: World) -> None:
        stop(here.lab, "carrier", signal.SIGKILL)
        await here.lab.broken()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_world("mifi", story)


async def test_an_answer_belongs_to_its_question_even_when_an_earlier_asker_went_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world("home") as here:
        await here.lab.event("flush")
        stop(here.lab, "home", signal.SIGSTOP)
        asked = questions(monkeypatch)
        gone = asyncio.create_task(here.lab.event("suspend-radio", lasts=0.1))
        await asyncio.wait_for(asked.get(), 10)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        stop(here.lab, "home", signal.SIGCONT)
        await here.lab.event("flush")
        assert not here.lab._keepers["home"].result()._answers


async def test_a_keeper_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world("home") as here:
        host, network = here.lab.host("home"), parse.profile("home")
        with pytest.raises(WorldError, match="the keeper of nobody could not begin: KeyError: 'nobody'"):
            await Kept.start(host, network, "nobody")
        monkeypatch.setattr(keeper, "__name__", "landfast.lab.no_such_keeper")
        with pytest.raises(NotReady, match=r"the keeper of home .* No module named landfast\.lab\.no_such_keeper"):
            await Kept.start(host, network, "home")
