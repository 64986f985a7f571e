from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from landfast.app import until_interrupted
from landfast.errors import WorldError


@pytest.fixture
def handlers() -> Iterator[None]:
    """The process's signal handlers are as before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


async def signals_are_heard() -> None:
    """Until those raised before are: the loop hears signals in the order in which they came, and this is one more."""
    heard = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
    signal.raise_signal(signal.SIGUSR1)
    await heard.wait()


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_the_work_and_later_ones_do_not_disturb_its_tidying(number: signal.Signals) -> None:
    tidied: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.Future()
        finally:
            tidied.append("begun")
            signal.raise_signal(number)
            await signals_are_heard()
            tidied.append("done")

    with pytest.raises(KeyboardInterrupt):
        until_interrupted(work())
    assert tidied == ["begun", "done"]


async def broken() -> None:
    raise WorldError("broken")


@pytest.mark.usefixtures("handlers")
def test_without_a_signal_the_work_gives_its_result_or_its_error() -> None:
    async def result() -> int:
        return 7

    assert until_interrupted(result()) == 7
    with pytest.raises(WorldError):
        until_interrupted(broken())


@pytest.mark.usefixtures("handlers")
def test_under_nohup_a_lost_terminal_does_not_end_it() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def work() -> str:
        signal.raise_signal(signal.SIGHUP)
        await signals_are_heard()
        return "done"

    assert until_interrupted(work()) == "done"
