from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from landfast.errors import WorldError
from landfast.kernel.host import Program
from landfast.model.facts import EchoAnswered, Fact, MappedAddress, NoReply, WatchBegan, encode
from landfast.trials.watch import Watch, lacking

pytestmark = pytest.mark.anyio

SERVER, LOCAL = ("198.51.100.5", 3478), ("0.0.0.0", 40000)
BEGAN = WatchBegan(1.0, "wlan0", True)
MAPPED = MappedAddress(2.0, SERVER, LOCAL, ("203.0.113.10", 7))
ECHO = EchoAnswered(3.0, 2.9)


class Meter(Program):
    """A meter that says what the test lets it say. Its standard input is nobody's."""

    def __init__(self) -> None:
        self.argv: tuple[str, ...] = ("meter",)
        self.stdin = None
        self.stdout = asyncio.StreamReader()
        self.stderr = None
        self._code = 0

    def say(self, *facts: Fact) -> None:
        for fact in facts:
            self.stdout.feed_data(encode(fact).encode() + b"\n")

    def die(self, code: int) -> None:
        self._code = code
        self.stdout.feed_eof()

    @property
    def code(self) -> int | None:
        return self._code

    async def wait(self) -> int:
        if not self.stdout.at_eof():
            self.stdout.feed_eof()
        return self._code

    def send_signal(self, number: int) -> None:
        raise AssertionError("a meter ends when its standard input does")


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[Meter, Watch]]:
    meter = Meter()
    async with Watch(meter) as watch:
        yield meter, watch


def three(facts: Sequence[Fact]) -> bool:
    return len(facts) == 3


async def test_what_the_facts_must_show_is_waited_for() -> None:
    async with watching() as (meter, watch):
        meter.say(BEGAN, MAPPED)
        waiting = asyncio.ensure_future(watch.until(three, 60))
        await asyncio.sleep(0)
        assert not waiting.done()
        meter.say(ECHO)
        assert await waiting
        assert watch.facts == [BEGAN, MAPPED, ECHO]
        assert watch.capturing


async def test_what_they_do_not_come_to_show_is_false() -> None:
    async with watching() as (meter, watch):
        meter.say(BEGAN)
        assert not await watch.until(three, 0.01)


async def test_a_meter_that_dies_is_an_error_for_who_waits() -> None:
    async with watching() as (meter, watch):
        waiting = asyncio.ensure_future(watch.until(three, 60))
        meter.say(BEGAN)
        meter.die(-9)
        with pytest.raises(WorldError, match="the meter ended with code -9"):
            await waiting


async def test_a_line_that_is_no_fact_is_an_error_and_not_skipped() -> None:
    async with watching() as (meter, watch):
        meter.stdout.feed_data(b"Traceback (most recent call last):\n")
        with pytest.raises(WorldError, match="no fact"):
            await watch.until(three, 60)


async def test_old_facts_can_be_forgotten() -> None:
    async with watching() as (meter, watch):
        meter.say(BEGAN, MAPPED, ECHO)
        await watch.until(three, 60)
        watch.forget(before=2.0)
        assert watch.facts == [MAPPED, ECHO]
        assert watch.capturing


@pytest.mark.parametrize(
    ("facts", "lack"),
    [
        ([], "it has not begun, no STUN answer, no echo"),
        ([BEGAN, NoReply(2.0, SERVER, LOCAL, 1.0), ECHO], "no STUN answer"),
        ([BEGAN, MAPPED], "no echo"),
        ([BEGAN, MAPPED, ECHO], ""),
    ],
)
async def test_a_meter_is_ready_when_every_sense_has_spoken(facts: list[Fact], lack: str) -> None:
    assert lacking(facts) == lack
