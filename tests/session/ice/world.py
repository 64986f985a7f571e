"""A small world for two agents: a clock that is set, addresses, NATs, latency, loss, and faults at chosen moments."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from landfast.model.facts import Endpoint
from landfast.session.ice import events as words
from landfast.session.ice.agent import Agent
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.ground import Address, Server
from landfast.session.ice.settings import Settings
from landfast.wire import ice

ATTACKER = ("198.51.100.66", 666)
CONNECTED = ["checking", "connected", "completed"]
JUNK = b"\x16\xfe\xfd" + bytes(100)

Pass = Callable[[Endpoint, Endpoint, bytes], bool]


@dataclass
class Nat:
    """One mapping for each inner socket, or for each remote too (`symmetric`), which then filters by port."""

    address: str
    symmetric: bool = False
    _next: int = 40000
    _out: dict[tuple[Endpoint, Endpoint | None], Endpoint] = field(default_factory=dict)
    _in: dict[Endpoint, tuple[Endpoint, Endpoint | None]] = field(default_factory=dict)

    def outbound(self, source: Endpoint, remote: Endpoint) -> Endpoint:
        key = (source, remote if self.symmetric else None)
        if key not in self._out:
            self._next += 1
            self._out[key] = (self.address, self._next)
            self._in[self.address, self._next] = key
        return self._out[key]

    def inbound(self, target: Endpoint, remote: Endpoint) -> Endpoint | None:
        inner, only = self._in.get(target, (None, None))
        return inner if only in (None, remote) else None

    def move(self, address: str) -> None:
        """The carrier gives another address, and forgets every mapping."""
        self.address = address
        self._out.clear()
        self._in.clear()


@dataclass
class End:
    """A host with one agent, and what it saw."""

    agent: Agent
    addresses: list[str]
    nat: Nat | None = None
    open: dict[int, Endpoint] = field(default_factory=dict)
    events: list[tuple[float, words.Event]] = field(default_factory=list)
    received: list[tuple[float, bytes]] = field(default_factory=list)
    sent: list[tuple[float, int, Endpoint, bytes]] = field(default_factory=list)
    """When, by which socket, whither, what."""
    signals: list[Candidate | None] = field(default_factory=list)
    _port: int = 50000

    def told(self, kind: type) -> list[words.Event]:
        return [event for _, event in self.events if isinstance(event, kind)]

    @property
    def states(self) -> list[str]:
        return [event.new.value for event in self.told(words.StateChanged) if isinstance(event, words.StateChanged)]

    @property
    def moves(self) -> list[words.Why]:
        return [event.why for event in self.told(words.PairSelected) if isinstance(event, words.PairSelected)]


class World:
    """Two ends, `a` and `b`; `trip` seconds there and back."""

    def __init__(self, seed: int = 0, trip: float = 0.04, loss: float = 0.0) -> None:
        self.now = 100.0
        self.random = random.Random(seed)
        self.trip, self.loss = trip, loss
        self.ends: list[End] = []
        self.passes: Pass = lambda _source, _target, _data: True
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def end(
        self,
        address: str | list[str],
        *,
        controlling: bool,
        nat: Nat | None = None,
        settings: Settings | None = None,
        servers: Sequence[Server] = (),
    ) -> End:
        addresses = [address] if isinstance(address, str) else address
        agent = Agent(settings, controlling=controlling, servers=servers, draw=self.random.randbytes)
        end = End(agent, addresses, nat)
        self.ends.append(end)
        return end

    # Time.

    def at(self, when: float, do: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, do))

    def after(self, wait: float, do: Callable[[], None]) -> None:
        self.at(self.now + wait, do)

    def run(self, seconds: float) -> None:
        until, turns = self.now + seconds, 0
        while True:
            for end in self.ends:
                self.drain(end)
            soonest = min([end.agent.deadline for end in self.ends if end.agent.deadline is not None], default=until)
            due = min(soonest, self._heap[0][0] if self._heap else until)
            if due >= until:
                self.now = until
                return
            turns = turns + 1 if due <= self.now else 0
            assert turns < 2000, "an agent whose deadline never lies in the future"
            self.now = max(self.now, due)
            while self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()
            for end in self.ends:
                if end.agent.deadline is not None and end.agent.deadline <= self.now:
                    end.agent.handle_timer(self.now)

    def drain(self, end: End) -> None:
        while (item := end.agent.poll()) is not None:
            match item:
                case words.Open(socket, _, local):
                    end._port += 1
                    local = local or end.addresses[0]
                    if local in end.addresses:
                        end.open[socket] = (local, end._port)
                        end.agent.opened(socket, end.open[socket], self.now)
                    else:
                        end.agent.closed(socket, "no such address", self.now)
                case words.Close(socket):
                    end.open.pop(socket, None)
                case words.Transmit(socket, data, remote):
                    self.transmit(end, socket, remote, data)
                case words.Resolve(name):
                    end.agent.resolved(name, [], self.now)
                case words.Received(data):
                    end.received.append((self.now, data))
                case _:
                    end.events.append((self.now, item))
                    if isinstance(item, words.CandidateGathered):
                        end.signals.append(item.candidate)
                    elif isinstance(item, words.GatheringDone):
                        end.signals.append(None)

    # The wire.

    def transmit(self, end: End, socket: int, remote: Endpoint, data: bytes) -> None:
        end.sent.append((self.now, socket, remote, data))
        local = end.open.get(socket)
        if local is None or local[0] not in end.addresses:
            return
        source = end.nat.outbound(local, remote) if end.nat else local
        self.inject(source, remote, data)

    def inject(self, source: Endpoint, remote: Endpoint, data: bytes) -> None:
        """Put a datagram on the wire, whoever sent it."""
        if self.random.random() < self.loss or not self.passes(source, remote, data):
            return
        self.after(self.trip / 2, lambda: self.arrive(source, remote, data))

    def arrive(self, source: Endpoint, target: Endpoint, data: bytes) -> None:
        for end in self.ends:
            inner = end.nat.inbound(target, source) if end.nat and target[0] == end.nat.address else target
            for socket, local in list(end.open.items()):
                if local == inner and local[0] in end.addresses and (end.nat is None or inner != target):
                    end.agent.receive(data, words.Path(socket, source), self.now)

    # The story.

    def start(self, *, lite: End | None = None) -> None:
        """Gather and exchange descriptions; candidates trickle behind, one trip later."""
        for end in self.ends:
            end.agent.set_addresses([Address(each) for each in end.addresses], self.now)
            end.agent.gather(self.now)
            self.drain(end)
        a, b = self.ends
        for end, peer in ((a, b), (b, a)):
            end.agent.set_remote(peer.agent.local, self.now, lite=peer is lite)
        self.signal()

    def signal(self) -> None:
        a, b = self.ends
        for end, peer in ((a, b), (b, a)):
            self.drain(end)
            signals, end.signals = end.signals, []
            for candidate in signals:
                self.after(self.trip, partial(self.trickle, peer, candidate))

    def trickle(self, end: End, candidate: Candidate | None) -> None:
        end.agent.add_remote_candidate(candidate, self.now)

    def talk(self, seconds: float, every: float = 0.02) -> None:
        """Both ends send numbered data."""
        for end in self.ends:
            for number in range(int(seconds / every)):
                data = b"\x80" + number.to_bytes(4, "big") + bytes(60)
                self.after(number * every, partial(self.say, end, data))

    def say(self, end: End, data: bytes) -> None:
        end.agent.send(data, self.now)

    def cut(self, seconds: float) -> None:
        """Nothing passes for so long."""
        opens, before = self.now + seconds, self.passes
        self.passes = lambda source, target, data: self.now >= opens and before(source, target, data)


def connected(
    *, controlling: bool = True, symmetric: bool = False, seed: int = 0, every: float = 0.02, seconds: float = 10
) -> tuple[World, End, End]:
    """A client behind a NAT and a public peer that talk, a second and a bit after the first packet."""
    world = World(seed=seed)
    a = world.end("10.0.0.1", controlling=controlling, nat=Nat("192.0.2.1", symmetric=symmetric))
    b = world.end("203.0.113.9", controlling=not controlling)
    world.start()
    world.run(2)
    world.talk(seconds, every)
    world.run(1 + world.random.random())
    return world, a, b


def pair_of(world: World, *, controlling: bool = True, nat: bool = True) -> tuple[End, End]:
    """A host behind a NAT, and one with a public address."""
    if nat:
        a = world.end("10.0.0.1", controlling=controlling, nat=Nat("192.0.2.1"))
    else:
        a = world.end("192.0.2.1", controlling=controlling)
    return a, world.end("203.0.113.9", controlling=not controlling)


def restart(world: World, by: End, peer: End) -> None:
    """An offer and its answer, one trip each."""

    def answer() -> None:
        peer.agent.restart(world.now, controlling=False)
        peer.agent.set_remote(by.agent.local, world.now)
        peer.agent.gather(world.now)
        world.after(world.trip, partial(by.agent.set_remote, peer.agent.local, world.now + world.trip))
        world.signal()

    by.agent.restart(world.now, controlling=True)
    by.agent.gather(world.now)
    world.after(world.trip, answer)
    world.signal()


def outside(a: End) -> Endpoint:
    """Where the peer sees the client."""
    assert a.agent.selected is not None
    return a.agent.selected.local.endpoint


def gap(end: End, since: float, until: float) -> float:
    """The longest time without data within."""
    times = [since, *(when for when, _ in end.received if since <= when <= until), until]
    return max(later - earlier for earlier, later in pairwise(times))


def checks(end: End) -> list[tuple[float, Endpoint, ice.Check]]:
    """The checks that an end has sent."""
    found = []
    for when, _, remote, data in end.sent:
        read = ice.parse(data)
        if isinstance(read, ice.Check):
            found.append((when, remote, read))
    return found


def is_data(data: bytes) -> bool:
    return data[0] > 3
