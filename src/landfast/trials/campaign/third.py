"""A third host: junk, copies, answers of its own making. It forges no source address, and sees what is on the wire.

What it hears at the port by which it pretends to be one side, it forwards to that side; data it swallows.
"""

from __future__ import annotations

from functools import partial
from random import Random

from landfast.lab.sim.hosts import Socket
from landfast.lab.sim.packet import Packet
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.trials.campaign.history import Fault, Name, Trick, other
from landfast.trials.campaign.ledger import Kind, kind
from landfast.trials.campaign.networks import THIRD
from landfast.wire import ice

TRICKS = frozenset({Trick.JUNK, Trick.NAG, Trick.COPY, Trick.FORGE, Trick.CROSS, Trick.WHISPER})
JUNK_EVERY, JUNK_PORTS = 0.005, 64
"""Seconds between two packets of junk, and from how many ports."""
_WHISPERS = 0.05  # seconds between two repetitions of a check
_REMEMBERED = 8  # checks


class Third:
    """`later`: seconds until a copy leaves. `left` and `reached` are called with each packet that does so at a side."""

    def __init__(self, world: World, seed: int, later: float) -> None:
        self._later = later
        self._world, self._random = world, Random(seed)  # noqa: S311 -- a game that can be repeated, no secret
        self.host = world.hosts[THIRD]
        self.addresses = frozenset(self.host.addresses())
        self.at: dict[Name, Endpoint] = {}
        self._as: dict[tuple[Name, bool], Socket] = {}
        self._over: list[Fault] = []
        self._checks: list[tuple[Endpoint, bytes]] = []

    def begin(self, fault: Fault) -> None:
        """Do it for as long as it lasts."""
        self._over.append(fault)
        self._world.push(self._world.now + fault.lasts, self._end, fault, None)
        if fault.what in (Trick.JUNK, Trick.NAG):
            count = JUNK_PORTS if fault.what is Trick.JUNK else 1
            ports = [self.host.udp(_ignore, self._address()) for _ in range(count)]
            self._junk(fault, ports)
        elif fault.what is Trick.WHISPER:
            self._whisper(fault, self.host.udp(_ignore, self._address()))

    def left(self, packet: Packet, name: Name) -> None:
        """A packet of a side's leaves it."""
        data, to = packet.data, (packet.destination, packet.dport)
        if kind(data) is Kind.CHECK:
            self._checks = [*self._checks[-_REMEMBERED:], (to, data)]
        if any(fault.on == name and fault.what in (Trick.COPY, Trick.FORGE, Trick.CROSS) for fault in self._over):
            self._world.push(self._world.now + self._later, self._copy, name, (data, to))

    def reached(self, packet: Packet, name: Name) -> None:
        """A packet has come to a side: that is where the other was seen."""
        if packet.origin == other(name):
            self.at[other(name)] = packet.source, packet.sport

    def _address(self) -> str:
        return next(address for address in self.host.addresses() if ":" not in address)

    def _copy(self, name: Name, packet: tuple[bytes, Endpoint]) -> None:
        self._port(name).send(*packet)

    def _port(self, name: Name, second: bool = False) -> Socket:
        """The socket by which it pretends to be a side."""
        known = self._as.get((name, second))
        if known is None:
            hear = partial(self._heard, name)
            known = self._as[name, second] = self.host.udp(hear, self._address())
        return known

    def _heard(self, name: Name, data: bytes, source: Endpoint) -> None:
        """Somebody answers to what it said in a side's name."""
        what = kind(data)
        tricks = {fault.what for fault in self._over}
        if what is Kind.DATA:
            return
        if Trick.FORGE in tricks and what is Kind.CHECK:
            self._port(name).send(_forged(data, source), source)
        elif tricks & {Trick.COPY, Trick.CROSS} and (to := self.at.get(name)):
            crossed = Trick.CROSS in tricks and what is not Kind.CHECK
            self._port(other(name), crossed).send(data, to)

    def _junk(self, fault: Fault, ports: list[Socket]) -> None:
        if fault not in self._over:
            for port in ports:
                port.close()
            return
        if to := self.at.get(fault.on):
            size = self._random.choice((1, 20, 60, 1200))
            self._random.choice(ports).send(b"\x17" + self._random.randbytes(size), to)
        self._world.call_at(self._world.now + JUNK_EVERY, lambda: self._junk(fault, ports))

    def _whisper(self, fault: Fault, port: Socket) -> None:
        if fault not in self._over:
            port.close()
            return
        if self._checks:
            to, data = self._random.choice(self._checks)
            port.send(data, to)
        self._world.call_at(self._world.now + _WHISPERS, lambda: self._whisper(fault, port))

    def _end(self, fault: Fault, _: None) -> None:
        self._over.remove(fault)


def _forged(check: bytes, source: Endpoint) -> bytes:
    """An answer as anybody can make it: right but for its signature."""
    read = ice.parse(check)
    assert isinstance(read, ice.Check)
    return ice.success(read, source, "not the password of anybody")


def _ignore(_: bytes, __: Endpoint) -> None:
    pass
