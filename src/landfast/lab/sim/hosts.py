"""A host and its sockets, with Linux's choice of sources and routes. Pure."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from landfast.lab.network import Bridge
from landfast.lab.sim.packet import UDP, Key, Lost, Packet, readdressed
from landfast.lab.sim.segment import Node, Port
from landfast.lab.sim.stack import Hop, Stack, number
from landfast.lab.sim.streams import Stream, Streams
from landfast.lab.sim.tracking import Flows
from landfast.model.facts import Endpoint

if TYPE_CHECKING:
    from landfast.lab.sim.world import World

_EPHEMERAL = 32768, 60999  # net.ipv4.ip_local_port_range
_ETHERNET = 1500
# nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream.
_UNREPLIED, _STREAM = 30.0, 120.0


class Socket:
    """A UDP socket. `broken` is called when its address has vanished; after that nothing leaves by it."""

    def __init__(self, host: Host, receive: Callable[[bytes, Endpoint], None], address: str, port: int) -> None:
        self.host, self.receive = host, receive
        self.address, self.port = address, port
        self.broken: Callable[[], None] | None = None
        self.closed = False

    @property
    def local(self) -> Endpoint:
        """Where it is bound; 0.0.0.0 stands for every address of both families."""
        return self.address or "0.0.0.0", self.port

    def send(self, data: bytes, to: Endpoint) -> bool:
        """Send a datagram. False: it did not leave the host, for want of a route or of the socket's address."""
        return not self.closed and self.host.send((UDP, self.address, self.port, *to), data)

    def close(self) -> None:
        """Give the port back."""
        if not self.closed:
            self.closed = True
            del self.host.sockets[self.address, self.port]


