from __future__ import annotations

import asyncio

import pytest

from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.errors import CapabilityMissing
from landfast.lab.lab import Lab
from landfast.lab.network import Budget, Network
from landfast.lab.parse import profile
from landfast.model.facts import Endpoint, MappedAddress, MappingsAsked, NoReply
from landfast.probes import asking, ports, silence
from landfast.probes.questions import SENDS, Ports
from tests.probes.answering import LOCALHOST, Recording, Request, Server, cabled, server
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio


class Budgeted:
    """Answers so many sockets, and after so many requests nobody any more."""

    def __init__(self, limit: int, dies_after: int = 10_000) -> None:
        self.limit, self.dies_after = limit, dies_after
        self.served: list[Endpoint] = []

    def __call__(self, serving: Server, request: Request) -> None:
        if request.source not in self.served and len(self.served) < self.limit:
            self.served.append(request.source)
        if request.source in self.served and request.number <= self.dies_after:
            serving.answer(request)


async def asked(serving: Server, most: int = 40) -> tuple[MappingsAsked, Told]:
    told, host = Told(), Recording()
    await ports.ask(host, Ports(serving.endpoint, most=most), told)
    assert host.left_open == []
    (fact,) = told.of(MappingsAsked)
    return fact, told


@pytest.mark.parametrize("address", [LOCALHOST, "::1"])
async def test_where_there_is_no_budget_every_socket_gets_a_mapping(address: str) -> None:
    async with server(address=address) as serving:
        fact, told = await asked(serving)
        assert (fact.asked, fact.mapped) == (40, 40)
        assert len({mapped.local for mapped in told.of(MappedAddress)}) == 40


@pytest.mark.parametrize("limit", [1, 17, 39])
async def test_a_budget_is_counted_while_one_socket_is_still_answered(limit: int) -> None:
    budgeted = Budgeted(limit)
    async with server(budgeted) as serving:
        fact, _ = await asked(serving)
        assert (fact.asked, fact.mapped, fact.kept) == (40, limit, True)
        silent = [request for request in serving.requests if request.source not in budgeted.served]
        assert len(silent) >= CONVINCING_SILENCE * (40 - limit)


async def test_a_network_that_dies_in_the_midst_is_no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "PACE", 0.002)
    async with server(Budgeted(40, dies_after=10)) as serving:
        fact, _ = await asked(serving)
        assert fact.mapped == 10
        assert fact.kept is False


async def test_who_answers_nobody_is_no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_RTO", 0.01)
    async with server(lambda *_: None) as serving:
        fact, told = await asked(serving)
        assert (fact.asked, fact.mapped, fact.kept) == (1, 0, None)
        assert len(told.of(NoReply)) == SENDS


async def test_cancelling_closes_every_socket() -> None:
    host = Recording()
    async with server(Budgeted(5)) as serving:
        task = asyncio.create_task(ports.ask(host, Ports(serving.endpoint, most=20), Told()))
        await serving.asked(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(host.opened) > 20
    assert host.left_open == []


async def test_no_way_is_a_missing_capability() -> None:
    with pytest.raises(CapabilityMissing):
        await ports.ask(Recording(), Ports((LOCALHOST, 9), interface="no-such-if"), Told())


def budget(**changes: object) -> Network:
    network = profile("cgnat-budget")
    routers = network.model_dump()["routers"]
    routers["carrier"]["budget"] = {**Budget(limit=64).model_dump(), **changes}
    return network.but(routers=routers)


@pytest.mark.lab
@pytest.mark.parametrize("changes", [{}, {"refusal": "reject"}, {"of": "mappings"}, {"limit": 200}])
async def test_a_real_budget_is_exact(changes: dict[str, object]) -> None:
    told = Told()
    async with Lab(budget(**changes), verified=False) as lab:
        await ports.ask(lab.host("robot"), Ports(lab.services.stun), told)
    (fact,) = told.of(MappingsAsked)
    assert (fact.asked, fact.mapped, fact.kept) == (256, changes.get("limit", 64), True)


@pytest.mark.lab
async def test_loss_is_no_budget() -> None:
    told = Told()
    async with Lab(cabled("home", loss=0.1), verified=False) as lab:
        for _ in range(3):
            await ports.ask(lab.host("robot"), Ports(lab.services.stun), told)
    assert {(fact.asked, fact.mapped) for fact in told.of(MappingsAsked)} == {(256, 256)}


@pytest.mark.lab
async def test_a_blocked_network_is_no_budget() -> None:
    told = Told()
    async with Lab("udp-blocked", verified=False) as lab:
        await ports.ask(lab.host("robot"), Ports(lab.services.stun), told)
    (fact,) = told.of(MappingsAsked)
    assert (fact.asked, fact.mapped, fact.kept) == (1, 0, None)
