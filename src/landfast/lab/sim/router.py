"""A router: what it asks of a packet, in the order of the chains in `lab/ruleset.py`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landfast.lab.gateway import SourcePolicy
from landfast.lab.network import Router as Declared
from landfast.lab.sim.budget import Meter
from landfast.lab.sim.nat import End, Translator
from landfast.lab.sim.packet import TCP, UDP, Lost, Packet, readdressed
from landfast.lab.sim.segment import Owner, Port, Segment
from landfast.lab.sim.stack import Stack, number
from landfast.lab.sim.streams import refusal
from landfast.lab.sim.tracking import Flow, Flows, inverted
from landfast.lab.sim.weather import Weather
from landfast.lab.topology import Routing

if TYPE_CHECKING:
    from landfast.lab.sim.world import World

_DNS = 53
# nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream where nothing else is declared.
_UNREPLIED, _STREAM = 30.0, 120.0


class Forwarder(Owner):
    """Forwards and asks nothing: the internet."""

    def __init__(self, world: World, name: str, stack: Stack) -> None:
        super().__init__(world, name, stack)
        self.lan = Segment(world, self)
        self.uplink: Port | None = None

    def arrive(self, packet: Packet, port: Port) -> None:
        """A packet comes in from the uplink."""
        self.take(packet, False)

    def take(self, packet: Packet, lan: bool) -> None:
        """A packet comes in."""
        if packet.destination in self.stack.local:
            self.world.lose(packet, self.name, Lost.NO_SOCKET)
        elif (hop := self.stack.hop(packet.destination)) is None:
            self.world.lose(packet, self.name, Lost.NO_ROUTE)
        else:
            self._emit(packet, hop.face, hop.to)

    def _emit(self, packet: Packet, face: str, to: str) -> None:
        if face == "lan":
            self.lan.cross(packet, to)
        elif self.uplink:
            self.uplink.leave(packet, to)


class Router(Forwarder):
    """One router of a network. `seen` is called for each packet of its LAN's that is not foreign."""

    def __init__(self, world: World, stack: Stack, routing: Routing) -> None:
        super().__init__(world, routing.name, stack)
        self.routing, self.declared = routing, routing.router
        own: Declared = routing.router
        # What is asked of each packet, to be read without asking the model each time.
        self._mtu, self._udp_is_open, self._checks_paths = own.mtu, own.udp == "open", own.reverse_path_filter
        self._drops_input = own.input == "drop"
        self.nat = Translator(routing, own.nat, world.draw) if own.nat else None
        unreplied, stream = (own.nat.udp_timeout, own.nat.udp_stream_timeout) if own.nat else (_UNREPLIED, _STREAM)
        self._flows6 = Flows(unreplied, stream, world.draw) if own.ipv6 == "on" else None
        subscribers = [str(address) for address in routing.subscribers]
        self.meter = Meter(own.budget, subscribers, stream) if own.budget else None
        self.policy = SourcePolicy(own.gateway, world.now) if own.gateway else None
        self._given = frozenset(subscribers)
        self._prefixes6 = tuple((int(p.network_address) >> 128 - p.prefixlen, p.prefixlen) for p in routing.prefixes6)
        self.weather = Weather()
        self.violations = 0
        """Packets with a foreign source: the carrier's own count."""
        self.generation = self.addresses = 0
        asks = own.budget or own.udp != "open" or own.reverse_path_filter or (self.nat and self.nat.remembers)
        self._only_translates = self.nat.flows if self.nat and not asks else None
        """Flows of a router that asks nothing of a packet that belongs to one: the short way of most packets."""
        self._aging: set[End] = set()

    def become(self, generation: int, addresses: int) -> None:
        """Translate to the ports and addresses of these steps from now on, and forget everything."""
        before, after = self.routing.in_use(self.addresses), self.routing.in_use(addresses)
        self.generation, self.addresses = generation, addresses
        self.stack.do(f"address add {address}/24 dev wan" for address in after if address not in before)
        self.stack.do(f"address del {address}/24 dev wan" for address in before if address not in after)
        if self.nat:
            self.nat.become(generation, addresses)
        if self._flows6:
            self._flows6.clear()
        if self.meter:
            self.meter.clear()
        self.world.changed()

    def take(self, packet: Packet, lan: bool) -> None:
        """A packet comes in."""
        if lan and not self._is_given(packet):
            return
        if self._only_translates and self.weather.clear and packet.length <= self._mtu:
            now, flows, key = self.world.now, self._only_translates, packet.key
            flow = flows.find(key, now)
            if flow and (flow.snat or flow.dnat):
                reply = key == flow.reply
                flows.crossed(flow, now, reply=reply)
                there = readdressed(packet, flow.backwards if reply else flow.onwards)
                self._onwards(there, there.destination)
                return
        if not self.weather.clear and (why := self._over(packet)):
            self.world.lose(packet, self.name, why)
        elif packet.six:
            self._take6(packet, lan)
        elif self.nat:
            self._translate(packet, lan, self.nat)
        elif why := self._passes(packet, lan, packet.destination):
            self.world.lose(packet, self.name, why)
        else:
            self._onwards(packet, packet.destination)

    def _is_given(self, packet: Packet) -> bool:
        """Whether the source is one that was given out; a packet whose is not ends here, and counts."""
        if self.policy is not None:
            if packet.six:
                at = number(packet.source)
                foreign = bool(self._prefixes6) and not any(at >> 128 - n == p for p, n in self._prefixes6)
            else:
                foreign = packet.source not in self._given
            if foreign:
                self.violations += 1
                if not self.weather.suspended and self.policy.violation(self.world.now):
                    self.world.happening.reset(self)
                self.world.lose(packet, self.name, Lost.FOREIGN)
                return False
        if self.world.happening.waiting and not self.weather.suspended:
            self.world.happening.crossed(self, packet)
        return True

    def _over(self, packet: Packet) -> Lost | None:
        if self.weather.suspended:
            return Lost.SUSPENDED
        return Lost.UDP_BLOCKED if self.weather.udp_blocked and packet.protocol == UDP else None

    def _passes(self, packet: Packet, lan: bool, destination: str) -> Lost | None:
        """What is asked of every packet that no budget and no filter has stopped."""
        if packet.source in self.stack.local:
            return Lost.MARTIAN
        if lan and self._checks_paths and not packet.six:
            back = self.stack.hop(packet.source)
            if back is None or back.face != "lan":
                return Lost.REVERSE_PATH
        if destination in self.stack.local:
            unasked = not lan and self._drops_input and packet.protocol == UDP
            return Lost.UNASKED if unasked else Lost.NO_SOCKET
        if packet.length > self._mtu and self._is_too_long(packet):
            return Lost.TOO_LONG
        if not self._udp_is_open and lan and packet.protocol == UDP and packet.dport != _DNS:
            return Lost.UDP_BLOCKED
        return None

    def _is_too_long(self, packet: Packet) -> bool:
        """Of a packet above the MTU. Fragments pass: IPv4's whatever their length, IPv6's when they fit."""
        if not self.declared.mtu_signalled:  # a black hole sees whole packets
            return True
        fits = packet.piece is not None and (not packet.six or packet.piece <= self.declared.mtu)
        if not fits:
            self.world.too_long(packet, self.declared.mtu)
        return not fits

    def _onwards(self, packet: Packet, destination: str) -> None:
        hop = self.stack.hop(destination)
        if hop is None:
            self.world.lose(packet, self.name, Lost.NO_ROUTE)
        else:
            self._emit(packet, hop.face, hop.to)

    def _take6(self, packet: Packet, lan: bool) -> None:
        now, flows = self.world.now, self._flows6
        why = self._passes(packet, lan, packet.destination)
        if why is None and not lan and (self.declared.ipv6 == "one-way" or self.weather.one_way):
            why = Lost.ONE_WAY
        elif flows:
            key = packet.key
            flow = flows.find(key, now)
            # Linux asks for a route's MTU last of all: the flow of what was too long has begun.
            begins = why is None or (why is Lost.TOO_LONG and self.declared.mtu_signalled)
            if flow:
                flows.crossed(flow, now, reply=key == flow.reply)
            elif lan and begins and (flow := flows.add(key, inverted(key), now)):
                self._born(flow)
            if not lan and flow is None:
                why = why or Lost.UNASKED
        if why:
            self.world.lose(packet, self.name, why)
        else:
            self._onwards(packet, packet.destination)

    def _translate(self, packet: Packet, lan: bool, nat: Translator) -> None:
        """IPv4 through the translator."""
        now, key = self.world.now, packet.key
        flow = nat.flows.find(key, now)
        reply = False
        to: End
        if flow:
            reply = key == flow.reply
            nat.flows.crossed(flow, now, reply=reply)
            to = (flow.original if reply else flow.reply)[1:3]
        else:
            to = nat.inwards(packet, now, lan=lan) or (packet.destination, packet.dport)
        hop = self.stack.hop(to[0])
        up = hop is not None and hop.face == "wan"
        why = self._passes(packet, lan, to[0])
        if why is Lost.NO_SOCKET:  # it was let in: conntrack knows it from now on, and its endpoint is taken
            nat.flows.add(key, inverted(key), now)
        if hop is None:
            why = why or Lost.NO_ROUTE
        why = self._metered(packet, lan, up, flow, why)
        why = why or nat.forward(packet, to, flow, now, lan=lan, up=up)
        if why is None and flow is None:
            flow = nat.begin(packet, to, now, up=up)
            if flow:
                self._born(flow)
            else:
                why = Lost.NO_PORT
        if why or flow is None or hop is None:
            self.world.lose(packet, self.name, why or Lost.NO_ROUTE)
            if why is Lost.NO_SOCKET:
                self._refuse(packet)
            return
        nat.remember(flow, now, reply=reply, lan=lan, up=up)
        if flow.snat or flow.dnat:
            packet = readdressed(packet, flow.backwards if reply else flow.onwards)
        self._emit(packet, hop.face, hop.to)

    def _metered(self, packet: Packet, lan: bool, up: bool, flow: Flow | None, why: Lost | None) -> Lost | None:
        """The budget stands before the rule that blocks UDP, and after all others."""
        counts = up and packet.protocol == UDP and why in (None, Lost.UDP_BLOCKED)
        if not (counts and self.meter and self.nat):
            return why
        return why if self.meter.admits(packet, flow, self.nat.flows, self.world.now) else Lost.BUDGET

    def _refuse(self, packet: Packet) -> None:
        """Nobody listens here: TCP's sender is told so, as it is not of UDP."""
        if packet.protocol == TCP and (answer := refusal(packet)):
            key = inverted(packet.key)
            self._onwards(Packet(self.world.numbered(), self.name, key, answer, packet.six, None), key[3])

    def _born(self, flow: Flow) -> None:
        """A flow has begun: all that its endpoint has by then are forgotten at their age."""
        age, (protocol, source, port, *_) = self.declared.nat and self.declared.nat.max_age, flow.original
        if age and protocol == UDP and (source, port) not in self._aging:
            self._aging.add((source, port))
            self.world.push(self.world.now + age, self._forget, source, port)

    def _forget(self, source: str, port: int) -> None:
        self._aging.discard((source, port))
        for flows in (self.nat.flows if self.nat else None, self._flows6):
            if flows:
                flows.forget(source, port)
