from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.model.facts import (
    ConnectionTried,
    EchoAnswered,
    EchoReconnected,
    Fact,
    ForeignSourcePacket,
    MappedAddress,
    NoReply,
    PublicAddressChanged,
)
from landfast.probes import opens
from landfast.probes.opens import GAP, QUIET, Watch, accompany
from landfast.probes.questions import Opens
from landfast.wire import stun
from tests.lan import lan
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio

HERE, THERE = ("0.0.0.0", 40000), ("198.51.100.5", 3478)


async def told(host: Host, question: Opens) -> Told:
    tell = Told()
    await opens.ask(host, question, tell)
    return tell


@pytest.mark.lab
@pytest.mark.proof
async def test_on_the_mifi_the_public_address_changes_when_webrtc_opens() -> None:
    async with Lab("mifi", verified=False) as lab:
        found = await told(lab.host("robot"), Opens(lab.services.stun, times=1))
        resets = (await lab.violations()).resets
    [tried] = found.of(ConnectionTried)
    assert tried.seconds is None, "nobody is there"
    changes = found.of(PublicAddressChanged)
    assert len(changes) == resets > 0
    assert all(tried.began < change.at < tried.at for change in changes), "what it causes is counted with it"
    assert found.of(NoReply), "and nothing was heard for a while"
    assert {fact.source for fact in found.of(ForeignSourcePacket)} == {"10.42.0.1", "172.17.0.1"}
    assert found.of(EchoAnswered)


@pytest.mark.lab
@pytest.mark.proof
async def test_on_a_healthy_network_nothing_happens_to_the_address_or_to_the_bystander() -> None:
    """A robot of the same kind, at home: its packets leave with a foreign source there too."""
    async with Lab("home", verified=False) as lab:
        robot = lab.host("robot")
        (await robot.run(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"])).checked()
        found = await told(robot, Opens(lab.services.stun, times=2))
    assert len(found.of(ConnectionTried)) == 2
    assert not found.of(PublicAddressChanged)
    assert not found.of(EchoReconnected)
    assert found.of(EchoAnswered)
    [one, other] = found.of(ConnectionTried)
    assert one.at < other.began


@pytest.mark.lab
async def test_who_is_cancelled_in_the_middle_leaves_nothing_behind() -> None:
    async with Lab("home", verified=False) as lab:
        before = asyncio.all_tasks()
        robot, news, found = lab.host("robot"), asyncio.Event(), Told()

        def tell(fact: Fact) -> None:
            found(fact)
            if len(found.of(MappedAddress)) > 3:
                news.set()

        asking = asyncio.create_task(opens.ask(robot, Opens(lab.services.stun), tell))
        await news.wait()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        assert asyncio.all_tasks() == before
        sockets = (await robot.run(["ss", "-Hanup", "-f", "inet"])).stdout
        assert sockets == "", "the agent has ended with it"


@pytest.mark.lab
async def test_without_an_answer_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opens, "FIRST_WITHIN", 0.5)
    async with lan(robot="10.0.0.1/24") as hosts:
        found = await told(hosts["robot"], Opens(("10.0.0.77", 3478)))
    assert not found.of(ConnectionTried)


async def test_the_bystander_makes_a_new_connection_when_the_old_one_dies() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            for _ in range(2):
                request = stun.parse(await reader.readexactly(20))
                assert request
                writer.write(stun.binding_response(request, HERE))
        writer.close()

    again, found = asyncio.Event(), Told()

    def tell(fact: Fact) -> None:
        found(fact)
        if isinstance(fact, EchoAnswered) and found.of(EchoReconnected):
            again.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        beside = asyncio.create_task(accompany(Host.here(), server.sockets[0].getsockname(), tell))
        await again.wait()
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside
    assert connections == 2
    assert [type(fact) for fact in found[:4]] == [EchoAnswered, EchoAnswered, EchoReconnected, EchoAnswered]


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "something else"])
async def test_without_stun_over_tcp_there_is_no_bystander(says: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await reader.read(20)
        writer.close()

    found = Told()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        where = server.sockets[0].getsockname()
        await accompany(Host.here(), where, found)
    await accompany(Host.here(), where, found)  # nor where nobody listens
    assert found == []


def answered(at: float) -> MappedAddress:
    return MappedAddress(at, THERE, HERE, ("203.0.113.10", 7))


@given(st.lists(st.floats(0.1, 3), min_size=1, max_size=20), st.floats(0, 20))
async def test_quiet_is_a_second_of_answers_without_a_gap_that_loss_does_not_explain(
    pauses: list[float], moment: float
) -> None:
    """Also a single answer that is lost is no gap."""
    watch = Watch(Told())
    times = list(accumulate(pauses))
    for at in times:
        watch(NoReply(at, THERE, HERE, at - 0.8))
        watch(answered(at))
    began = next((one for other, one in reversed(list(pairwise(times))) if one - other >= GAP), times[0])
    assert watch.quiet_since(moment) is (times[-1] - max(moment, began) >= QUIET)


async def test_before_the_first_answer_it_is_not_quiet() -> None:
    assert not Watch(Told()).quiet_since(0.0)
    assert not await Watch(Told()).known(0)
