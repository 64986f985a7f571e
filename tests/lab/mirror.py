"""A laboratory's server that says who it sees: the tests' eyes on the other side of the carrier."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.lab.network import SERVER, Network
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6

Seen = tuple[str, int]
"""The address and port that the server sees."""

# How often a question is asked again; a lost one costs a test that long.
_AGAIN = 0.05


class Mirror:
    """Answers each datagram with the address that it came from. `heard` are those that came."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.heard: list[tuple[bytes, Seen]] = []
        asyncio.get_running_loop().add_reader(opened, self._readable)

    @classmethod
    async def open(cls, host: Host, address: str, port: int) -> Mirror:
        return cls(await host.udp(address, port))

    def _readable(self) -> None:
        data, source = self.socket.recvfrom(2048)
        self.heard.append((data, (source[0], source[1])))
        self.socket.sendto(b"%b %s %d" % (data, source[0].encode(), source[1]), source)

    @property
    def words(self) -> set[bytes]:
        """What came, from whomever."""
        return {data for data, _ in self.heard}

    def say(self, data: bytes, to: Seen) -> None:
        self.socket.sendto(data, to)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


class Client:
    """One UDP socket on a laboratory host. `heard` is what came to it that was no answer to its last question."""

    def __init__(self, opened: socket.socket, server: Seen) -> None:
        self.socket = opened
        self.server = server
        self.heard: list[bytes] = []
        self._asked = 0

    def say(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    async def seen(self) -> Seen:
        """Ask until there is an answer: who the server sees. What came before the answer is in `heard`."""
        loop = asyncio.get_running_loop()
        self._asked += 1
        question = b"?%d" % self._asked
        while True:
            with suppress(OSError):  # a link that is down
                self.say(question)
            try:
                async with asyncio.timeout(_AGAIN):
                    while not (said := await loop.sock_recv(self.socket, 2048)).startswith(question + b" "):
                        self.heard.append(said)
            except TimeoutError:
                continue
            _, address, port = said.split()
            return address.decode(), int(port)

    def close(self) -> None:
        self.socket.close()


class World:
    """A laboratory with a mirror on its server's first address."""

    def __init__(self, lab: Lab, mirror: Mirror) -> None:
        self.lab = lab
        self.mirror = mirror
        self._open: list[Client | Mirror] = [mirror]

    async def client(self, host: str = "robot", port: int = 0, *, source: str = "0.0.0.0", to: int = 0) -> Client:
        """A socket there; `to` is 1 for the server's second address."""
        server = self.mirror.socket.getsockname()
        if to:
            second = await Mirror.open(self.lab.host(SERVER), str(SERVER_ADDRESSES[to]), server[1])
            self._open.append(second)
            server = second.socket.getsockname()
        client = Client(await self.lab.host(host).udp(source, port), (server[0], server[1]))
        self._open.append(client)
        return client

    def close(self) -> None:
        for each in self._open:
            each.close()


@asynccontextmanager
async def world(network: Network | str, *, ipv6: bool = False) -> AsyncIterator[World]:
    """A network without its servers, not verified: it stands in a third of a second."""
    async with Lab(network, verified=False, served=False) as lab:
        addresses = SERVER_ADDRESSES6 if ipv6 else SERVER_ADDRESSES
        here = World(lab, await Mirror.open(lab.host(SERVER), str(addresses[0]), 7000))
        try:
            yield here
        finally:
            here.close()