class Host(Node):
    """A host of the network, or its server."""

    def __init__(self, world: World, name: str, stack: Stack, bridges: Mapping[str, Bridge]) -> None:
        super().__init__(world, name, stack)
        self.ports: dict[str, Port] = {}
        self.sockets: dict[tuple[str, int], Socket] = {}
        self.on_change: list[Callable[[], None]] = []
        """Called after its addresses or routes have changed."""
        self.streams = Streams(self)
        self._narrow: dict[str, int] = {}
        self._masquerades = [
            (face, int(b.address.network.network_address), 32 - b.address.network.prefixlen)
            for face, b in bridges.items()
            if b.masquerade
        ]
        self._flows = Flows(_UNREPLIED, _STREAM, world.draw) if self._masquerades else None

    def addresses(self) -> list[str]:
        """The addresses of all interfaces that are up, those of the default route's first."""
        faces = [*self._egress(), *self.stack.faces]
        return [address for face in dict.fromkeys(faces) for address in self.stack.addresses(face)]

    def default_addresses(self) -> list[str]:
        """The addresses of the interfaces that have the default routes."""
        return [address for face in self._egress() for address in self.stack.addresses(face)]

    def udp(self, receive: Callable[[bytes, Endpoint], None], address: str | None = None, port: int = 0) -> Socket:
        """Open a UDP socket; without an address it hears on all. Raises OSError as bind(2) does."""
        bound = address or ""
        if bound and bound not in self.stack.local:
            raise OSError(errno.EADDRNOTAVAIL, f"{self.name} has no {bound}")
        port = port or self.free_port(bound)
        if (bound, port) in self.sockets:
            raise OSError(errno.EADDRINUSE, f"{bound or '*'}:{port} is taken")
        made = self.sockets[bound, port] = Socket(self, receive, bound, port)
        return made

    def stream(
        self,
        remote: Endpoint,
        *,
        opened: Callable[[], None],
        received: Callable[[bytes], None],
        closed: Callable[[], None],
        tls: bool = False,
        address: str | None = None,
    ) -> Stream:
        """Open a reliable stream. `closed` is called, before this returns never, when it could not be or is gone."""
        source = address or ((hop := self.stack.hop(remote[0])) and hop.source) or ""
        made = self.streams.connect(source, self.free_port(source), remote, tls=tls)
        made.opened, made.received, made.closed = opened, received, closed
        return made

    def free_port(self, address: str) -> int:
        """A port at random that no socket of an address has."""
        low, high = _EPHEMERAL
        while True:
            port = low + int(self.world.draw() * (high - low + 1))
            if (address, port) not in self.sockets and ("", port) not in self.sockets:
                return port

    def become(self, lines: list[str]) -> None:
        """Change addresses, links or routes by lines of `ip -batch`."""
        before = self.stack.local
        self.stack.do(lines)
        self.world.changed()
        for socket in list(self.sockets.values()):
            if socket.address in before and socket.address not in self.stack.local:
                self.world.push(self.world.now, _break, socket, None)
        self.world.push(self.world.now, self._tell, None, None)

    def send(self, key: Key, data: bytes) -> bool:
        """Let a packet leave; an empty source is filled in. False: it did not leave."""
        protocol, source, sport, destination, dport = key
        stack = self.stack
        if destination in stack.local:
            packet = self._packet((protocol, source or destination, sport, destination, dport), data)
            self.world.push(self.world.now + self.world.least, self._take, packet, None)
            return True
        hop = stack.hop(destination, source)
        if hop is None or not (source or hop.source) or (source and source not in stack.local):
            return False
        packet = self._packet((protocol, source or hop.source, sport, destination, dport), data)
        if self._flows:
            packet = self._masqueraded(packet, hop, self._flows)
        self.world.watched(packet, self.name, None)
        if port := self.ports.get(hop.face):
            port.leave(packet, hop.to)
        else:
            self.world.lose(packet, self.name, Lost.NOWHERE)
        return True

    def arrive(self, packet: Packet, port: Port) -> None:
        """A packet comes in from a cable."""
        if not self.stack.faces[port.face].up:
            self.world.lose(packet, self.name, Lost.LINK_DOWN)
        elif packet.source in self.stack.local:
            self.world.lose(packet, self.name, Lost.MARTIAN)
        else:
            self.world.push(self.world.now + self.world.least, self._take, packet, None)

    def narrowed(self, destination: str, mtu: int) -> None:
        """Packet Too Big was heard: from now on longer packets leave in fragments."""
        self._narrow[destination] = mtu

    def _egress(self) -> list[str]:
        faces = (self.stack.default(six=False), self.stack.default(six=True))
        return list(dict.fromkeys(face for face in faces if face))

    def _packet(self, key: Key, data: bytes) -> Packet:
        six = ":" in key[3]
        packet = Packet(self.world.numbered(), self.name, key, data, six, None)
        path = self._narrow.get(key[3], _ETHERNET)
        if packet.length > path:
            packet.piece = path
        return packet

    def _take(self, packet: Packet, _: None) -> None:
        if self._flows and (flow := self._flows.find(packet.key, self.world.now)):
            reply = packet.key == flow.reply
            self._flows.crossed(flow, self.world.now, reply=reply)
            packet = readdressed(packet, flow.backwards if reply else flow.onwards)
        if packet.destination not in self.stack.local:
            self.world.lose(packet, self.name, Lost.NO_ADDRESS)
            return
        if packet.protocol != UDP:
            self.world.watched(packet, self.name, None)
            self.streams.take(packet)
            return
        socket = self.sockets.get((packet.destination, packet.dport)) or self.sockets.get(("", packet.dport))
        if socket is None:
            self.world.lose(packet, self.name, Lost.NO_SOCKET)
            return
        self.world.watched(packet, self.name, None)
        socket.receive(packet.data, (packet.source, packet.sport))

    def _masqueraded(self, packet: Packet, hop: Hop, flows: Flows) -> Packet:
        """Docker's rule: what a bridge's subnet sends by another interface takes that interface's address."""
        if packet.six or packet.protocol != UDP:
            return packet
        now, key = self.world.now, packet.key
        flow = flows.find(key, now)
        if flow:
            flows.crossed(flow, now, reply=key == flow.reply)
        else:
            at, external = number(packet.source), (packet.source, packet.sport)
            if any(hop.face != face and at >> n == net >> n for face, net, n in self._masquerades):
                port = flows.port(key, hop.source, None, now, fully_random=False)
                external = hop.source, port or packet.sport
            flow = flows.add(key, (key[0], *key[3:], *external), now)
        if flow and (flow.snat or flow.dnat):
            return readdressed(packet, flow.backwards if key == flow.reply else flow.onwards)
        return packet

    def _tell(self, _: None, __: None) -> None:
        for told in list(self.on_change):
            told()


def _break(socket: Socket, _: None) -> None:
    if socket.broken and not socket.closed:
        socket.broken()
