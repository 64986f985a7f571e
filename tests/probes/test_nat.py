from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast.diagnose.nat import CONVINCING_SILENCE, behaviour
from landfast.errors import CapabilityMissing
from landfast.lab.lab import Lab
from landfast.lab.topology import SERVER_ADDRESSES6
from landfast.model.facts import ChangedResponse, Endpoint, Fact, MappedAddress, NoReply, ServerProbed
from landfast.model.nat import Filtering, Mapping, Pooling
from landfast.probes import asking, nat, silence
from landfast.probes.questions import SENDS, Translation
from tests.probes.answering import LOCALHOST, Behaviour, Recording, Request, Server, cabled, server
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio

ELSEWHERE = "127.0.0.2"


@asynccontextmanager
async def four(behave: Behaviour) -> AsyncIterator[Server]:
    """A server with two addresses and two ports, as RFC 5780 wants it."""
    async with server(behave) as serving:
        _, port = serving.endpoint
        _, other = await serving.listen((LOCALHOST, 0))
        await serving.listen((ELSEWHERE, port))  # nobody else is at home there
        serving.other = await serving.listen((ELSEWHERE, other))
        yield serving


def honestly(serving: Server, request: Request) -> None:
    assert serving.other is not None
    here, there = request.at, serving.endpoint
    address = {LOCALHOST: ELSEWHERE, ELSEWHERE: LOCALHOST}[here[0]] if request.message.change_ip else here[0]
    port = there[1] + serving.other[1] - here[1] if request.message.change_port else here[1]
    serving.answer(request, by=(address, port))


def filtered(serving: Server, request: Request) -> None:
    """As behind an address-and-port-dependent filter."""
    if not (request.message.change_ip or request.message.change_port):
        serving.answer(request)


async def asked(serving: Server) -> Told:
    told = Told()
    await nat.ask(Recording(), Translation(serving.endpoint), told)
    return told


async def test_each_socket_asks_in_the_order_that_the_judge_wants() -> None:
    async with four(filtered) as serving:
        told = await asked(serving)
        x, x_port, y, _ = serving.transports
        plain: defaultdict[Endpoint, list[Endpoint]] = defaultdict(list)
        for fact in told.of(MappedAddress):
            plain[fact.local].append(fact.server)
        mapping = [servers for servers in plain.values() if len(set(servers)) > 1]
        assert sorted(mapping, key=len) == [[x, x_port, y, x], [x, x_port, y, x], [x, x_port, y, x, x]]
        assert [servers for servers in plain.values() if len(set(servers)) == 1] == [[x, x]] * 4


async def test_filtering_is_asked_after_mapping_and_on_fresh_ports() -> None:
    async with four(filtered) as serving:
        await asked(serving)
        changing = [request for request in serving.requests if request.message.change_ip or request.message.change_port]
        others = [request for request in serving.requests if request.at != serving.endpoint]
        assert max(request.number for request in others) < min(request.number for request in changing)
        assert {request.source[1] for request in changing} <= set(asking.FILTERING_PORTS)
        assert {request.source[1] for request in others} <= set(asking.MAPPING_PORTS)


async def test_the_flow_that_was_seen_first_is_seen_last() -> None:
    async with four(honestly) as serving:
        told = await asked(serving)
        assert (behaviour(told).address_changed, behaviour(told).port_changed) == (False, False)


async def test_the_judge_gets_what_it_needs() -> None:
    async with four(honestly) as serving:
        told = await asked(serving)
        seen = behaviour(told)
        assert (seen.mapping, seen.filtering) == (Mapping.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT)
        assert told.of(ServerProbed)[0].offers == ("other-port", "other-address")
    async with four(filtered) as serving:
        told = await asked(serving)
        assert behaviour(told).filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT
        assert {fact.sent for fact in told.of(ChangedResponse)} == {CONVINCING_SILENCE}


async def test_a_server_that_answers_from_where_it_was_asked_tells_nothing_of_filtering() -> None:
    async with four(Server.answer) as serving:
        told = await asked(serving)
        assert told.of(ChangedResponse) == []
        assert behaviour(told).filtering is None


