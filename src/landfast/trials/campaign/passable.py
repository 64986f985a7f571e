"""Whether two agents could find each other at this moment without a word of signalling: read from the played network.

It says yes only where a check of one side's would arrive at the other, and its answer would come back: from an address
of the host's own or from the relay, to an address that the other side has named or last spoke from.
What it cannot be sure of is no: IPv6, the port that a NAT would choose next, and what only a search would find.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from landfast.lab.network import Network
from landfast.lab.sim.hosts import Socket as Datagrams
from landfast.lab.sim.packet import TCP, UDP, Packet
from landfast.lab.sim.relays import Allocation
from landfast.lab.sim.router import Router
from landfast.lab.sim.streams import Stream
from landfast.lab.sim.tracking import Flow, Flows
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.model.nat import Pooling
from landfast.session.ice.events import Transport
from landfast.trials.campaign.history import History, Name, other
from landfast.trials.campaign.ledger import Ledger
from landfast.trials.campaign.networks import THIRD
from landfast.trials.campaign.player import Player

_SOON = 2.0  # seconds: a permission that ends now may be gone before the check is there
_SPARE = 4  # sessions that a budget must have left


@dataclass(frozen=True)
class _Source:
    """Where a check would come from, as the other side sees it. `local` None: of a socket that is not open yet; a port
    of 0 or an address of 0.0.0.0: nobody can tell."""

    local: Endpoint | None
    seen: Endpoint


class Oracle:
    """Of one world."""

    def __init__(
        self, world: World, history: History, players: dict[Name, Player], ledgers: dict[Name, Ledger]
    ) -> None:
        self._world, self._history, self._players, self._ledgers = world, history, players, ledgers
        self._network: Network = world.network
        self._third = frozenset(world.hosts[THIRD].addresses())
        self._server = frozenset((*world.server.addresses, *world.server.addresses6))

    def passable(self) -> bool:
        """Whether a check of at least one side's would be answered."""
        return any(self._reaches(name) for name in self._players)

    def _reaches(self, name: Name) -> bool:
        known = self._known(name)
        return any(self._delivered(source, to, other(name), name) for source, to in self._directly(name, known)) or any(
            self._delivered(source, to, other(name), name) for source, to in self._relayed(name, known)
        )

    def _known(self, name: Name) -> set[Endpoint]:
        """Where the peer may be, as far as this side was told."""
        ledger = self._ledgers[name]
        known = {candidate.endpoint for candidate in self._players[name].agent.remote_candidates}
        if ledger.bearer:
            known.add(ledger.bearer.remote)
        return {to for to in known if ":" not in to[0]}

    # Where it would come from.

    def _directly(self, name: Name, known: set[Endpoint]) -> Iterator[tuple[_Source, Endpoint]]:
        if self._history.side(name).relay_only:
            return
        player = self._players[name]
        sockets = [each.local for each in player.sockets.values() if isinstance(each, Datagrams)]
        for to in known:
            for address in self._addresses(name, to):
                for local in sockets:
                    if local[0] == address and (seen := self._seen(name, local, to)):
                        yield _Source(local, seen), to
                if seen := self._seen(name, (address, 0), to):
                    yield _Source(None, seen), to

    def _relayed(self, name: Name, known: set[Endpoint]) -> Iterator[tuple[_Source, Endpoint]]:
        """By an allocation that stands or moves along, or by a new one: at either address of the server."""
        if not self._can_ask_the_server(name):
            return
        kept = [each for each in self.allocations(name) if self._moves(each, name) or self.is_heard(each, name)]
        sources = [_Source(each.socket.local, each.socket.local) for each in kept]
        for to in known:
            for source in sources:
                yield source, to
            if not sources and self._history.quota is None:
                new = [_Source(None, (address, 0)) for address in self._world.server.addresses]
                if all(self._delivered(source, to, other(name), name) for source in new):
                    yield new[0], to

    def _addresses(self, name: Name, to: Endpoint) -> list[str]:
        """Of IPv4, at home where packets to an endpoint leave, and allowed."""
        stack = self._players[name].host.stack
        hop = stack.hop(to[0])
        allowed = {each.address for each in self._players[name].addresses()}
        return [each for each in stack.addresses(hop.face) if ":" not in each and each in allowed] if hop else []

    def _chain(self, name: Name, to: Endpoint) -> list[Router]:
        """The routers that a host's packets to an endpoint cross, the nearest first."""
        hop = self._players[name].host.stack.hop(to[0])
        via = self._network.hosts[name].interfaces[hop.face].via if hop else None
        return [self._world.routers[router] for router in self._network.path(via)] if via else []

    def _seen(self, name: Name, local: Endpoint, to: Endpoint, protocol: int = UDP) -> Endpoint | None:
        """What a packet's source becomes; None when it does not come out."""
        source = local
        for router in self._chain(name, to):
            blocked = router.weather.udp_blocked or router.declared.udp != "open"
            if router.weather.suspended or (protocol == UDP and blocked):
                return None
            nat = router.nat
            if nat is None:
                continue
            flow = nat.flows.find((protocol, *source, *to), self._world.now) if source[1] else None
            if not self._is_admitted(router, nat.flows, flow):
                return None
            if flow:
                source = flow.reply[3:5]
                continue
            paired = nat.nat.pooling is Pooling.PAIRED and len(nat.pool) == 1
            source = (nat.pool[0] if paired else "0.0.0.0", 0)
        return source

    def _is_admitted(self, router: Router, flows: Flows, flow: Flow | None) -> bool:
        """Whether a router's budget lets a packet of this flow pass, or of a new one. A session without an answer has
        no place of its own once all are taken: with each that Linux refuses, it refuses these, too, for a second at
        most (lab/sim/budget.py), and who finds no way asks by new ones all the time."""
        budget, meter = router.declared.budget, router.meter
        if budget is None or meter is None or (flow and (flow.replied or budget.of != "sessions")):
            return True
        held = max(meter.held(str(each), flows, self._world.now) for each in router.routing.subscribers)
        return held + (1 if flow else _SPARE) <= budget.limit

    # Whether it arrives.

    def _delivered(self, source: _Source, to: Endpoint, name: Name, asker: Name) -> bool:
        """Whether a side's agent would get a check, and its answer would not be forbidden."""
        if source.local and self._lapsed(asker, source.local, to):
            return False
        if to[0] in self._server:
            at = next((each for each in self.allocations(name) if each.socket.local == to), None)
            if at is None or at.permissions.get(source.seen[0], 0.0) < self._world.now + _SOON:
                return False
            ours = self._moves(at, name) or self.is_heard(at, name)
            return ours and not self._lapsed(name, to, source.seen)
        if self._history.side(name).relay_only:
            return False
        inner = self._let_in(name, source.seen, to)
        return (
            inner is not None and self._is_open(name, inner, source.seen) and not self._lapsed(name, inner, source.seen)
        )

    def _let_in(self, name: Name, source: Endpoint, to: Endpoint, protocol: int = UDP) -> Endpoint | None:
        """The host's own endpoint that a packet from the internet reaches."""
        now = self._world.now
        for router in reversed(self._chain(name, source)):
            blocked = router.weather.udp_blocked and protocol == UDP
            if router.weather.suspended or blocked:
                return None
            nat = router.nat
            if nat is None:
                continue
            packet = Packet(0, "", (protocol, *source, *to), b"", False, False)
            flow = nat.flows.find(packet.key, now)
            if flow:
                _, address, port, at, on = flow.backwards if packet.key == flow.reply else flow.onwards
                source, inner = (address, port), (at, on)
            else:
                found = nat.inwards(packet, now, lan=False)
                if found is None:
                    return None
                inner = found
                if nat.flows.find((protocol, *inner, *source), now):
                    source = source[0], 0  # Linux gives it another port, since these two speak by another mapping
            if nat.forward(packet, inner, flow, now, lan=False, up=False):
                return None
            to = inner
        return to

    def _is_open(self, name: Name, local: Endpoint, remote: Endpoint) -> bool:
        is_open = any(each.local == local for each in self._players[name].sockets.values())
        return is_open and local[0] in self._addresses(name, remote)

    def _lapsed(self, name: Name, local: Endpoint, remote: Endpoint) -> bool:
        way = self._ledgers[name].ways.get((local, remote))
        return way is not None and bool(way.lapsed or way.revoked)

    # The relay.

    def _can_ask_the_server(self, name: Name, *, streams: bool = True) -> bool:
        server = (self._world.server.addresses[0], self._world.server.port)
        address, relays = self._addresses(name, server), self._history.side(name).relays
        if not address or not relays:
            return False
        udp = Transport.UDP in relays and self._seen(name, (address[0], 0), server) is not None
        streams = streams and any(each is not Transport.UDP for each in relays)
        return udp or (streams and self._seen(name, (address[0], 0), server, TCP) is not None)

    def _moves(self, allocation: Allocation, name: Name) -> bool:
        """Whether the client holds its ticket, which is a new one after each move: the answer with it may be lost, or
        have gone to a thief. And whether it helps: from one stream to another coturn's do not (ground/clients.py)."""
        held = allocation.ticket in self._ledgers[name].tickets
        return held and self._can_ask_the_server(name, streams=False)

    def allocations(self, name: Name) -> list[Allocation]:
        """Those of a side: what it has told the peer, or sent by."""
        own = self._ledgers[name].relayed
        return [each for each in self._world.server.relays.allocations if each.socket.local in own]

    def is_stolen(self, relayed: Endpoint) -> bool:
        """Whether a third host has moved this allocation away, by a copy of its ticket in time: what goes by it is the
        third's."""
        allocations = self._world.server.relays.allocations
        return any(each.socket.local == relayed and each.line.source[0] in self._third for each in allocations)

    def is_heard(self, allocation: Allocation, name: Name) -> bool:
        """Whether what the relay sends reaches its client."""
        key = allocation.line.key
        server, protocol = (key.local, TCP) if isinstance(key, Stream) else (_first(key), UDP)
        inner = self._let_in(name, server, allocation.line.source, protocol)
        return inner is not None and self._is_open(name, inner, server)


def _first(key: object) -> Endpoint:
    """Of a UDP line: the server's endpoint."""
    assert isinstance(key, tuple)
    return key[0]  # type: ignore[no-any-return]
