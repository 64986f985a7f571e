"""A network that is played: `World(network)` has its hosts, its servers and a clock that only `run` moves. Pure.

    world = World(parse.profile("cgnat"), seed=1)
    socket = world.host("robot").udp(receive)
    socket.send(b"…", world.server.endpoint)
    world.run(until=10.0)

The same network, seed and calls give the same history.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from landfast.lab import topology
from landfast.lab.network import INTERNET, NOWHERE, SERVER, Event, Link, Network, Occasion
from landfast.lab.sim.cables import Way
from landfast.lab.sim.happening import Happening
from landfast.lab.sim.hosts import Host
from landfast.lab.sim.packet import Lost, Packet
from landfast.lab.sim.router import Forwarder, Router
from landfast.lab.sim.segment import Node, Port, Segment
from landfast.lab.sim.servers import Server
from landfast.lab.sim.stack import Stack

Watcher = Callable[[Packet, str, Lost | None], None]
"""Told of each packet when it leaves a host (the place is its origin), and where it ends: with why when it is lost."""


class Timer:
    """A call that is due; `cancel` it as often as you like."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback

    def cancel(self) -> None:
        """It will not be called."""
        self.callback = None


class World:
    """A network at `now`, in seconds since it stands."""

    least = 20e-6
    """What a packet takes over the shortest way, in seconds: so time moves on whatever two hosts do to each other."""

    def __init__(self, network: Network, *, seed: int = 0) -> None:
        self.network, self.plan = network, topology.plan(network)
        self.now = 0.0
        self.draw = random.Random(seed).random  # noqa: S311 -- a game that can be repeated, no secret
        self.watchers: list[Watcher] = []
        self._due: list[tuple[float, int, Callable[[Any, Any], None], Any, Any]] = []
        self._serial = self._packets = 0
        stacks = {name: Stack(place.lines) for name, place in self.plan.places.items() if name != NOWHERE}
        self.internet = Forwarder(self, INTERNET, stacks[INTERNET])
        self.routers = {name: Router(self, stacks[name], routing) for name, routing in self.plan.routings.items()}
        self.hosts = {name: Host(self, name, stacks[name], host.bridges) for name, host in network.hosts.items()}
        self.hosts[SERVER] = Host(self, SERVER, stacks[SERVER], {})
        self._segments = {INTERNET: self.internet.lan, **{name: router.lan for name, router in self.routers.items()}}
        for cable in self.plan.cables:
            if cable.far[0] in self._segments:
                self._connect(cable.near, self._segments[cable.far[0]], cable.link)
        self.server = Server(self.hosts[SERVER])
        self.happening = Happening(self)

    def host(self, name: str) -> Host:
        """A host, or the server. Raises KeyError."""
        return self.hosts[name]

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call when it is time; at once, but not before this returns, when that is past."""
        timer = Timer(callback)
        self.push(when, _ring, timer, None)
        return timer

    def run(self, until: float) -> None:
        """Let everything happen that is due by then."""
        due = self._due
        while due and due[0][0] <= until:
            when, _, what, one, other = heappop(due)
            self.now = max(self.now, when)
            what(one, other)
        self.now = max(self.now, until)

    def step(self) -> bool:
        """Let the next thing happen; False when nothing is due any more."""
        if not self._due:
            return False
        when, _, what, one, other = heappop(self._due)
        self.now = max(self.now, when)
        what(one, other)
        return True

    def happen(self, what: Occasion, on: str, lasts: float | None = None) -> None:
        """Let an event happen now. Raises ValueError for one that the network cannot have."""
        self.happening.happen(Event(what=what, on=on, lasts=lasts))

    # For the places.

    def push(self, when: float, what: Callable[[Any, Any], None], one: object, other: object) -> None:
        """Call `what(one, other)` when it is time; what is due at the same time happens in the order of the calls."""
        self._serial += 1
        heappush(self._due, (when, self._serial, what, one, other))

    def numbered(self) -> int:
        """The number of the next packet."""
        self._packets += 1
        return self._packets

    def changed(self) -> None:
        """Somebody's addresses or links are others now."""
        for segment in self._segments.values():
            segment.changed()

    def watched(self, packet: Packet, place: str, why: Lost | None) -> None:
        """Tell the watchers."""
        for watcher in self.watchers:
            watcher(packet, place, why)

    def lose(self, packet: Packet, place: str, why: Lost) -> None:
        """A packet ends before it arrives."""
        if self.watchers:
            self.watched(packet, place, why)

    def too_long(self, packet: Packet, mtu: int) -> None:
        """Packet Too Big, to whoever sent it."""
        self.hosts[packet.origin].narrowed(packet.aimed, mtu)

    def _connect(self, near: tuple[str, str], segment: Segment, link: Link) -> None:
        name, face = near
        node: Node = self.routers[name] if name in self.routers else self.hosts[name]
        port = Port(node, face, Way(link, self.draw), Way(link, self.draw), segment)
        segment.ports.append(port)
        if isinstance(node, Router):
            node.uplink = port
        else:
            self.hosts[name].ports[face] = port


def _ring(timer: Timer, _: None) -> None:
    if timer.callback:
        timer.callback()
