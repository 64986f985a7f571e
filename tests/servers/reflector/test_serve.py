from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from ipaddress import ip_address
from itertools import count

import pytest

from landfast import clock
from landfast.errors import NotReady
from landfast.kernel import capture
from landfast.kernel.capture import Packet
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.servers.reflector import Settings, serve, start
from landfast.wire import reflector, stun
from landfast.wire.stun import StunMessage
from tests.lan import lan

pytestmark = pytest.mark.anyio

ONE, OTHER = "198.51.100.5", "198.51.100.6"


def loopback() -> Settings:
    """Two addresses of this machine that nobody else uses."""
    one, other = (f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{n}" for n in (5, 6))
    return Settings((one, other))


@asynccontextmanager
async def asking(address: str = "127.0.0.1") -> AsyncIterator[socket.socket]:
    with closing(await Host.here().udp(address)) as opened:
        yield opened


async def heard(opened: socket.socket, count: int = 1) -> list[tuple[StunMessage, Endpoint, float]]:
    """So many answers, in order of arrival: message, source, when."""
    found = []
    for _ in range(count):
        data, source = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(opened, 2048), 10)
        message = stun.parse(data)
        assert message is not None
        found.append((message, source[:2], clock.monotonic()))
    return found


async def test_it_answers_from_wherever_it_is_asked_to() -> None:
    settings = loopback()
    one, other = settings.addresses
    async with serve(settings), asking() as robot:
        for ip, port, by in (
            (False, False, (one, 3478)),
            (False, True, (one, 3479)),
            (True, False, (other, 3478)),
            (True, True, (other, 3479)),
        ):
            request = stun.binding_request(secrets.token_bytes(12), padding=8, change_ip=ip, change_port=port)
            robot.sendto(request, (one, 3478))
            [(message, source, _)] = await heard(robot)
            assert (source, message.mapped) == (by, robot.getsockname())


async def test_answers_that_are_put_off_come_at_their_time() -> None:
    settings = loopback()
    at = settings.endpoints[0]
    async with serve(settings) as server, asking() as robot:
        began = clock.monotonic()
        for number, seconds in enumerate((0.3, 0.1, 0.2)):
            robot.sendto(reflector.later_request(bytes([number]) * 12, seconds), at)
        came = await heard(robot, 3)
        assert [message.transaction_id[0] for message, _, _ in came] == [1, 2, 0]
        for (_, _, when), seconds in zip(came, (0.1, 0.2, 0.3), strict=True):
            assert when - began >= seconds
        assert len(server.waiting) == 0


async def test_another_port_of_the_same_address_can_be_answered() -> None:
    settings = loopback()
    async with serve(settings), asking() as robot, asking() as elsewhere:
        request = stun.binding_request(bytes(12), response_port=elsewhere.getsockname()[1])
        robot.sendto(request, settings.endpoints[0])
        [(message, source, _)] = await heard(elsewhere)
        assert (message.transaction_id, source) == (bytes(12), settings.endpoints[0])


