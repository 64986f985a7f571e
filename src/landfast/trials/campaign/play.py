"""A history is played: two players, their application, a third host, faults at their times, and what must hold.

    violations = play(history).violations

Deterministic. What an agent or the simulation raises is a violation too.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from landfast.lab.network import ENDING, ON_HOSTS
from landfast.lab.sim.packet import UDP, Lost, Packet
from landfast.lab.sim.relays import Allocation
from landfast.lab.sim.streams import Stream
from landfast.lab.sim.world import World
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import CandidateGathered, Event, Received, Transport
from landfast.session.ice.ground import Server
from landfast.session.ice.settings import Settings
from landfast.trials.campaign.application import Application
from landfast.trials.campaign.ended import Owned, leftovers
from landfast.trials.campaign.flows import Flows
from landfast.trials.campaign.history import NAMES, Fault, History, Name, Side, Trick, other
from landfast.trials.campaign.invariants import Invariants, Sent, Violation
from landfast.trials.campaign.ledger import Kind, Ledger, carried, fragments, kind
from landfast.trials.campaign.networks import border, network
from landfast.trials.campaign.passable import Oracle
from landfast.trials.campaign.player import Player, Watch
from landfast.trials.campaign.signalling import Signalling
from landfast.trials.campaign.third import TRICKS, Third
from landfast.wire import stun
from landfast.wire.turn import Credential
from landfast.wire.turn.messages import MOBILITY_TICKET

LOOK = 0.5
"""Seconds between two looks at what no packet tells."""
AFTERWARDS = 3.0
"""Seconds after both sides have closed until nothing may be left: a release has 2 s (ground/releases.py)."""
_MOST = 20  # violations of one history
_STORM = 5000  # datagrams of both sides between two looks
_PORTS = {Transport.UDP: 3478, Transport.TCP: 3478, Transport.TLS: 5349}
_ASKED = frozenset(_PORTS.values())


@dataclass(frozen=True)
class Result:
    """What came of one."""

    violations: tuple[Violation, ...]
    recoveries: tuple[float, ...]
    """Seconds from the end of a fault to data both ways again, of each that had interrupted it."""
    packets: int
    connected: bool

    @property
    def named(self) -> frozenset[str]:
        """The names of what was violated."""
        return frozenset(each.named for each in self.violations)


def play(history: History) -> Result:
    """Play it to its end."""
    return _Play(history).run()


class _Enough(Exception):
    """It is clear that something is wrong."""


class _Storm(Exception):
    """Packets without end: the time does not move on."""


class _Play:
    def __init__(self, history: History) -> None:
        self.history = history
        self.violations: list[Violation] = []
        self.world = world = World(network(history), seed=history.seed)
        world.server.relays.mobility, world.server.relays.quota = history.mobility, history.quota
        self.ledgers: dict[Name, Ledger] = {name: Ledger() for name in NAMES}
        self.invariants = Invariants(self.ledgers, self._blame)
        self.players: dict[Name, Player] = {name: self._player(name) for name in NAMES}
        self.owned = {name: Owned(player, self.ledgers[name]) for name, player in self.players.items()}
        self.signalling = Signalling(world, history.signalling_ms / 1000, self._welcomed)
        self.signalling.connect(self.players["robot"], self.players["operator"])
        self.application = Application(world, history.traffic, self.players)
        self.oracle = oracle = Oracle(world, history, self.players, self.ledgers)
        trip = 2 * (_delay(history.robot) + _delay(history.operator))
        self.flows = Flows(history.traffic, self.application.ears, oracle, self._blame, trip)
        self.third = Third(world, history.seed, history.third_ms / 1000)
        self._tricks = any(fault.what in TRICKS for fault in history.faults)
        # Loss and faults let a path miss its turn, and then a copy may be followed for a while (RFC 9000, 9.3.2).
        calm = all(fault.what in TRICKS for fault in history.faults)
        whole = not any(up.loss for side in map(history.side, NAMES) for up in (side.uplink, side.second) if up)
        self.invariants.astray.third = self.third.addresses if calm and whole else frozenset()
        self._sent = 0
        self._checks: dict[bytes, float] = {}  # by their number, when they left for a relay
        self._server = frozenset(world.server.addresses)
        self._relayed: dict[Endpoint, Name] = {}
        self._relays = any(history.side(name).relays for name in NAMES)
        if self._relays or self._tricks:
            world.watchers.append(self._passed)

    def run(self) -> Result:
        world, history = self.world, self.history
        try:
            self.signalling.begin()
            self.application.begin()
            for fault in history.faults:
                world.push(fault.at, self._happen, fault, None)
            while (world.now < history.lasts or self.flows.open) and not self.violations:
                world.run(world.now + LOOK)
                self._look()
            if not self.violations:
                self._end()
        except _Enough:
            pass
        except Exception:  # noqa: BLE001 -- whatever an agent raises is what is looked for
            self.violations.append(Violation("raised", world.now, "", traceback.format_exc(limit=-6)))
        return Result(tuple(self.violations), tuple(self.flows.recoveries), world.numbered(), self.flows.connected)

    def _look(self) -> None:
        now, self._sent = self.world.now, 0
        for name in NAMES:
            self.invariants.consent.lapse(name, now)
            for words in self.owned[name].stale(now):
                self._blame("left behind", name, words)
        self.flows.look(now)

    def _end(self) -> None:
        """Both close; what is left then has outlived its owner."""
        self.application.stopped = True
        owed = {name: self._owed(name) for name in NAMES}
        for player in self.players.values():
            player.close()
        self.world.run(self.world.now + AFTERWARDS)
        for name, player in self.players.items():
            for words in leftovers(player, owed[name] & self.world.server.relays.allocations):
                self._blame("left behind", name, words)

    def _owed(self, name: Name) -> set[Allocation]:
        """What a side must give back to the relay: what one packet can, since closing waits for no answer."""
        side = self.history.side(name)
        uplinks = [uplink for uplink in (side.uplink, side.second) if uplink]
        if any(uplink.loss for uplink in uplinks):
            return set()
        # A NAT that forgets a relay at rest may do so just before the packet is there.
        kept = all(uplink.timeout > Settings().keep for uplink in uplinks)
        return {
            each
            for each in self.oracle.allocations(name)
            if self.oracle.is_heard(each, name) and (kept or isinstance(each.line.key, Stream))
        }

    # Who plays.

    def _player(self, name: Name) -> Player:
        history, side = self.history, self.history.side(name)
        return Player(
            self.world,
            name,
            _Watch(self, name),
            controlling=history.controlling == name,
            servers=_servers(side),
            settings=Settings(relay_only=side.relay_only),
            all_addresses=side.all_addresses,
            seed=2 * history.seed + (name == "operator"),
        )

    # What happens.

    def _happen(self, fault: Fault, _: None) -> None:
        self.flows.disturbed(self.world.now, fault.lasts)
        what, on, lasts = fault.what, fault.on, fault.lasts or None
        if what is Trick.RESTART:
            self.signalling.restart(self.players[on])
        elif what is Trick.MUTE:
            self.signalling.mute(fault.lasts)
        elif isinstance(what, Trick):
            self.third.begin(fault)
        else:
            place = on if what in ON_HOSTS else border(on, self.history.side(on).uplink)
            if place and self.world.network.may(what, place):
                self.world.happen(what, place, lasts if what in ENDING else None)

    # What is seen.

    def sent(self, name: Name, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        """A datagram left a socket of a side's."""
        self._sent += 1
        if self._sent > _STORM:
            raise _Storm(f"more than {_STORM} datagrams in {LOOK} s")
        asks_server = remote[0] in self._server and remote[1] in _ASKED
        for_peer = carried(data) if asks_server else None
        what = kind(data if for_peer is None else for_peer)
        if what is not Kind.DATA:
            self.invariants.outage.left(name, len(data), self.world.now)
        if what is Kind.CHECK and for_peer:
            self._checks[for_peer[8:20]] = self.world.now
        if what is Kind.CHECK and not (asks_server and data[0] < 0x40):
            self.invariants.checks.left(name, self.world.now)
        if not asks_server:
            self._note(name, local, remote, data, what)

    def _note(self, name: Name, local: Endpoint, remote: Endpoint, data: bytes, what: Kind) -> None:
        ledger, now = self.ledgers[name], self.world.now
        way = ledger.way(local, remote)
        by = ledger.sent(way, data, what, now)
        said = self.application.said(data) if what is Kind.DATA else self._checks.pop(data[8:20], now)
        self.invariants.sent(Sent(name, way, what, len(data), by, now, said))

    def heard(self, name: Name, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        """A datagram came to a socket of a side's."""
        ledger, what = self.ledgers[name], kind(data)
        ledger.heard(ledger.way(local, remote), data, what, self.world.now)
        asked = remote[0] in self._server and remote[1] in _ASKED
        if not asked:
            return
        ledger.delivered(data, self.world.now)
        if what is Kind.ELSE and (ticket := stun.attribute(data, MOBILITY_TICKET)):
            ledger.tickets.add(ticket)

    def streamed(self, name: Name, data: bytes) -> None:
        """Bytes came from a relay by a stream: a segment is a message, or a part of one that is longer."""
        self.ledgers[name].delivered(data, self.world.now)

    def told(self, name: Name, event: Event) -> None:
        """A side's agent said something."""
        if isinstance(event, Received):
            if self.application.heard(name, event.data):
                self.invariants.outage.heard(name)
            return
        ledger, player = self.ledgers[name], self.players[name]
        local = player.agent.local
        if local.ufrag not in ledger.own:
            ledger.own[local.ufrag] = local.password
            self.ledgers[other(name)].passwords[local.ufrag] = local.password
        if isinstance(event, CandidateGathered) and event.candidate.type is Type.RELAYED:
            self._owns(name, event.candidate.endpoint)
        self.owned[name].told(event, self.world.now)
        self.invariants.told(name, event, self.world.now)
        self.signalling.told(player, event)

    def _welcomed(self, player: Player, candidate: Candidate) -> None:
        self.ledgers["robot" if player is self.players["robot"] else "operator"].signalled.add(candidate.endpoint)

    def _passed(self, packet: Packet, place: str, why: Lost | None) -> None:
        """Each packet where it leaves and where it ends; of interest is what relays carry and what a third may see."""
        if why is not None or packet.protocol != UDP:
            return
        if self._relays and (place == "server" or packet.origin == "server"):
            self._by_relay(packet, place)
        if self._tricks:
            name: Name
            for name in NAMES:
                if place == name:
                    if packet.origin == name:
                        self.third.left(packet, name)
                    else:
                        self.third.reached(packet, name)

    def _by_relay(self, packet: Packet, place: str) -> None:
        if place != "server":
            return
        source, to, what = (packet.source, packet.sport), (packet.destination, packet.dport), kind(packet.data)
        if packet.origin == "server" and what is Kind.CHECK:
            self._left_early(source, packet.data)
        if packet.origin == "server" and (name := self._owner(source)):
            self._note(name, source, to, packet.data, what)
        if name := self._owner(to):
            ledger = self.ledgers[name]
            if what is Kind.YES or what is Kind.NO:
                ledger.reached_relay(ledger.way(to, source), packet.data)
            else:
                ledger.heard(ledger.way(to, source), packet.data, what, self.world.now)

    def _left_early(self, relayed: Endpoint, check: bytes) -> None:
        """A check says whose relayed address it leaves from, which may be before its owner has heard of that."""
        _, by = fragments(check)
        for name in NAMES:
            if by in self.ledgers[name].own and relayed not in self._relayed:
                self._owns(name, relayed)

    def _owner(self, relayed: Endpoint) -> Name | None:
        """Whose relayed address it is: one that stands in for another is never told."""
        if relayed[0] in self._server and relayed[1] not in _ASKED and relayed not in self._relayed:
            for name, player in self.players.items():
                if any(candidate.endpoint == relayed for candidate in player.agent.local_candidates):
                    self._owns(name, relayed)
        if self._tricks and relayed in self._relayed and self.oracle.is_stolen(relayed):
            return None
        return self._relayed.get(relayed)

    def _owns(self, name: Name, relayed: Endpoint) -> None:
        self.ledgers[name].relayed.add(relayed)
        self._relayed[relayed] = name

    def _blame(self, named: str, on: str, words: str) -> None:
        self.violations.append(Violation(named, self.world.now, on, words))
        if len(self.violations) >= _MOST:
            raise _Enough


class _Watch(Watch):
    def __init__(self, play: _Play, name: Name) -> None:
        self.play, self.name = play, name

    def sent(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        self.play.sent(self.name, local, remote, data)

    def heard(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        self.play.heard(self.name, local, remote, data)

    def streamed(self, data: bytes) -> None:
        self.play.streamed(self.name, data)

    def opened(self) -> None:
        self.play.invariants.sockets.opened(self.name, self.play.world.now)

    def told(self, event: Event) -> None:
        self.play.told(self.name, event)


def _delay(side: Side) -> float:
    """Of its slowest uplink, one way; seconds."""
    return max(uplink.delay_ms for uplink in (side.uplink, side.second) if uplink) / 1000


def _servers(side: Side) -> list[Server]:
    """A STUN server, and the relay by each transport."""
    host, credential = str(SERVER_ADDRESSES[0]), Credential("landfast", "laboratory")
    servers = [Server(f"stun:{host}", "stun", host, _PORTS[Transport.UDP])]
    for transport in side.relays:
        scheme = "turns" if transport is Transport.TLS else "turn"
        url = f"{scheme}:{host}?transport={'udp' if transport is Transport.UDP else 'tcp'}"
        servers.append(Server(url, "turn", host, _PORTS[transport], transport, credential))
    return servers
