from __future__ import annotations

import asyncio

import pytest

from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.errors import CapabilityMissing
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.parse import profile
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import LongPackets, NoReply, ServerProbed
from landfast.probes import asking, mtu, silence
from landfast.probes.questions import SENDS, PathMtu
from landfast.servers import reflector
from landfast.wire import stun
from tests.probes.answering import LOCALHOST, Behaviour, Recording, Request, Server, server
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio

PADDING = 0x0026
LENGTHS = [length & ~3 for length in PathMtu.lengths]


def at_length(serving: Server, request: Request) -> None:
    """As a reflector: a padded request has an answer as long as itself."""
    data = stun.binding_response(request.message, request.source)
    if stun.attribute(request.data, PADDING) is not None:
        data = stun.extended(data, PADDING, bytes(len(request.data) - len(data) - 4))
    serving.send(data, request.source)


def narrow(longest: int, *, up: bool = True) -> Behaviour:
    """Longer packets than that are lost, towards the server or from it."""

    def behave(serving: Server, request: Request) -> None:
        padded = stun.attribute(request.data, PADDING) is not None
        if len(request.data) + 28 <= longest or not (up or padded):
            at_length(serving, request)

    return behave


async def asked(serving: Server) -> Told:
    told, host = Told(), Recording()
    await mtu.ask(host, PathMtu(serving.endpoint), told)
    assert host.left_open == []
    return told


def passed(told: Told, *, up: bool) -> dict[int, bool]:
    return {fact.length: bool(fact.received) for fact in told.of(LongPackets) if fact.up is up}


@pytest.mark.parametrize("address", [LOCALHOST, "::1"])
async def test_what_passes_is_told_both_ways_with_one_packet_each(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "FIRST_RTO", 10.0)  # a busy machine is no loss
    async with server(at_length, address) as serving:
        told = await asked(serving)
        assert passed(told, up=True) == passed(told, up=False) == dict.fromkeys(LENGTHS, True)
        assert {fact.sent for fact in told.of(LongPackets)} == {1}
        assert told.of(ServerProbed)[0].offers == ("padding",)
        around = 48 if ":" in address else 28
        assert set(LENGTHS) <= {len(request.data) + around for request in serving.requests}


async def test_a_server_that_does_not_answer_at_length_is_not_asked_for_the_way_down() -> None:
    async with server() as serving:
        told = await asked(serving)
        assert passed(told, up=True) == dict.fromkeys(LENGTHS, True)
        assert passed(told, up=False) == {}
        assert told.of(ServerProbed) == []


@pytest.mark.parametrize("longest", [1280, 1492])
async def test_a_black_hole_up_is_silence_about_long_ones_while_short_ones_are_answered(longest: int) -> None:
    async with server(narrow(longest)) as serving:
        told = await asked(serving)
        assert passed(told, up=True) == {length: length <= longest for length in LENGTHS}
        lost = [fact for fact in told.of(LongPackets) if not fact.received]
        assert all(fact.sent >= CONVINCING_SILENCE <= fact.small and not fact.told for fact in lost)


async def test_a_black_hole_down_is_told_apart_from_one_up() -> None:
    async with server(narrow(1420, up=False)) as serving:
        told = await asked(serving)
        assert passed(told, up=True) == dict.fromkeys(LENGTHS, True)
        assert passed(told, up=False) == {length: length <= 1420 for length in LENGTHS}


async def test_an_outage_is_no_black_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "PACE", 0.002)

    def dies(serving: Server, request: Request) -> None:
        if request.number <= 3:
            at_length(serving, request)

    async with server(dies) as serving:
        assert not [fact for fact in (await asked(serving)).of(LongPackets) if not fact.received]


async def test_silence_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_RTO", 0.01)
    async with server(lambda *_: None) as serving:
        told = await asked(serving)
        assert len(told.of(NoReply)) == len(told) == SENDS


async def test_cancelling_closes_the_socket() -> None:
    host = Recording()
    async with server(narrow(1000)) as serving:
        task = asyncio.create_task(mtu.ask(host, PathMtu(serving.endpoint), Told()))
        await serving.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert host.left_open == []


async def test_no_way_is_a_missing_capability() -> None:
    with pytest.raises(CapabilityMissing):
        await mtu.ask(Recording(), PathMtu((LOCALHOST, 9), interface="no-such-if"), Told())


def signalled(network: Network) -> Network:
    routers = network.model_dump()["routers"]
    routers["home"]["mtu_signalled"] = True
    return network.but(routers=routers)


SERVERS = [str(SERVER_ADDRESSES[0]), str(SERVER_ADDRESSES6[0])]


@pytest.mark.lab
@pytest.mark.parametrize("address", SERVERS)
async def test_a_real_black_hole_is_silent_and_a_narrow_path_that_says_so_is_told(address: str) -> None:
    for network, is_told in ((profile("mtu-black-hole"), False), (signalled(profile("mtu-black-hole")), True)):
        told = Told()
        async with Lab(network, verified=False) as lab:
            await mtu.ask(lab.host("robot"), PathMtu((address, 3478)), told)
        assert passed(told, up=True) == {length: length <= 1280 for length in LENGTHS}
        assert {fact.told for fact in told.of(LongPackets) if not fact.received} == {is_told}
        assert passed(told, up=False) == {}  # coturn's padded answers come in fragments


DOWN = """table ip narrow {
  chain forward { type filter hook forward priority 20; iifname "wan" ip length > 1400 drop; }
}
"""


@pytest.mark.lab
async def test_a_real_black_hole_down_is_named_with_a_reflector() -> None:
    told = Told()
    async with Lab("home", served=False, verified=False) as lab:
        (await lab.host("home").run(["nft", "-f", "-"], given=DOWN)).checked()
        settings = reflector.Settings((SERVERS[0],))
        serving = await reflector.start(lab.host("server"), settings)
        await mtu.ask(lab.host("robot"), PathMtu((SERVERS[0], settings.port)), told)
        await serving.stop()
    assert passed(told, up=True) == dict.fromkeys(LENGTHS, True)
    assert passed(told, up=False) == {length: length <= 1400 for length in LENGTHS}


@pytest.mark.lab
async def test_what_the_own_interface_does_not_take_was_not_asked() -> None:
    told = Told()
    async with Lab("home", verified=False) as lab:
        (await lab.host("robot").run(["ip", "link", "set", "wlan0", "mtu", "1420"])).checked()
        await mtu.ask(lab.host("robot"), PathMtu(lab.services.stun), told)
    assert passed(told, up=True) == {length: True for length in LENGTHS if length <= 1420}
