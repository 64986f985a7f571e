"""Link impairments as hosts on both ends feel them, by whatever this kernel does them with."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from landfast import clock
from landfast.errors import CapabilityMissing
from landfast.kernel import capabilities
from landfast.kernel.host import Completed, Host, Program
from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, topology
from landfast.lab.links import Links
from landfast.lab.network import Link, Network
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6, Cable

pytestmark = pytest.mark.anyio
SERVER = str(SERVER_ADDRESSES[0]), 7
SERVER6 = str(SERVER_ADDRESSES6[0]), 7
# What a busy machine may add to half of all packets; the wire's own error is a hundredth of it.
LATE = 0.015


def without_netem(monkeypatch: pytest.MonkeyPatch) -> None:
    async def probe(names: Iterable[str], host: Host | None = None) -> dict[str, CapabilityMissing | None]:
        found = await asked(names, host)
        return found | {"netem": CapabilityMissing("netem", "another kernel")}

    asked = capabilities.probe
    monkeypatch.setattr(capabilities, "probe", probe)


@pytest.fixture(params=["wire", pytest.param("netem", marks=pytest.mark.needs("netem"))])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "wire":
        without_netem(monkeypatch)
    return str(request.param)


HELLO = b"hello"


class Pair:
    """The robot, directly on the internet over one impaired link, and the server."""

    def __init__(self, robot: Host, server: Host, links: Links, address: str) -> None:
        self.robot, self.server, self.links, self.address = robot, server, links, address

    async def sockets(self) -> tuple[socket.socket, socket.socket]:
        """A UDP socket on each, connected to the other, once a hello came through both ways."""
        here, there = await self.robot.udp(self.address, 7), await self.server.udp(*SERVER)
        here.connect(SERVER)
        there.connect((self.address, 7))
        loop = asyncio.get_running_loop()
        while True:
            here.send(HELLO)
            try:
                async with asyncio.timeout(0.5):
                    await loop.sock_recv(there, 100)
                    there.send(HELLO)
                    await loop.sock_recv(here, 100)
                    return here, there
            except TimeoutError:  # lost on the way, or late; whoever reads on skips what still comes
                continue


@asynccontextmanager
async def linked(**link: float) -> AsyncIterator[Pair]:
    network = Network.model_validate(
        {
            "title": "one link",
            "observed_on": ["nowhere"],
            "hosts": {
                "robot": {"interfaces": {"wlan0": {"via": "internet", "link": link}}},
                "operator": {"interfaces": {"eth0": {"via": "internet"}}},
            },
        }
    )
    async with Sandbox() as sandbox:
        plan = topology.plan(network)
        hosts, links = await build.build(sandbox, plan)
        yield Pair(hosts["robot"], hosts["server"], links, str(plan.address("robot")))


def waiting(opened: socket.socket) -> list[bytes]:
    """The datagrams that are there."""
    found: list[bytes] = []
    while True:
        try:
            found.append(opened.recv(2000))
        except BlockingIOError:
            return [data for data in found if data != HELLO]


async def following(opened: socket.socket) -> bytes:
    """The next datagram."""
    while (data := await asyncio.get_running_loop().sock_recv(opened, 2000)) == HELLO:
        pass
    return data


async def arriving(opened: socket.socket, number: int) -> list[tuple[bytes, float]]:
    """The next datagrams, each with its time."""
    return [(await following(opened), clock.monotonic()) for _ in range(number)]


async def round_trips(here: socket.socket, there: socket.socket, number: int) -> list[float]:
    took = []
    for _ in range(number):
        began = clock.monotonic()
        here.send(b"ping")
        there.send(await following(there))
        await following(here)
        took.append(clock.monotonic() - began)
    return took


@pytest.mark.lab
async def test_a_link_of_20_ms_has_a_round_trip_of_40(means: str) -> None:
    async with linked(delay_ms=20) as pair:
        here, there = await pair.sockets()
        with here, there:
            took = await round_trips(here, there, 21)
        assert pair.links.means == (means,)
        (measured,) = pair.links.delays
        assert await pair.links.lost() == 0
    assert min(took) >= 0.040
    assert statistics.median(took) < 0.040 + 2 * LATE
    assert measured.probes > 0
    assert measured.median is not None
    assert 20 <= measured.median < 20 + 1000 * LATE


@pytest.mark.lab
@pytest.mark.usefixtures("means")
async def test_jitter_is_within_its_span_and_keeps_the_order() -> None:
    async with linked(delay_ms=30, jitter_ms=20) as pair:
        here, there = await pair.sockets()
        with here, there:
            took = await round_trips(here, there, 15)
            for number in range(100):
                here.send(number.to_bytes(2, "big"))
            came = [int.from_bytes(data, "big") for data, _ in await arriving(there, 100)]
    assert min(took) >= 0.020
    assert max(took) - min(took) > 0.010
    assert statistics.median(took) < 0.100 + LATE
    assert came == list(range(100))


@pytest.mark.lab
@pytest.mark.usefixtures("means")
async def test_reordered_packets_overtake() -> None:
    async with linked(delay_ms=30, reorder=0.2) as pair:
        here, there = await pair.sockets()
        with here, there:
            for number in range(200):
                here.send(number.to_bytes(2, "big"))
            came = [int.from_bytes(data, "big") for data, _ in await arriving(there, 200)]
    assert sorted(came) == list(range(200))
    overtook = sum(number > following for number, following in zip(came, sorted(came), strict=True))
    assert 0 < overtook < 150


@pytest.mark.lab
async def test_a_lost_share_is_lost_in_each_direction_by_itself(means: str) -> None:
    async with linked(loss=0.2) as pair:
        here, there = await pair.sockets()
        arrived = [0, 0]
        with here, there:
            for _ in range(20):
                for direction, (sender, receiver) in enumerate([(here, there), (there, here)]):
                    for _ in range(100):
                        sender.send(b"datagram")
                    # Nothing delays, so whatever comes is there when `send` returns.
                    arrived[direction] += len(waiting(receiver))
    # Binomial, n 2000, p 0.8: mean 1600, standard deviation 17.9; five of those on each side.
    assert all(abs(each - 1600) < 90 for each in arrived), arrived
    assert pair.links.means == ("nft" if means == "wire" else "netem",)


@pytest.mark.lab
async def test_hosts_find_each_other_however_much_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    without_netem(monkeypatch)
    async with linked(loss=0.999999) as pair:
        with await pair.robot.udp() as opened:
            async with asyncio.timeout(10):
                while "lladdr" not in (await pair.robot.run(["ip", "neighbour"])).stdout:
                    opened.sendto(b"lost", SERVER)


@pytest.mark.lab
async def test_a_rate_is_kept() -> None:
    size, frames = 1200, 150
    async with linked(rate_kbit=2000) as pair:
        here, there = await pair.sockets()
        with here, there:
            receiving = asyncio.create_task(arriving(there, frames))
            began, sent = clock.monotonic(), 0
            while not receiving.done():
                # Twice the rate, so that the queue is never empty.
                while sent * size * 8 < (clock.monotonic() - began) * 4_000_000:
                    here.send(bytes(size))
                    sent += 1
                await asyncio.wait({receiving}, timeout=0.0025)
            times = [at for _, at in await receiving]
    assert pair.links.means == ("tbf",)
    # The first are the burst that it lets through; before each there are 8 bytes of UDP, 20 of IP and 14 of Ethernet.
    counted = times[10:]
    rate = (len(counted) - 1) * (size + 42) * 8 / (counted[-1] - counted[0]) / 1000
    assert rate == pytest.approx(2000, rel=0.15)
    assert sent > frames


@pytest.mark.lab
@pytest.mark.usefixtures("means")
@pytest.mark.parametrize("server", [SERVER, SERVER6], ids=["ipv4", "ipv6"])
async def test_what_goes_through_arrives_as_it_was_sent(server: tuple[str, int]) -> None:
    sent = os.urandom(1 << 20)
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    loop = asyncio.get_running_loop()
    async with linked(delay_ms=2, loss=0.001) as pair:
        listening = await pair.server.socket(family, socket.SOCK_STREAM)
        calling = await pair.robot.socket(family, socket.SOCK_STREAM)
        with listening, calling:
            listening.bind(server)
            listening.listen()
            await asyncio.gather(loop.sock_connect(calling, server), accepting := loop.create_task(_accept(listening)))
            answering = await accepting
            with answering:
                sending = asyncio.create_task(_say(calling, sent))
                assert await _hear(answering) == sent
                await sending


async def _accept(listening: socket.socket) -> socket.socket:
    return (await asyncio.get_running_loop().sock_accept(listening))[0]


async def _say(opened: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(opened, data)
    opened.shutdown(socket.SHUT_WR)


async def _hear(opened: socket.socket) -> bytes:
    heard = bytearray()
    while data := await asyncio.get_running_loop().sock_recv(opened, 1 << 16):
        heard += data
    return bytes(heard)


@pytest.mark.lab
@pytest.mark.usefixtures("means")
async def test_a_link_that_went_down_carries_again_when_it_is_up() -> None:
    async with linked(delay_ms=1) as pair:
        here, there = await pair.sockets()
        with here, there:
            await build.ip(pair.robot, "link set wlan0 down\n")
            there.send(b"nobody hears this")
            await build.ip(pair.robot, "link set wlan0 up\nroute replace default via 192.0.2.1 dev wlan0\n")
            assert len(await round_trips(here, there, 3)) == 3


@pytest.mark.lab
async def test_networks_without_impairments_have_no_wire_and_no_delays() -> None:
    async with linked() as pair:
        assert pair.links.means == ()
        assert pair.links.delays == ()
        assert await pair.links.lost() == 0


class Heard(Host):
    """A host that hears what is run on it, and has a kernel with these queueing disciplines."""

    def __init__(self, name: str, kernel: Sequence[str]) -> None:
        self.name, self.root = name, Path("/")
        self.kernel = kernel
        self.ran: list[tuple[tuple[str, ...], str]] = []

    async def run(self, argv: Sequence[str], *, given: str = "", environment: Any = None) -> Completed:
        self.ran.append((tuple(argv), given))
        probed = argv[6] if tuple(argv[:2]) == ("tc", "qdisc") else ""
        unknown = bool(probed) and probed not in self.kernel
        return Completed(tuple(argv), 2 * unknown, "", "Error: Specified qdisc kind is unknown." if unknown else "")

    async def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        return None

    async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        raise NotImplementedError

    async def start(self, argv: Sequence[str], **how: Any) -> Program:
        raise NotImplementedError


class Kernel:
    """A sandbox whose hosts only hear."""

    def __init__(self, *queues: str) -> None:
        self.queues = queues
        self.hosts: dict[str, Heard] = {}

    async def host(self, name: str) -> Any:
        return self.hosts.setdefault(name, Heard(name, self.queues))


LOSSY = Cable(("robot", "eth0"), ("mifi", "robot"), link=Link(loss=0.1, rate_kbit=500))


async def test_where_there_is_netem_one_program_an_end_does_it_all() -> None:
    kernel: Any = Kernel("netem", "tbf")
    links = await Links.choose(kernel, [LOSSY])
    ends = {name: await kernel.host(name) for name in ("robot", "mifi")}
    await links.put(ends)
    assert links.means == ("netem", "tbf")
    for name, interface in (("robot", "eth0"), ("mifi", "robot")):
        ((argv, given),) = ends[name].ran
        assert argv == ("tc", "-batch", "-")
        assert f"dev {interface} root handle 1: netem" in given
        assert f"dev {interface} parent 1:1 handle 2: tbf" in given


async def test_where_there_is_no_netem_nft_loses() -> None:
    kernel: Any = Kernel("tbf")
    links = await Links.choose(kernel, [LOSSY])
    ends = {name: await kernel.host(name) for name in ("robot", "mifi")}
    await links.put(ends)
    assert links.means == ("nft", "tbf")
    assert [argv[0] for argv, _ in ends["robot"].ran] == ["tc"]
    assert [argv[0] for argv, _ in ends["mifi"].ran] == ["tc", "nft"]


async def test_a_rate_without_tbf_is_a_missing_capability() -> None:
    kernel: Any = Kernel("netem")
    with pytest.raises(CapabilityMissing, match="sch_tbf"):
        await Links.choose(kernel, [LOSSY])


async def test_a_network_without_impairments_asks_the_kernel_nothing() -> None:
    kernel: Any = Kernel()
    await Links.choose(kernel, [Cable(("robot", "eth0"), ("mifi", "robot"))])
    assert kernel.hosts == {}
