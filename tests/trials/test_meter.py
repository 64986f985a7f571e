from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from landfast.errors import WorldError
from landfast.kernel import routes
from landfast.kernel.capture import ETHERNET, Frame, Replay, parse
from landfast.kernel.host import Host
from landfast.kernel.pcap import PcapWriter, read_pcap
from landfast.kernel.sandbox import SandboxHost
from landfast.model.address import InterfaceAddress
from landfast.model.facts import (
    CaptureDropped,
    EchoAnswered,
    EchoReconnected,
    Endpoint,
    Fact,
    ForeignSourcePacket,
    MappedAddress,
    PublicAddressChanged,
    WatchBegan,
)
from landfast.model.routing import Interface
from landfast.servers import echo
from landfast.trials import meter
from landfast.trials.operator import Reflector
from landfast.trials.result import QUIET, settled
from landfast.trials.senses import Flow
from landfast.trials.watch import Watch
from landfast.wire import stun
from tests.kernel.test_capture import ethernet, ipv4, udp
from tests.lan import lan

pytestmark = pytest.mark.anyio

LOCALHOST = "127.0.0.1"


class Ears:
    """What was said, and a way to wait for more of it."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._news = asyncio.Event()

    def __call__(self, facts: Iterable[Fact]) -> None:
        self.facts += facts
        self._news.set()

    async def hear(self, kind: type[Fact], times: int = 1) -> list[Any]:
        while len(found := [fact for fact in self.facts if isinstance(fact, kind)]) < times:
            self._news.clear()
            await self._news.wait()
        return found


@asynccontextmanager
async def doing(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Liar(Reflector):
    """A STUN server that sees everybody at the addresses that it is told, one after the other."""

    def __init__(self, seen: list[Endpoint]) -> None:
        self.seen = seen

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = stun.parse(data)
        assert message
        self._transport.sendto(
            stun.binding_response(message, self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]), addr
        )


async def test_the_public_address_is_followed_from_one_socket() -> None:
    loop = asyncio.get_running_loop()
    first, second = ("203.0.113.10", 7), ("203.0.113.11", 7)
    transport, _ = await loop.create_datagram_endpoint(lambda: Liar([first, first, second]), local_addr=(LOCALHOST, 0))
    server: Endpoint = transport.get_extra_info("sockname")
    ears, flows = Ears(), set[Flow]()
    async with doing(meter.ask_stun(server, ears, flows)):
        [changed] = await ears.hear(PublicAddressChanged)
        mapped = await ears.hear(MappedAddress, 3)
    transport.close()
    assert (changed.old, changed.new) == ("203.0.113.10", "203.0.113.11")
    assert {fact.local for fact in mapped} == {("0.0.0.0", *[port for port, _, _ in flows])}


async def test_the_bystander_keeps_one_connection_and_makes_a_new_one_when_it_dies() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with closing(writer), suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(line)

    ears = Ears()
    async with await asyncio.start_server(answer, LOCALHOST, 0) as server:
        where: Endpoint = server.sockets[0].getsockname()
        async with doing(meter.be_bystander(where, "", ears, set())):
            await ears.hear(EchoAnswered, 3)
            assert len(connections) == 1
            connections[0].transport.abort()
            [again] = await ears.hear(EchoReconnected)
            await ears.hear(EchoAnswered, len(ears.facts) + 1)
            assert len(connections) == 2
            assert "reset" in again.problem.lower() or "closed" in again.problem


async def test_the_bystander_waits_for_a_server_that_is_not_there_yet() -> None:
    nobody = await echo.serve(LOCALHOST, 0)
    where: Endpoint = nobody.sockets[0].getsockname()
    nobody.close()
    await nobody.wait_closed()
    ears = Ears()
    async with doing(meter.be_bystander(where, "secret", ears, set())), await echo.serve(*where, "secret"):
        await ears.hear(EchoAnswered)
    assert len([fact for fact in ears.facts if isinstance(fact, EchoReconnected)]) <= 1


def leaving(source: str, payload: bytes = b"x") -> Frame:
    data = ethernet(ipv4(source, "198.51.100.5", 17, udp(5000, 3478, payload)))
    return Frame(1.0, True, ETHERNET, len(data), data)


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of wlan0, which may change while the test runs."""
    now = ["192.168.1.10"]

    async def interfaces(_host: Host) -> tuple[Interface, ...]:
        return (Interface("wlan0", True, tuple(InterfaceAddress("wlan0", ip_address(one), 24) for one in now)),)

    monkeypatch.setattr(routes, "interfaces", interfaces)
    return now


