"""Robots to try the remedy on: one in memory, one in real namespaces with a router behind it that sees what leaves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from landfast.kernel import sysctl
from landfast.kernel.capture import UDP, Capture, Packet, parse
from landfast.kernel.fake import FakeHost, Route
from landfast.kernel.host import Completed, Host, Program, R
from landfast.kernel.sandbox import Sandbox, SandboxHost
from landfast.model.address import InterfaceAddress, is_foreign

OWN = {4: "192.168.1.10", 6: "2001:db8:1::10"}
FOREIGN = {4: "10.42.0.1", 6: "fd00:42::1"}
SERVER = {4: "198.51.100.5", 6: "2001:db8:99::5"}
PORT = 9  # discard
LAST = b"last"
PATIENCE = 20
"""Seconds after which what has not happened will not."""

_ROBOT = """\
link set wlan0 addrgenmode none
link set eth1 addrgenmode none
link set lo up
link set wlan0 up
link set eth1 up
address add fe80::10/64 dev wlan0 nodad
address add fe80::42/64 dev eth1 nodad
address add 192.168.1.10/24 dev wlan0
address add 10.42.0.1/24 dev eth1
address add 2001:db8:1::10/64 dev wlan0 nodad
address add fd00:42::1/64 dev eth1 nodad
route add default via 192.168.1.1
route add default via 2001:db8:1::1
"""
_ROUTER = """\
link set lan0 addrgenmode none
link set lo up
link set lan0 up
address add fe80::1/64 dev lan0 nodad
address add 192.168.1.1/24 dev lan0
address add 2001:db8:1::1/64 dev lan0 nodad
address add 198.51.100.5/32 dev lo
address add 2001:db8:99::5/128 dev lo nodad
"""
_SENSOR = """\
link set lo up
link set eth0 up
address add 10.42.0.7/24 dev eth0
route add default via 10.42.0.1
"""


def fake(root: Path) -> FakeHost:
    """The robot in memory."""
    addresses = [
        ("lo", "127.0.0.1", 8),
        ("wlan0", OWN[4], 24),
        ("wlan0", OWN[6], 64),
        ("eth1", FOREIGN[4], 24),
        ("eth1", FOREIGN[6], 64),
    ]
    return FakeHost(
        root,
        addresses=[InterfaceAddress(name, ip_address(address), prefix) for name, address, prefix in addresses],
        routes=[Route(ip_network("0.0.0.0/0"), "wlan0"), Route(ip_network("::/0"), "wlan0")],
    )


@dataclass(frozen=True)
class Scene:
    """The robot, the router that its wlan0 leads to, and a sensor behind its eth1."""

    robot: SandboxHost
    router: SandboxHost
    sensor: SandboxHost


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Real namespaces, wired."""
    async with Sandbox() as sandbox:
        yield await wired(sandbox)


async def wired(sandbox: Sandbox) -> Scene:
    """The three hosts. Link-local addresses are given, for the kernel's own would be tentative for a second."""
    robot, router, sensor = [await sandbox.host(name) for name in ("robot", "router", "sensor")]
    cables = (
        f"link add wlan0 type veth peer name lan0 netns {router.network}\n"
        f"link add eth1 type veth peer name eth0 netns {sensor.network}\n"
    )
    await ip(robot, cables)
    for host, lines in ((router, _ROUTER), (sensor, _SENSOR), (robot, _ROBOT)):
        await sysctl.write(host, {"ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0"})
        await ip(host, lines)
    return Scene(robot, router, sensor)


async def ip(host: Host, lines: str) -> None:
    """Run commands of ip(8)."""
    (await host.run(["ip", "-batch", "-"], given=lines)).checked()


@asynccontextmanager
async def leaving(scene: Scene) -> AsyncIterator[list[Packet]]:
    """UDP packets that reach the router from the robot while the body runs; complete when it has ended."""
    seen: list[Packet] = []
    missing = {4, 6}
    arrived = asyncio.Event()
    with await Capture.open(scene.router, "lan0") as capture:

        def read() -> None:
            for frame in capture.drain():
                packet = parse(frame)
                if not packet or packet.outgoing or packet.protocol != UDP:
                    continue
                if packet.payload != LAST:
                    seen.append(packet)
                else:
                    missing.discard(packet.source.version)
                    if not missing:
                        arrived.set()

        asyncio.get_running_loop().add_reader(capture.fileno(), read)
        try:
            yield seen
            for anywhere in ("0.0.0.0", "::"):  # what was sent before is there when this is
                await say(scene.robot, anywhere, payload=LAST)
            async with asyncio.timeout(PATIENCE):
                await arrived.wait()
        finally:
            asyncio.get_running_loop().remove_reader(capture.fileno())


async def say(host: Host, source: str, *, times: int = 1, payload: bytes = b"x", port: int = 0) -> int:
    """Send datagrams to the server from an address of the host; how many the kernel took (a dropped one it refuses)."""
    with await host.udp(source, port) as opened:
        return sum(took(opened, payload) for _ in range(times))


def took(opened: socket.socket, payload: bytes = b"x") -> bool:
    """Send one datagram to the server of the socket's family."""
    try:
        opened.sendto(payload, (SERVER[6 if opened.family == socket.AF_INET6 else 4], PORT))
    except PermissionError:
        return False
    return True


def foreign(seen: list[Packet]) -> list[str]:
    """Sources that are no address of the robot's wlan0."""
    own = {ip_address(address) for address in OWN.values()}
    return [str(packet.source) for packet in seen if is_foreign(packet.source, own)]


class Faulty(Host):
    """Another host, on which the n-th program that changes something fails: before it did it, or only after."""

    def __init__(self, inner: Host, at: int, *, after: bool) -> None:
        self.name, self.root = inner.name, inner.root
        self.changes = 0
        self._inner, self._at, self._after = inner, at, after

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        return await self._inner.call(function, *arguments)

    async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        return await self._inner.socket(family, kind, protocol)

    async def start(self, argv: Sequence[str], **more: Any) -> Program:
        return await self._inner.start(argv, **more)

    async def run(
        self, argv: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        changes = argv[-2:] == ("-f", "-") or argv[0].endswith("-restore") or "-X" in argv
        self.changes += changes
        if changes and self.changes == self._at:
            if self._after:
                await self._inner.run(argv, given=given, environment=environment)
            return Completed(tuple(argv), 1, "", "it was made to fail")
        return await self._inner.run(argv, given=given, environment=environment)
