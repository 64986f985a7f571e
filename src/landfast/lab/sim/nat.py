"""One router's translator of IPv4: which flows get which external endpoint, and who is let in. Pure.

It says in Python what `lab/ruleset.py` says to nft, with the same names; Linux's part is in `tracking.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from landfast.lab.network import Nat, Ports
from landfast.lab.ruleset import GENERATION_PORTS, GENERATIONS
from landfast.lab.sim.packet import UDP, Lost, Packet
from landfast.lab.sim.stack import number
from landfast.lab.sim.tracking import Flow, Flows, Span
from landfast.lab.topology import Routing
from landfast.model.nat import Filtering, Mapping, Pooling

End = tuple[str, int]
_ANY, _ADDRESS_HASH = (1024, 65535), (2000, 61999)
_LOWER, _UPPER = (1024, 32767), (32768, 65535)


class Mappings:
    """External endpoints that are remembered for some seconds, and the inner ones that they stand for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._known: dict[End, tuple[End, float]] = {}

    def inner(self, external: End, now: float) -> End | None:
        """What it stands for; None when it is not remembered any more."""
        found = self._known.get(external)
        return found[0] if found and found[1] > now else None

    def update(self, external: End, inner: End, now: float) -> None:
        """Remember it from now on. One that is remembered keeps what it stands for."""
        self._known[external] = self.inner(external, now) or inner, now + self.seconds


class Translator:
    """The translation of one router. `draw` gives numbers from 0 to 1, 1 excluded; times are seconds."""

    def __init__(self, routing: Routing, nat: Nat, draw: Callable[[], float]) -> None:
        self.nat, self.flows = nat, Flows(nat.udp_timeout, nat.udp_stream_timeout, draw)
        self._routing, self._draw = routing, draw
        self._shift = 32 - routing.lan.prefixlen
        self._lan = int(routing.lan.network_address) >> self._shift
        self._subscribers = {str(address): place for place, address in enumerate(routing.subscribers)}
        self._open = nat.filtering is not Filtering.ADDRESS_AND_PORT_DEPENDENT
        self._only_outbound = nat.refresh == "outbound"
        self.remembers = self._open or self._only_outbound
        """Whether it does more than Linux's tracking does by itself."""
        self._only_spoken_to = nat.filtering is Filtering.ADDRESS_DEPENDENT
        self.become(0, 0)

    def become(self, generation: int, addresses: int) -> None:
        """Use the external ports and addresses of these steps, and forget everything."""
        self.pool = tuple(map(str, self._routing.in_use(addresses)))
        self._generation = generation
        self._block = _block(self.nat, generation)
        self.flows.clear()
        self._maps = [Mappings(self.nat.udp_timeout)]
        if self.nat.udp_stream_timeout > self.nat.udp_timeout:
            self._maps.append(Mappings(self.nat.udp_stream_timeout))
        self._spoken: dict[tuple[str, int, str], float] = {}

    def inwards(self, packet: Packet, now: float, *, lan: bool) -> End | None:
        """Where a packet goes that belongs to no flow: to the inner endpoint that its destination stands for."""
        if not self._open or packet.protocol != UDP or packet.destination not in self.pool:
            return None
        return self._inner((packet.destination, packet.dport), now) if self.nat.hairpin or not lan else None

    def forward(self, packet: Packet, to: End, flow: Flow | None, now: float, *, lan: bool, up: bool) -> Lost | None:
        """Whether the filter lets it through. `to`: where it goes; `flow`: None for a new one."""
        if packet.protocol != UDP:
            return None
        reply = flow is not None and packet.key == flow.reply
        if self._only_spoken_to:
            if up:
                self._spoken[packet.source, packet.sport, to[0]] = now + self.nat.udp_stream_timeout
            if not lan and not (flow and (reply or flow.replied)) and self._spoken.get((*to, packet.source), 0) <= now:
                return Lost.FILTERED
        if self._only_outbound and not lan and flow and (flow.snat if reply else flow.dnat):
            return Lost.EXPIRED if self._inner(_mapping(flow, from_inside=reply)[0], now) is None else None
        return None

    def begin(self, packet: Packet, to: End, now: float, *, up: bool) -> Flow | None:
        """The flow of a packet that has passed and belonged to none; None when there is no port for it."""
        key, source, address = packet.key, packet.source, packet.source
        span, fully_random = None, False
        inside = number(source) >> self._shift == self._lan
        hairpinned = not up and to != (packet.destination, packet.dport) and inside
        if (up and (inside or self.nat.translates == "all")) or (hairpinned and self.nat.hairpin):
            address = self._address(source)
            if packet.protocol == UDP:
                span, fully_random = self._ports(packet, to)
        # Also of what is not translated: a stranger that is asked already takes another port here.
        towards = (key[0], source, packet.sport, *to)
        port = self.flows.port(towards, address, span, now, fully_random=fully_random)
        return None if port is None else self.flows.add(key, (key[0], *to, address, port), now)

    def remember(self, flow: Flow, now: float, *, reply: bool, lan: bool, up: bool) -> None:
        """A packet of a flow has passed: what its external endpoint stands for."""
        if not self.remembers or flow.original[0] != UDP:
            return
        outwards = up and (flow.dnat if reply else flow.snat)
        inwards = not lan and not self._only_outbound and (flow.snat if reply else flow.dnat)
        if outwards or inwards:
            external, inner = _mapping(flow, from_inside=outwards != reply)
            for known in self._maps if flow.assured else self._maps[:1]:
                known.update(external, inner, now)

    def _inner(self, external: End, now: float) -> End | None:
        return next((inner for known in self._maps if (inner := known.inner(external, now))), None)

    def _address(self, source: str) -> str:
        if self.nat.pooling is Pooling.ARBITRARY:
            return self.pool[int(self._draw() * len(self.pool))]
        return self.pool[self._subscribers.get(source, 0) % len(self.pool)]

    def _ports(self, packet: Packet, to: End) -> tuple[Span | None, bool]:
        """The span that the external port is taken from, and whether it is a new one for each flow."""
        if self.nat.mapping is Mapping.ADDRESS_AND_PORT_DEPENDENT:
            return self._block or _ANY, True
        if self.nat.mapping is Mapping.ADDRESS_DEPENDENT:
            low, high = self._block or _ADDRESS_HASH
            port = low + zlib.crc32(f"{packet.source} {packet.sport} {to[0]}".encode()) % (high - low + 1)
            return (port, port), False
        if self._block:
            kept = self._generation and self._block[0] <= packet.sport <= self._block[1]
            return (_block(self.nat, self._generation + GENERATIONS // 2) if kept else self._block), False
        if self.nat.ports is Ports.RANDOM:
            return (_UPPER if _LOWER[0] <= packet.sport <= _LOWER[1] else _LOWER), False
        return None, False


def _mapping(flow: Flow, *, from_inside: bool) -> tuple[End, End]:
    """The endpoint outside that a flow shows, and the inner one (`ruleset._FROM_INSIDE`, `_FROM_OUTSIDE`). What a
    stranger began may be translated at its source, too: who is asked already takes another port."""
    return (flow.reply[3:], flow.original[1:3]) if from_inside else (flow.original[3:], flow.reply[1:3])


def _block(nat: Nat, generation: int) -> Span | None:
    """The external ports of a generation (`ruleset._block`)."""
    if generation:
        first = 4096 + GENERATION_PORTS * (generation % GENERATIONS)
        return first, first + GENERATION_PORTS - 1
    return nat.block
