"""The same packets through the kernel's laboratory and through the model, and whether they agree on each.

A script is drawn from a seed while it is played. Where a packet goes is said in words that mean the same in both: to a
socket, to where a socket was seen, to a router's external address. Random ports are compared by equality: what is the
same endpoint in one must be the same endpoint in the other.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from landfast import clock
from landfast.lab.lab import Lab
from landfast.lab.network import SERVER, Network
from landfast.lab.sim.hosts import Socket
from landfast.lab.sim.world import World
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import Endpoint

# Of a busy machine; a packet takes microseconds.
_PATIENCE = 5.0
_MARK = 8
# Payloads: short; of 1280 and 1281 bytes with IPv4's headers, the same with IPv6's; a full frame of both.
_LENGTHS = [_MARK] * 8 + [1252, 1253, 1232, 1233, 1472, 1452]


@dataclass(frozen=True)
class At:
    """A socket, by host, address and port."""

    host: str
    address: str
    port: int

    @property
    def six(self) -> bool:
        return ":" in self.address

    @property
    def end(self) -> Endpoint:
        return self.address, self.port


@dataclass(frozen=True)
class Step:
    """One packet: from whom, to an endpoint or to where the n-th sighting was (its port moved), how long."""

    sender: At
    to: Endpoint | int
    shift: int
    length: int

    def __str__(self) -> str:
        to = f"sighting {self.to} + {self.shift}" if isinstance(self.to, int) else f"{self.to[0]}:{self.to[1]}"
        return f"{self.sender.host} {self.sender.address}:{self.sender.port} -> {to}, {self.length} bytes"


@dataclass(frozen=True)
class Fate:
    """Whether a packet left its host, where it came, and from whom."""

    left: bool
    came: At | None = None
    source: Endpoint | None = None


def sockets(world: World) -> list[At]:
    """Where sockets are opened: everywhere that a packet could leave or come."""
    found: list[At] = []
    for name, port in (("robot", 5000), ("operator", 5000)):
        host = world.host(name)
        own = host.default_addresses()
        found += [At(name, address, port) for address in own] + [At(name, own[0], 6000 if name == "operator" else 5001)]
        found += [At(name, address, 5003) for address in host.addresses() if address not in own]
    found.append(At("robot", "0.0.0.0", 5002))
    found += [At(SERVER, str(address), port) for address in SERVER_ADDRESSES for port in (7000, 7001)]
    found += [At(SERVER, str(address), 7000) for address in SERVER_ADDRESSES6]
    return [*found, At(SERVER, str(SERVER_ADDRESSES[0]), 53)]


class Model:
    """The world, spoken to in steps."""

    def __init__(self, world: World, places: list[At]) -> None:
        self.world = world
        self.seen: list[Endpoint] = []
        self._came: list[tuple[At, Endpoint]] = []
        self._sockets = {at: self._open(at) for at in places}

    def _open(self, at: At) -> Socket:
        def receive(_: bytes, source: Endpoint) -> None:
            self._came.append((at, source))

        return self.world.host(at.host).udp(receive, None if at.address == "0.0.0.0" else at.address, at.port)

    def play(self, step: Step) -> Fate:
        self._came.clear()
        left = self._sockets[step.sender].send(bytes(step.length), aimed(step, self.seen))
        self.world.run(self.world.now + 0.001)
        return Fate(left, *self._came[0]) if self._came else Fate(left)


class Kernel:
    """The laboratory, spoken to in steps."""

    def __init__(self) -> None:
        self.seen: list[Endpoint] = []
        self._sockets: dict[At, socket.socket] = {}
        self._came: dict[bytes, tuple[At, Endpoint]] = {}
        self._news = asyncio.Event()
        self._sent = 0

    @classmethod
    async def open(cls, lab: Lab, places: list[At]) -> Kernel:
        made = cls()
        for at in places:
            opened = made._sockets[at] = await lab.host(at.host).udp(at.address, at.port)
            asyncio.get_running_loop().add_reader(opened, made._read, at, opened)
        return made

    def close(self) -> None:
        for opened in self._sockets.values():
            asyncio.get_running_loop().remove_reader(opened)
            opened.close()

    def _read(self, at: At, opened: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                data, source = opened.recvfrom(2048)
                self._came[data[:_MARK]] = at, source[:2]
                self._news.set()

    def send(self, step: Step) -> bytes | None:
        """Send it; its mark, or None when the kernel refuses."""
        self._sent += 1
        mark = self._sent.to_bytes(_MARK, "big")
        try:
            self._sockets[step.sender].sendto(mark.ljust(step.length, b"\0"), aimed(step, self.seen))
        except OSError:
            return None
        return mark

    async def came(self, mark: bytes, seconds: float = _PATIENCE) -> tuple[At, Endpoint] | None:
        """Where it came, when it comes within this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while mark not in self._came:
                    self._news.clear()
                    await self._news.wait()
        return self._came.get(mark)

    async def play(self, step: Step, *, waits: bool) -> Fate:
        mark = self.send(step)
        if mark is None:
            return Fate(False)
        came, source = (await self.came(mark, _PATIENCE if waits else 0)) or (None, None)
        return Fate(True, came, source)

    async def idle(self, seconds: float) -> None:
        """Let time pass, and hear what comes."""
        await self.came(b"", seconds)

    def late(self, marks: dict[bytes, str]) -> list[str]:
        """What came although it was not to come."""
        return [said for mark, said in marks.items() if mark in self._came]


