from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

import pytest

from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.kernel.host import Host
from landfast.probes import silence
from landfast.probes.asking import Socket
from landfast.probes.silence import Doubt
from landfast.wire import stun
from tests.probes.answering import LOCALHOST, Behaviour, Request, Server, server

pytestmark = pytest.mark.anyio

DOUBTFUL = partial(stun.binding_request, change_port=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "PACE", 0.002)


@asynccontextmanager
async def doubts(behave: Behaviour, number: int = 1) -> AsyncIterator[tuple[list[Doubt], Socket, Server]]:
    """Doubtful questions on one socket."""
    async with server(behave) as serving:
        with closing(await Socket.open(Host.here(), address=LOCALHOST)) as opened:
            yield [Doubt(opened, serving.endpoint, DOUBTFUL) for _ in range(number)], opened, serving


def only_plain(serving: Server, request: Request) -> None:
    if not request.message.change_port:
        serving.answer(request)


async def test_who_answers_is_asked_once() -> None:
    async with doubts(Server.answer, 40) as (asked, control, serving):
        await silence.rounds(asked, control, serving.endpoint)
        assert [len(doubt.answers) for doubt in asked] == [1] * 40
        assert [doubt.sent for doubt in asked] == [1] * 40


@pytest.mark.parametrize(("number", "sends"), [(1, 2 * CONVINCING_SILENCE), (20, CONVINCING_SILENCE)])
async def test_the_silence_of_few_is_asked_for_longer(number: int, sends: int) -> None:
    async with doubts(only_plain, number) as (asked, control, serving):
        rounds = await silence.rounds(asked, control, serving.endpoint)
        assert rounds.convincing
        assert {doubt.sent for doubt in asked} == {sends}
        assert all(doubt.open for doubt in asked)


async def test_an_outage_is_nobodys_silence() -> None:
    def out(serving: Server, request: Request) -> None:
        if request.number > 16:  # 8 rounds of two requests
            serving.answer(request)

    async with doubts(out) as (asked, control, serving):
        rounds = await silence.rounds(asked, control, serving.endpoint)
        assert not asked[0].open
        assert rounds.asked > 8


async def test_rounds_without_an_answer_do_not_count() -> None:
    def lossy(serving: Server, request: Request) -> None:
        if request.number % 4 == 0:  # every other plain question
            only_plain(serving, request)

    async with doubts(lossy) as (asked, control, serving):
        rounds = await silence.rounds(asked, control, serving.endpoint, enough=CONVINCING_SILENCE)
        assert rounds.convincing
        assert rounds.answered == CONVINCING_SILENCE
        assert rounds.asked == asked[0].sent == 2 * CONVINCING_SILENCE


async def test_a_dead_path_convinces_nobody_and_ends() -> None:
    async with doubts(lambda *_: None) as (asked, control, serving):
        rounds = await silence.rounds(asked, control, serving.endpoint)
        assert not rounds.convincing
        assert rounds.asked <= silence.MOST_ROUNDS


async def test_what_the_kernel_does_not_send_was_not_asked() -> None:
    async with doubts(only_plain) as (_, control, serving):
        long = Doubt(control, serving.endpoint, partial(stun.binding_request, padding=65500))
        rounds = await silence.rounds([long], control, serving.endpoint)
        assert (long.refused, long.sent, long.open, rounds.asked) == (True, 0, False, 1)
