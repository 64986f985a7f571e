"""A host, its NAT and the servers on the other side, on a clock of their own: what the tests of the ground play in."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import Close, Open, Path, Resolve, Socket, Transmit, Transport
from landfast.session.ice.ground import Address, Ground, Said, Server, read_servers
from landfast.session.ice.settings import Settings
from landfast.wire.turn.framing import channel_data, padded
from tests.session.ice.ground.nodes import Reflector, Relays
from tests.wire.turn.server import arrived

RTT = 0.04
HERE, THERE = "192.168.1.10", "2001:db8:1::10"
STUN, TURN = ("198.51.100.1", 3478), ("198.51.100.5", 3478)
PEER = ("203.0.113.77", 7000)
UDP = "turn:198.51.100.5"
TCP = "turn:198.51.100.5?transport=tcp"
TLS = "turns:turn.example:3478"
ADDRESSES, BOTH = (Address(HERE),), (Address(THERE), Address(HERE))
ASK = "stun:198.51.100.1"


def servers(*urls: str) -> list[Server]:
    return [server for url in urls for server in read_servers(url, "robot", "secret")]


def draw() -> Callable[[int], bytes]:
    counted = itertools.count(1)
    return lambda length: next(counted).to_bytes(length, "big")


class World:
    """`path` False: nothing passes. `opens`: what becomes of an Open, None for as it should be."""

    def __init__(
        self,
        *urls: str,
        settings: Settings | None = None,
        addresses: Sequence[Address] = ADDRESSES,
        nodes: dict[Endpoint, Reflector | Relays] | None = None,
        names: dict[str, list[str] | None] | None = None,
    ) -> None:
        self.now, self.path = 0.0, True
        self.nodes: dict[Endpoint, Reflector | Relays] = nodes or {STUN: Reflector(), TURN: Relays()}
        self.names = names or {"turn.example": [TURN[0]]}
        self.refused: dict[Transport, str] = {}
        self.stuck: set[Transport] = set()
        self.addresses = list(addresses)
        self.open: dict[Socket, Open] = {}
        self.ever: list[Open] = []
        self.closed: list[Socket] = []
        self.told: list[tuple[float, Said]] = []
        self.got: list[tuple[bytes, Path]] = []
        self.sent: list[tuple[Socket, bytes]] = []
        self.answers: list[tuple[Socket, bytes, Endpoint]] = []
        self.nat, self.symmetric = True, False
        self.misled: set[Socket] = set()  # their packets leave by a way that no answer finds
        self.mute: set[Socket] = set()  # their packets are lost, but not those of the servers to them
        self._ports: dict[tuple[Socket, Endpoint | None], int] = {}
        self._number = itertools.count(40001)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.ground = Ground(settings or Settings(), servers(*urls), draw=draw())
        self.ground.set_addresses(addresses, self.now)

    # What the tests do.

    def gather(self, **options: Any) -> list[Said]:
        """Gather until done."""
        before = len(self.told)
        self.ground.gather(self.now, **options)
        while self.ground.gathering:
            self.step()
        self.run(0.0)
        return self.since(before)

    def run(self, seconds: float) -> list[Said]:
        """Let time pass; what was told meanwhile."""
        before, until = len(self.told), self.now + seconds
        self._take()
        while (when := self._next()) is not None and when <= until:
            self.step()
        self.now = until
        return self.since(before)

    def step(self) -> None:
        """The next thing that happens."""
        self._take()
        when = self._next()
        assert when is not None, "nothing will happen any more"
        assert when >= self.now - 1e-9, "it is due, and was not done"
        self.now = max(self.now, when)
        if self._queue and self._queue[0][0] <= self.now:
            heapq.heappop(self._queue)[2]()
        else:
            self.ground.handle_timer(self.now)
            deadline = self.ground.deadline
            assert deadline is None or deadline > self.now
        self._take()

    def since(self, before: int) -> list[Said]:
        return [said for _, said in self.told[before:]]

    def rebind(self) -> None:
        """The NAT gives every socket another port from now on; its TCP connections are black holes."""
        self._ports.clear()
        for socket, each in self.open.items():
            if each.transport is not Transport.UDP:
                self._ports[socket, None] = 0

    def set_addresses(self, *addresses: str) -> list[Said]:
        before = len(self.told)
        self.addresses = [Address(address) for address in addresses]
        self.ground.set_addresses(self.addresses, self.now)
        self._take()
        return self.since(before)

    def break_line(self, socket: Socket, why: str = "reset") -> list[Said]:
        before = len(self.told)
        del self.open[socket]
        self.ground.closed(socket, why, self.now)
        self._take()
        return self.since(before)

    def source(self, socket: Socket, remote: Endpoint | None = None) -> Endpoint:
        """Where the servers see a socket."""
        key = (socket, remote if self.symmetric else None)
        if key not in self._ports:
            self._ports[key] = next(self._number) if self.nat else 30000 + socket
        return ("192.0.2.7" if self.nat else HERE, self._ports[key])

    def from_peer(self, data: bytes, relayed: Endpoint, peer: Endpoint = PEER, *, by: Endpoint = TURN) -> None:
        """A peer sends to a relayed address."""
        node = self.nodes[by]
        assert isinstance(node, Relays)
        for source, each in node.allocations.items():
            if each.relayed == relayed and peer[0] in each.peers:
                numbers = [number for number, bound in each.channels.items() if bound == peer]
                packet = channel_data(numbers[0], data) if numbers else arrived(peer, data)
                self._send_back(source, packet, by)

    # The owner of the sockets.

    def _take(self) -> None:
        while item := self.ground.poll():
            match item:
                case Open():
                    self.ever.append(item)
                    self.open[item.socket] = item
                    if item.transport in self.refused:
                        self._later(RTT, lambda it=item: self._refuse(it))  # type: ignore[misc]
                    elif item.transport not in self.stuck and self._passes(item):
                        wait = 0.0 if item.transport is Transport.UDP else RTT
                        wait += RTT if item.transport is Transport.TLS else 0.0
                        self._later(wait, lambda it=item: self._opened(it))  # type: ignore[misc]
                case Close(socket):
                    assert socket not in self.closed
                    self.open.pop(socket, None)
                    self.closed.append(socket)
                case Transmit(socket, data, remote):
                    assert socket in self.open
                    self.sent.append((socket, data))
                    self._send(socket, data, remote)
                case Resolve(name):
                    self._resolve(name)
                case _:
                    self.told.append((self.now, item))

    def _passes(self, item: Open) -> bool:
        return item.transport is Transport.UDP or self.path

    def _resolve(self, name: str) -> None:
        if (found := self.names.get(name, [])) is not None:
            self._later(RTT, lambda: self.ground.resolved(name, found, self.now))

    def _refuse(self, item: Open) -> None:
        if self.open.pop(item.socket, None):
            self.ground.closed(item.socket, self.refused.get(item.transport, "refused"), self.now)

    def _opened(self, item: Open) -> None:
        if item.socket not in self.open:
            return
        wants6 = ":" in (item.local or (item.remote or ("", 0))[0])
        mine = [each.address for each in self.addresses if (":" in each.address) == wants6]
        local = item.local or (mine[0] if mine else None)
        if local is None or local not in mine:
            del self.open[item.socket]
            self.ground.closed(item.socket, "no way there", self.now)
        else:
            self.ground.opened(item.socket, (local, 30000 + item.socket), self.now)

    def _send(self, socket: Socket, data: bytes, remote: Endpoint) -> None:
        node, source = self.nodes.get(remote), self.source(socket, remote)
        if node is None or not self.path or source[1] == 0 or socket in self.mute:
            return
        now = self.now

        def arrive() -> None:
            for packet in node.receive(source, data, now + RTT / 2):
                self._send_back(source, packet, remote)

        self._later(RTT / 2, arrive)

    def _send_back(self, source: Endpoint, data: bytes, remote: Endpoint) -> None:
        if not self.path:
            return

        def arrive() -> None:
            socket = next((key[0] for key, port in self._ports.items() if port == source[1]), None)
            if socket is not None and socket not in self.misled and (opened := self.open.get(socket)):
                said = data if opened.transport is Transport.UDP else padded(data)
                self.answers.append((socket, said, remote))
                self.got += self.ground.receive(said, Path(socket, remote), self.now)

        self._later(RTT / 2, arrive)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), what))

    def _next(self) -> float | None:
        whens = [self._queue[0][0]] if self._queue else []
        if self.ground.deadline is not None:
            whens.append(max(self.ground.deadline, self.now))
        return min(whens, default=None)


def gathered(world: World) -> list[Candidate]:
    return [candidate for _, candidate in world.ground.candidates]


def kinds(world: World) -> list[Type]:
    return [candidate.type for candidate in gathered(world)]