def aimed(step: Step, seen: list[Endpoint]) -> Endpoint:
    """Where a step's packet goes, by the sightings of one side."""
    if not isinstance(step.to, int):
        return step.to
    address, port = seen[step.to]
    return address, port + step.shift


class Script:
    """Draws steps; `sightings` are the senders that were seen so far, and by whom."""

    def __init__(self, world: World, places: list[At], seed: int) -> None:
        self.sightings: list[tuple[At, At]] = []
        self._draw = random.Random(seed)
        self._clients = [at for at in places if at.host != SERVER]
        self._servers = [at for at in places if at.host == SERVER]
        # ICMP about foreign packets violates, too, and the model has none: where somebody counts, they only ask.
        self._only_ask = {
            at
            for at in self._clients
            if at.address not in ("0.0.0.0", *world.host(at.host).default_addresses())
            if any(router.policy for router in world.routers.values())
        }
        self._outside = [str(router.routing.pool[0]) for router in world.routers.values()]

    def steps(self, number: int) -> Iterator[Step]:
        drawn = 0
        while drawn < number:
            if step := self._step():
                drawn += 1
                yield step

    def _step(self) -> Step | None:
        draw = self._draw
        kind = draw.choices(["ask", "answer", "meet", "guess", "direct"], [45, 30, 12, 8, 5])[0]
        sender = draw.choice(self._servers if kind in ("answer", "guess") else self._clients)
        to: Endpoint | int
        shift = 0
        if sender in self._only_ask:
            kind = "ask"
        if kind == "ask":
            to = draw.choice([at for at in self._servers if at.six == sender.six]).end
        elif kind in ("answer", "meet"):
            about = [n for n, (seen, _) in enumerate(self.sightings) if seen.six == sender.six]
            if not about:
                return None
            to, shift = draw.choice(about), draw.choice([0, 0, 0, 1])
        elif kind == "guess":
            if sender.six or not self._outside:
                return None
            to = draw.choice(self._outside), draw.choice([5000, 5001, 6000])
        else:
            others = [at for at in self._clients if at.host != sender.host and at.six == sender.six]
            others = [at for at in others if at.address != "0.0.0.0"]
            if not others:
                return None
            to = draw.choice(others).end
        return Step(sender, to, shift, draw.choice(_LENGTHS))