async def control(settings: Settings, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(settings.addresses[0], settings.control)
    with closing(writer):
        writer.write(f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).partition(b"\r\n\r\n")[2]


async def test_the_control_tells_what_came_over_udp() -> None:
    settings = loopback()
    async with serve(settings), asking() as robot:
        assert reflector.described(await control(settings, "/v1")).stun == settings.endpoints
        for _ in range(3):
            robot.sendto(stun.binding_request(bytes(12)), settings.endpoints[2])
        await heard(robot, 3)
        seen = reflector.seen(await control(settings, f"/v1/seen/{bytes(12).hex()}"))
        assert (seen.count, seen.origin) == (3, robot.getsockname())


async def test_what_is_not_answered_for_want_of_room_was_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loopback()
    async with serve(settings) as server, asking() as robot:
        monkeypatch.setattr(server.waiting, "begin", lambda _: False)
        robot.sendto(reflector.later_request(bytes(12), 0.1), settings.endpoints[0])
        robot.sendto(stun.binding_request(bytes([1]) * 12), settings.endpoints[0])
        await heard(robot)
        assert reflector.seen(await control(settings, f"/v1/seen/{bytes(12).hex()}")).count == 0


async def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1 port 3478: Cannot assign requested address"):
        async with serve(Settings(("192.0.2.1",))):
            pass


async def test_as_a_program_it_answers_when_start_returns_and_is_gone_when_stopped() -> None:
    settings = loopback()
    server = await start(Host.here(), settings)
    async with asking() as robot:
        robot.sendto(stun.binding_request(bytes(12)), settings.endpoints[3])
        await heard(robot)
        await server.stop()
        with pytest.raises(ConnectionRefusedError):
            await control(settings, "/v1")
    with pytest.raises(NotReady, match="Cannot assign requested address"):
        await start(Host.here(), Settings(("192.0.2.1",)))


@pytest.mark.needs("namespaces", "veth")
async def test_over_ipv6_it_does_the_same() -> None:
    async with lan(server="10.0.0.5/24", robot="10.0.0.9/24") as hosts:
        for name, addresses in {"server": ("2001:db8::5", "2001:db8::6"), "robot": ("2001:db8::9",)}.items():
            lines = [f"address add {address}/64 dev eth0 nodad" for address in addresses]
            (await hosts[name].run(["ip", "-batch", "-"], given="\n".join(lines))).checked()
        await start(hosts["server"], Settings(("2001:db8::5", "2001:db8::6")))
        with closing(await hosts["robot"].udp("::")) as robot:
            request = stun.binding_request(bytes(12), change_ip=True, change_port=True, padding=20)
            robot.sendto(request, ("2001:db8::5", 3478))
            robot.sendto(reflector.later_request(bytes([1]) * 12, 0.05), ("2001:db8::6", 3478))
            (changed, source, _), (later, by, _) = await heard(robot, 2)
            assert (source, by) == (("2001:db8::6", 3479), ("2001:db8::6", 3478))
            assert changed.mapped == later.mapped == ("2001:db8::9", robot.getsockname()[1])


# Under a flood.

FLOOD = 40_000
"""Packets: twice what it remembers, and twice its total burst."""
FULL = 25_000
"""Answers after which all that it remembers has been replaced once."""
MOST = 40 << 20
"""Bytes that it may take: 20 000 ids with their origins, 20 000 answers put off with their timers."""
FLAT = 3 << 20
"""Bytes that it may grow by in a second flood of new packets: what the allocator leaves between its pieces."""


def udp(source: str, sport: int, to: Endpoint, data: bytes) -> bytes:
    """An IPv4 packet with a source of our choice (RFC 791, RFC 768; the kernel adds IP's checksum)."""
    addresses = ip_address(source).packed + ip_address(to[0]).packed
    head = struct.pack("!BBHHHBBH8s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, addresses)
    return head + struct.pack("!HHHH", sport, to[1], 8 + len(data), 0) + data


def hostile(chance: random.Random) -> bytes:
    """Anything that a reflector may meet: noise, broken messages, and each question whose answer could be misused."""
    identity = chance.randbytes(12)
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(1200))
    if kind == 1:
        request = bytearray(stun.binding_request(identity, padding=40, attributes=chance.randbytes(4)))
        request[chance.randrange(len(request))] ^= 1 << chance.randrange(8)
        return bytes(request)
    if kind == 2:
        return stun.binding_request(identity)
    if kind == 3:
        return stun.binding_request(identity, change_ip=True, change_port=True, padding=chance.choice([0, 4, 8, 500]))
    if kind == 4:
        return stun.binding_request(identity, response_port=chance.randrange(65536))
    return reflector.later_request(identity, chance.choice([0.001, 0.5, 300]))


def flood(to: Endpoint, seed: int) -> None:
    """From sources that are somebody else's, as fast as the cable takes them."""
    chance = random.Random(seed)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)) as raw:
        for number in range(FLOOD):
            source = f"198.51.100.{chance.randrange(20, 250)}" if number % 2 else f"203.0.113.{chance.randrange(256)}"
            raw.sendto(udp(source, chance.randrange(1, 65536), to, hostile(chance)), to)


