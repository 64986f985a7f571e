"""A LAN: the router or internet whose it is, and all cables that end there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landfast.lab.sim.cables import Way
from landfast.lab.sim.packet import Lost, Packet
from landfast.lab.sim.stack import Stack

if TYPE_CHECKING:
    from landfast.lab.sim.world import World


class Node:
    """Whoever stands at the end of a cable."""

    def __init__(self, world: World, name: str, stack: Stack) -> None:
        self.world, self.name, self.stack = world, name, stack

    def arrive(self, packet: Packet, port: Port) -> None:
        """A packet comes in from a cable."""
        raise NotImplementedError


class Owner(Node):
    """A router, or the internet."""

    def take(self, packet: Packet, lan: bool) -> None:
        """A packet comes in from its LAN, or else from its uplink."""
        raise NotImplementedError


class Port:
    """An interface at a cable, with both directions of it and the segment at the other end."""

    __slots__ = ("down", "face", "node", "segment", "up")

    def __init__(self, node: Node, face: str, up: Way, down: Way, segment: Segment) -> None:
        self.node, self.face, self.up, self.down, self.segment = node, face, up, down, segment

    def leave(self, packet: Packet, to: str) -> None:
        """Send a packet through the cable, to the neighbour with this address."""
        world, way = self.segment.world, self.up
        if way.plain:
            self.segment.cross(packet, to)
            return
        when = way.out(packet.length, world.now)
        if isinstance(when, Lost):
            world.lose(packet, self.node.name, when)
        else:
            world.push(when, self.segment.cross, packet, to)


class Segment:
    """Who stands on a LAN, and who has which address there."""

    def __init__(self, world: World, owner: Owner) -> None:
        self.world, self.owner = world, owner
        self.ports: list[Port] = []
        self._known: dict[str, Port | None] = {}

    def cross(self, packet: Packet, to: str) -> None:
        """Carry a packet to the one who has the address `to`."""
        if to in self.owner.stack.local:
            self.owner.take(packet, True)
            return
        try:
            port = self._known[to]
        except KeyError:
            port = self._known[to] = self._find(to)
        if port is None:
            self.world.lose(packet, self.owner.name, Lost.NO_NEIGHBOUR)
            return
        way = port.down
        if way.plain:
            port.node.arrive(packet, port)
            return
        when = way.out(packet.length, self.world.now)
        if isinstance(when, Lost):
            self.world.lose(packet, self.owner.name, when)
        else:
            self.world.push(when, port.node.arrive, packet, port)

    def changed(self) -> None:
        """Somebody's addresses or links are others now."""
        self._known.clear()

    def _find(self, to: str) -> Port | None:
        """Linux answers for any of its addresses at any of its interfaces (arp_ignore 0)."""
        return next((p for p in self.ports if to in p.node.stack.local and p.node.stack.faces[p.face].up), None)