class Sameness:
    """Which endpoint of the model is which of the kernel."""

    def __init__(self) -> None:
        self._forth: dict[Endpoint, Endpoint] = {}
        self._back: dict[Endpoint, Endpoint] = {}
        self._coincidences = 0

    def holds(self, model: Endpoint | None, kernel: Endpoint | None, local: int) -> bool:
        """Whether these may be the same. A kept port is kept in both.

        Two random ports of the kernel may be the same by chance, once in a hundred networks, and not twice in one.
        """
        if model is None or kernel is None:
            return model == kernel
        if (model[1] == local) != (kernel[1] == local):
            return False
        if self._forth.setdefault(model, kernel) != kernel:
            return False
        if self._back.setdefault(kernel, model) != model:
            self._back[kernel] = model
            self._coincidences += 1
        return self._coincidences < 2


class Agreement:
    """Plays a network in both, step by step."""

    def __init__(self, network: Network, seed: int = 0, ports: frozenset[int] | None = None) -> None:
        self.network = network
        self.world = World(network, seed=seed)
        self.places = [at for at in sockets(self.world) if ports is None or at.port in ports]
        self.script = Script(self.world, self.places, seed)
        self.model: Model
        self.kernel: Kernel
        self.history: list[str] = []
        self.lost: dict[bytes, str] = {}
        self._same = Sameness()
        self._began: float | None = None
        self._arbitrary = any(r.nat and r.nat.pooling == "arbitrary" for r in network.routers.values())

    def catch_up(self) -> None:
        """Let the model's time be the kernel's."""
        self._began = clock.monotonic() - self.world.now if self._began is None else self._began
        self.world.run(max(self.world.now, clock.monotonic() - self._began))

    @property
    def began(self) -> float:
        """When the model's time was 0."""
        self.catch_up()
        assert self._began is not None
        return self._began

    def add(self, more: Iterable[At]) -> None:
        """More sockets."""
        self.places += more

    async def open(self, lab: Lab) -> None:
        """Open the sockets of both."""
        self.model = Model(self.world, self.places)
        self.kernel = await Kernel.open(lab, self.places)

    async def step(self, step: Step) -> bool:
        """Play a step in both; whether it arrived. Raises AssertionError where they do not agree."""
        self.catch_up()
        expected = self.model.play(step)
        fate = await self.kernel.play(step, waits=expected.came is not None)
        self.history.append(f"{step}: {expected.came.address if expected.came else '-'} from {expected.source}")
        agree = (expected.left, expected.came) == (fate.left, fate.came)
        agree = agree and self._same.holds(expected.source, fate.source, step.sender.port)
        if expected.source and fate.source and not self._arbitrary:
            agree = agree and expected.source[0] == fate.source[0]
        assert agree, self._told(f"{step}\n  model  {expected}\n  kernel {fate}")
        if expected.came and expected.source and fate.source:
            self.script.sightings.append((step.sender, expected.came))
            self.model.seen.append(expected.source)
            self.kernel.seen.append(fate.source)
        elif expected.left:
            self.lost[self.kernel._sent.to_bytes(_MARK, "big")] = str(step)
        return expected.came is not None

    async def ask(self, host: str, port: int | None = None, *, foreign: bool = False) -> bool:
        """A host's socket asks the server's first; whether it is heard."""
        own = self.world.host(host).default_addresses()
        mine = [at for at in self.places if at.host == host and not at.six and port in (None, at.port)]
        sender = next(at for at in mine if (at.address not in own) == foreign)
        to = next(at for at in self.places if at.host == SERVER and not at.six)
        return await self.step(Step(sender, to.end, 0, _MARK))

    async def answer(self, sighting: int) -> bool:
        """Who saw it answers the n-th sighting; whether it is heard."""
        return await self.step(Step(self.script.sightings[sighting][1], sighting, 0, _MARK))

    async def random(self, number: int) -> None:
        """Steps at random, until a gateway's count is one below its limit."""
        for step in self.script.steps(number):
            if any(r.policy and r.policy.count + 1 >= r.policy.gateway.limit for r in self.world.routers.values()):
                return
            await self.step(step)

    async def settled(self) -> None:
        """Nothing that was lost has come meanwhile: a packet by each way that is open has come since."""
        for name in ("operator", "robot"):
            await self.ask(name)
        assert self.kernel.late(self.lost) == [], self._told("these came late")

    def _told(self, what: str) -> str:
        return "\n".join([f"{self.network.name}: {what}", "before that:", *self.history[-40:]])