@pytest.mark.parametrize(
    ("rounds", "filtering"),
    [(CONVINCING_SILENCE, Filtering.ENDPOINT_INDEPENDENT), (silence.MOST_ROUNDS, None)],
    ids=["for a while", "as long as it is asked"],
)
async def test_an_outage_is_not_taken_for_a_filter(
    rounds: int, filtering: Filtering | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "PACE", 0.005)
    lost: list[Request] = []

    def out(serving: Server, request: Request) -> None:
        began = lost or request.message.change_ip or request.message.change_port
        if began and len(lost) < 4 * 2 * rounds:  # four sockets, a changing request and a plain one
            lost.append(request)
        else:
            honestly(serving, request)

    async with four(out) as serving:
        assert behaviour(await asked(serving)).filtering is filtering


async def test_a_server_with_one_address_is_asked_at_its_other_port_when_that_is_known() -> None:
    def one(serving: Server, request: Request) -> None:
        serving.other = None
        filtered(serving, request)

    async with four(one) as serving:
        x, x_port, *_ = serving.transports
        told = Told()
        await nat.ask(Recording(), Translation(x, other=x_port), told)
        assert told.of(ServerProbed)[0].offers == ("other-port",)
        assert behaviour(told).filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT
        assert behaviour(told).mapping is None  # one address of a server tells nothing of another


async def test_a_server_without_others_tells_where_it_sees_us() -> None:
    for address in (LOCALHOST, "::1"):
        async with server(address=address) as serving:
            told = await asked(serving)
            assert {fact.local == fact.mapped for fact in told.of(MappedAddress)} == {True}
            assert {fact.local[0] for fact in told.of(MappedAddress)} == {address}
            assert told.of(ServerProbed)[0].offers == ()


async def test_an_address_that_does_not_answer_is_no_reply_and_no_verdict() -> None:
    def half(serving: Server, request: Request) -> None:
        if request.at[0] == LOCALHOST:
            filtered(serving, request)

    async with four(half) as serving:
        told = await asked(serving)
        assert {fact.server[0] for fact in told.of(NoReply)} == {ELSEWHERE}
        assert told.of(ServerProbed)[0].offers == ("other-port",)
        assert behaviour(told).mapping is None
        assert behaviour(told).filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT


async def test_silence_is_told_as_such_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_RTO", 0.01)
    async with server(lambda *_: None) as serving:
        told = await asked(serving)
        assert len(told.of(NoReply)) == Translation.sockets * SENDS == len(serving.requests)
        assert told.of(ServerProbed)[0].answers is False


@pytest.mark.parametrize(
    ("other", "likely"),
    [
        (("198.51.100.6", 3479), True),
        (("2001:db8::6", 3479), False),
        (("127.0.0.1", 3479), False),
        (("0.0.0.0", 3479), False),
        (("224.0.0.1", 3479), False),
        (("192.168.1.1", 53), False),
        (("198.51.100.6", 0), False),
    ],
)
async def test_nobody_sends_us_to_an_address_of_his_choice(other: Endpoint, likely: bool) -> None:
    assert nat._likely(other, ("8.8.8.8", 3478)) is (likely and other[0] != "198.51.100.6")
    assert nat._likely(other, ("198.51.100.5", 3478)) is (likely or other[0] == "192.168.1.1")


async def test_every_socket_is_closed_also_when_cancelled() -> None:
    host = Recording()
    async with server(lambda *_: None) as serving:
        task = asyncio.create_task(nat.ask(host, Translation(serving.endpoint), Told()))
        await serving.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(host.opened) > Translation.sockets
    assert host.left_open == []


async def test_no_way_is_a_missing_capability() -> None:
    with pytest.raises(CapabilityMissing):
        await nat.ask(Recording(), Translation((LOCALHOST, 9), interface="no-such-if"), Told())


INDEPENDENT, DEPENDENT = Mapping.ENDPOINT_INDEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT
OPEN, CLOSED = Filtering.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT

TRUTH = [
    ("home", INDEPENDENT, CLOSED, None),
    ("home-full-cone", INDEPENDENT, OPEN, None),
    ("symmetric", DEPENDENT, CLOSED, Pooling.PAIRED),
    ("cgnat", DEPENDENT, CLOSED, Pooling.PAIRED),
    ("cgnat-unpaired", DEPENDENT, CLOSED, Pooling.ARBITRARY),
    ("cgnat-budget", DEPENDENT, CLOSED, Pooling.PAIRED),
    ("mtu-black-hole", INDEPENDENT, CLOSED, None),
]


@pytest.mark.lab
@pytest.mark.parametrize(("profile", "mapping", "filtering", "pooling"), TRUTH)
async def test_a_real_nat_is_told(
    profile: str, mapping: Mapping, filtering: Filtering, pooling: Pooling | None
) -> None:
    told = Told()
    async with Lab(profile, verified=False) as lab:
        await nat.ask(lab.host("robot"), Translation(lab.services.stun), told)
    seen = behaviour(told)
    assert (seen.mapping, seen.filtering, seen.pooling) == (mapping, filtering, pooling)
    assert (seen.translated, seen.address_changed, seen.port_changed) == (True, False, False)
    flows = {(fact.local, fact.server) for fact in told.of(MappedAddress)}
    assert len(flows) <= Translation.mappings


@pytest.mark.lab
async def test_ipv6_is_asked_in_the_same_way() -> None:
    told = Told()
    async with Lab("dual-stack", verified=False) as lab:
        await nat.ask(lab.host("robot"), Translation((str(SERVER_ADDRESSES6[0]), 3478)), told)
    seen = behaviour(told)
    assert (seen.translated, seen.mapping, seen.filtering) == (False, INDEPENDENT, CLOSED)
    assert told.of(ServerProbed)[0].offers == ("other-port", "other-address")


@pytest.mark.lab
async def test_a_new_public_address_in_the_midst_is_no_dependent_mapping() -> None:
    told, began = Told(), asyncio.Event()

    def tell(fact: Fact) -> None:
        told(fact)
        began.set()

    async with Lab(cabled("home", delay_ms=50), verified=False) as lab:
        task = asyncio.create_task(nat.ask(lab.host("robot"), Translation(lab.services.stun), tell))
        await began.wait()
        await lab.event("change-public-address", on="home")
        await task
    seen = behaviour(told)
    assert seen.address_changed is True
    assert seen.mapping in (INDEPENDENT, None)
    assert seen.filtering in (CLOSED, None)
    assert seen.pooling is None


@pytest.mark.lab
async def test_a_network_without_udp_is_silent() -> None:
    told = Told()
    async with Lab("udp-blocked", verified=False) as lab:
        await nat.ask(lab.host("robot"), Translation(lab.services.stun), told)
    assert told.of(MappedAddress) == []
    assert told.of(ServerProbed)[0].answers is False


@pytest.mark.lab
async def test_loss_costs_time_and_no_verdict() -> None:
    await right_under_loss("cgnat-unpaired", 2)


@pytest.mark.proof
@pytest.mark.lab
@pytest.mark.parametrize("profile", [row[0] for row in TRUTH])
async def test_thirty_runs_at_ten_percent_loss_are_right(profile: str) -> None:
    await right_under_loss(profile, 30)


async def right_under_loss(profile: str, runs: int) -> None:
    (_, mapping, filtering, pooling), *_ = [row for row in TRUTH if row[0] == profile]
    for _ in range(runs):  # each in a network of its own, whose budget nobody has used
        told = Told()
        async with Lab(cabled(profile, loss=0.1), verified=False) as lab:
            await nat.ask(lab.host("robot"), Translation(lab.services.stun), told)
        seen = behaviour(told)
        assert (seen.mapping, seen.filtering) == (mapping, filtering)
        assert seen.pooling in (pooling, None)
        assert (seen.address_changed, seen.port_changed) == (False, False)
