from __future__ import annotations

import asyncio

import pytest

from landfast.errors import CapabilityMissing
from landfast.lab.lab import Lab
from landfast.model.facts import RoundTrips
from landfast.probes import round_trip
from landfast.probes.questions import RoundTrip
from tests.probes.answering import LOCALHOST, Recording, Request, Server, cabled, server
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio


async def asked(serving: Server, count: int = 10) -> RoundTrips:
    told, host = Told(), Recording()
    await round_trip.ask(host, RoundTrip(serving.endpoint, count=count, apart=0.005), told)
    assert host.left_open == []
    (fact,) = told.of(RoundTrips)
    assert fact.sent == len(serving.requests) == count  # each was sent once
    return fact


@pytest.mark.parametrize("address", [LOCALHOST, "::1"])
async def test_each_answer_has_its_round_trip(address: str) -> None:
    async with server(address=address) as serving:
        fact = await asked(serving)
        assert len(fact.seconds) == 10
        assert all(seconds > 0 for seconds in fact.seconds)


async def test_what_was_lost_is_missing_and_not_sent_again() -> None:
    def lossy(serving: Server, request: Request) -> None:
        if request.number % 3:
            serving.answer(request)

    async with server(lossy) as serving:
        assert len((await asked(serving)).seconds) == 7


async def test_answers_are_in_the_order_in_which_they_came() -> None:
    def backwards(serving: Server, request: Request) -> None:
        if request.number == 10:
            for earlier in reversed(serving.requests):
                serving.answer(earlier)

    async with server(backwards) as serving:
        seconds = (await asked(serving)).seconds
        assert len(seconds) == 10
        assert list(seconds) == sorted(seconds)  # what was sent last came first


async def test_silence_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_trip, "PATIENCE", 0.05)
    async with server(lambda *_: None) as serving:
        assert (await asked(serving)).seconds == ()


async def test_cancelling_closes_the_socket() -> None:
    host = Recording()
    async with server() as serving:
        task = asyncio.create_task(round_trip.ask(host, RoundTrip(serving.endpoint), Told()))
        await serving.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert host.left_open == []


async def test_no_way_is_a_missing_capability() -> None:
    with pytest.raises(CapabilityMissing):
        await round_trip.ask(Recording(), RoundTrip((LOCALHOST, 9), interface="no-such-if"), Told())


@pytest.mark.lab
async def test_a_real_cable_is_measured() -> None:
    told = Told()
    async with Lab(cabled("home", delay_ms=25, loss=0.1), verified=False) as lab:
        await round_trip.ask(lab.host("robot"), RoundTrip(lab.services.stun, count=40, apart=0.01), told)
    (fact,) = told.of(RoundTrips)
    assert fact.sent == 40
    assert 15 < len(fact.seconds) < 40  # 19 % are lost: all arrive with 2e-4
    assert min(fact.seconds) >= 0.05