async def test_foreign_sources_are_told_and_kept_and_others_are_not(addresses: list[str], tmp_path: Path) -> None:
    ears, source, pcap = Ears(), Replay(), PcapWriter(tmp_path / "kept.pcap", ETHERNET)
    async with doing(meter.Departures("wlan0", source, ears, pcap).watch()):
        await asyncio.sleep(0)
        source.feed(leaving("192.168.1.10"), leaving("172.17.0.1"), leaving(addresses[0]), leaving("172.17.0.1"))
        told = await ears.hear(ForeignSourcePacket, 2)
    source.close()
    pcap.close()
    kept = [packet.source for frame in read_pcap(tmp_path / "kept.pcap") if (packet := parse(frame))]
    assert [fact.source for fact in told] == ["172.17.0.1", "172.17.0.1"]
    assert kept == [IPv4Address("172.17.0.1")] * 2
    assert ears.facts == told


async def test_an_address_that_the_interface_got_meanwhile_is_its_own(addresses: list[str]) -> None:
    ears, source = Ears(), Replay()
    async with doing(meter.Departures("wlan0", source, ears).watch()):
        await asyncio.sleep(0)
        source.feed(leaving("172.17.0.1"))
        await ears.hear(ForeignSourcePacket)
        addresses[:] = ["192.168.1.99"]
        source.feed(leaving("192.168.1.99"), leaving("192.168.1.10"))
        told = await ears.hear(ForeignSourcePacket, 2)
    source.close()
    assert [fact.source for fact in told] == ["172.17.0.1", "192.168.1.10"], "and the one that it lost is foreign"


@pytest.mark.usefixtures("addresses")
async def test_what_the_capture_lost_is_told_once() -> None:
    ears, source = Ears(), Replay(dropped=4)
    async with doing(meter.Departures("wlan0", source, ears).watch()):
        await asyncio.sleep(0)
        source.feed(leaving("192.168.1.10"))
        [lost] = await ears.hear(CaptureDropped)
        source.feed(leaving("172.17.0.1"))
        await ears.hear(ForeignSourcePacket)
    source.close()
    assert lost.packets == 4
    assert len([fact for fact in ears.facts if isinstance(fact, CaptureDropped)]) == 1


# As a program.


@asynccontextmanager
async def watched(**more: Any) -> AsyncIterator[tuple[dict[str, SandboxHost], Watch]]:
    """A robot with one more address, and a server, on one bridge; a meter on the robot."""
    async with lan(robot="10.0.0.1/24", server="10.0.0.5/24") as hosts, AsyncExitStack() as stack:
        robot, server = hosts["robot"], hosts["server"]
        lines = "link add eth1 type veth peer name eth1x\naddress add 10.42.0.1/24 dev eth1\nlink set eth1 up\n"
        (await robot.run(["ip", "-batch", "-"], given=lines)).checked()
        opened = await server.udp("10.0.0.5", 3478)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Reflector, sock=opened)
        stack.callback(transport.close)
        await echo.start(server, "10.0.0.5", 7, token="secret")
        settings = {"interface": "eth0", "stun": ("10.0.0.5", 3478), "echo": ("10.0.0.5", 7), "token": "secret"}
        async with await Watch.start(robot, **{**settings, **more}) as watch:
            yield hosts, watch


@pytest.mark.lab
async def test_the_meter_counts_foreign_packets_and_not_its_own(tmp_path: Path) -> None:
    async with watched(pcap=tmp_path / "kept.pcap") as (hosts, watch):
        assert watch.capturing
        with await hosts["robot"].udp("10.42.0.1") as foreign, await hosts["robot"].udp("10.0.0.1") as own:
            for _ in range(7):
                foreign.sendto(b"x", ("10.0.0.5", 9))
                own.sendto(b"x", ("10.0.0.5", 9))
        began = watch.facts[-1].at
        assert await watch.until(lambda facts: settled(facts, began), 10 * QUIET)
        told = [fact for fact in watch.facts if isinstance(fact, ForeignSourcePacket)]
        assert [fact.source for fact in told] == ["10.42.0.1"] * 7
        assert len(list(read_pcap(tmp_path / "kept.pcap"))) == 7
        assert {fact.mapped[0] for fact in watch.facts if isinstance(fact, MappedAddress)} == {"10.0.0.1"}


@pytest.mark.lab
async def test_without_the_right_to_capture_it_says_so_and_watches_the_rest() -> None:
    async with lan(robot="10.0.0.1/24") as hosts:
        argv = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", sys.executable, "-m", meter.__name__]
        argv += ["--interface", "eth0", "--stun", "10.0.0.1:1", "--echo", "10.0.0.1:7"]
        program = await hosts["robot"].start(argv)
        assert program.stdout is not None
        said = json.loads(await program.stdout.readline())
        assert (said["fact"], said["capturing"]) == (WatchBegan.__name__, False)
        assert json.loads(await program.stdout.readline())["fact"] == "NoReply"
        assert program.stdin is not None
        program.stdin.close()
        assert await program.wait() == 0, "it ends with whoever started it"


@pytest.mark.lab
async def test_a_missing_interface_ends_it_with_a_reason() -> None:
    with pytest.raises(WorldError, match=r"ended with code [^0]"):
        async with watched(interface="wlan9"):
            pytest.fail("it should not have begun")