async def settled(server: Endpoint, host: Host) -> None:
    """Until what was sent before has been read: its own queue is in order."""
    with closing(await host.udp(ROBOT)) as robot:
        loop = asyncio.get_running_loop()
        while True:
            robot.sendto(stun.binding_request(secrets.token_bytes(12)), server)
            try:
                async with asyncio.timeout(0.5):
                    await loop.sock_recv(robot, 2048)
                    return
            except TimeoutError:
                continue


# A shell, since /proc must be that of the sandbox.
RESIDENT = "cat $(grep -ls '[s]ervers.reflector' /proc/[0-9]*/cmdline | xargs dirname)/status"


async def resident(host: Host) -> int:
    """Bytes of memory that the reflector has."""
    said = (await host.run(["sh", "-c", RESIDENT])).stdout
    return int(said.partition("VmRSS:")[2].split()[0]) << 10


class Wire:
    """What goes in and out of a host, looked at while it goes: each answer against the request that it answers."""

    def __init__(self, watched: capture.Capture, own: set[str]) -> None:
        self._watched, self._own = watched, own
        self._asked: dict[bytes, Packet] = {}
        self.answers = 0
        self.wrong: list[str] = []
        asyncio.get_running_loop().add_reader(watched.fileno(), self.look)

    def look(self) -> None:
        for frame in self._watched.drain():
            packet = capture.parse(frame)
            if packet is None or packet.protocol != capture.UDP:
                continue
            identity = packet.payload[8:20]
            if str(packet.destination) in self._own:
                self._asked.setdefault(identity, packet)
            elif asked := self._asked.get(identity):
                self._answered(asked, packet)

    def _answered(self, asked: Packet, answer: Packet) -> None:
        self.answers += 1
        plain = (answer.source, answer.sport) == (asked.destination, asked.dport) and answer.dport == asked.sport
        plain = plain and reflector.wishes(asked.payload).after is None
        most = (asked.length - 28) * (3 if plain else 1)
        if answer.length - 28 > most or answer.destination != asked.source:
            self.wrong.append(f"{asked.length - 28} bytes of {asked.source} got {answer} ({plain=})")


ROBOT = "198.51.100.10"


@pytest.mark.needs("namespaces", "veth", "packet-capture")
async def test_a_flood_of_malformed_and_spoofed_packets_leaves_its_memory_flat_and_gains_nothing() -> None:
    seeds = count(5780)
    async with lan(server=f"{ONE}/24 {OTHER}/24", robot=f"{ROBOT}/24") as hosts:
        server, robot, at = hosts["server"], hosts["robot"], (ONE, 3478)
        # Those whose addresses are misused are all reached, so that what they would get can be counted.
        (await server.run(["ip", "route", "add", "default", "via", ROBOT])).checked()
        mac = (await robot.run(["cat", "/sys/class/net/eth0/address"])).stdout.strip()
        lines = [f"neighbour replace 198.51.100.{n} lladdr {mac} dev eth0 nud permanent" for n in range(20, 250)]
        (await server.run(["ip", "-batch", "-"], given="\n".join(lines))).checked()
        await start(server, Settings((ONE, OTHER)))
        with await capture.Capture.open(server, "eth0") as watched:
            wire = Wire(watched, {ONE, OTHER})
            sizes = [await resident(server)]
            while wire.answers < FULL:
                await robot.call(flood, at, next(seeds))
                await settled(at, robot)
                wire.look()
            sizes.append(await resident(server))
            await robot.call(flood, at, next(seeds))
            await settled(at, robot)
            sizes.append(await resident(server))
            wire.look()
            asyncio.get_running_loop().remove_reader(watched.fileno())
        before, full, again = sizes
        assert again - full < FLAT, f"KiB: {[size >> 10 for size in sizes]}"
        assert full - before < MOST
        assert wire.wrong == []
