"""The ground that an agent stands on. Pure.

Its verbs are the agent's wishes; `opened`, `closed`, `resolved`, `receive` and `handle_timer` tell what happens. After
each of them `poll` gives what the owner of the sockets shall do, and what the agent shall know. None of them raises.

A relay is known to the agent by one name, a Socket like any other, whatever sockets or connections it goes by.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence

from landfast.model.facts import Endpoint
from landfast.model.times import earliest
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.events import Command, Path, ServerUnanswered, Socket, Transmit
from landfast.session.ice.ground.addresses import Address, canonical, family
from landfast.session.ice.ground.budgets import Budgets
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.footing import Footing
from landfast.session.ice.ground.hosts import Hosts
from landfast.session.ice.ground.names import Names
from landfast.session.ice.ground.preferences import of_relay
from landfast.session.ice.ground.reflexive import Questions
from landfast.session.ice.ground.relays import Relay
from landfast.session.ice.ground.releases import Releases
from landfast.session.ice.ground.said import GatheringDone, Said
from landfast.session.ice.ground.seeking import Seeking
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.sockets import Sockets
from landfast.session.ice.settings import Settings

_LAST_STUN = 3
"""The greatest first byte of a STUN message that a peer or a server sends to us (RFC 7983, section 7)."""


class Ground:
    """Sockets, STUN servers and relays. `draw(n)` gives n random bytes."""

    def __init__(
        self, settings: Settings, servers: Sequence[Server] = (), *, draw: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._settings, self._servers = settings, tuple(servers)
        self._out: list[Command | Said] = []
        self._addresses: dict[str, Address] = {}
        self._relays: list[Relay] = []
        self._welcomed: dict[Endpoint, None] = {}
        self._candidates, self._budgets = Candidates(), Budgets()
        self._sockets, self._names = Sockets(self._out.append), Names(self._out.append)
        self._releases = Releases(self._sockets)
        self._hosts = Hosts(
            self._sockets, self._candidates, self._names, Questions(draw, settings.rto), self._out.append
        )
        self._footing = Footing(
            settings,
            draw,
            self._sockets,
            self._candidates,
            self._budgets,
            self._releases,
            self._welcomed,
            set(),
            self._out.append,
        )
        self._seeking = Seeking()
        self._begun = self._closed = False
        self._until: float | None = None  # when gathering is over whatever has not answered
        self._late: float | None = None  # when it is told who has not

    # What may be read.

    @property
    def candidates(self) -> list[tuple[Socket, Candidate]]:
        """All that were gathered and are not lost."""
        return self._candidates.all()

    def base(self, socket: Socket) -> Candidate | None:
        """The candidate that packets leave from: of a socket the host candidate, of a relay the relayed one."""
        return self._candidates.base(socket)

    @property
    def gathering(self) -> bool:
        """Whether candidates are waited for."""
        return self._until is not None

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do; None while there is nothing to wait for."""
        whens = [self._until, self._late, self._seeking.deadline, self._hosts.deadline, self._releases.deadline]
        whens += [relay.deadline for relay in self._relays]
        return earliest(whens)

    def poll(self) -> Command | Said | None:
        """The next thing to do or to know; None when there is none."""
        return self._out.pop(0) if self._out else None

    # Verbs.

    def set_addresses(self, addresses: Sequence[Address], now: float) -> None:
        """These are the host's addresses now; after the first gathering, sockets follow them at once."""
        before, self._addresses = self._addresses, {canonical(each.address) or each.address: each for each in addresses}
        self._hosts.addresses = {} if self._settings.relay_only else self._addresses
        if not self._begun or self._closed:
            return
        self._hosts.leave(self._addresses)
        self._hosts.open_missing(now)
        if before.keys() != self._addresses.keys():
            self._move_relays(before.keys() - self._addresses.keys(), now)
        self._settle()

    def set_servers(self, servers: Sequence[Server], now: float) -> None:
        """The next gathering asks these."""
        self._servers = tuple(servers)

    def gather(self, now: float, *, fresh: bool = False) -> None:
        """Ask for candidates: of sockets and allocations that stand, or of `fresh` ones beside them.

        What stands is kept until `drop`; where a server has no room, there is no fresh allocation. STUN servers are
        asked again in either case, since a mapping may have changed.
        """
        if self._closed:
            return
        self._begun, self._until = True, now + self._settings.gathering
        self._late, self._hosts.servers = now + self._settings.unanswered, self._servers
        for server in self._servers:
            self._names.ask(server.host)
        self._hosts.gather(now, fresh=fresh)
        for server in self._servers:
            if server.kind == "turn":
                self._gather_relay(server, now, fresh=fresh)
        self._settle()

    def welcome(self, remote: Endpoint, now: float) -> None:
        """The peer may come from there: every relay lets it through. Harmless twice, and for what is no address."""
        if (address := canonical(remote[0])) and 0 < remote[1] < 1 << 16:
            peer = (address, remote[1])
            self._welcomed[peer] = None
            for relay in self._relays:
                relay.welcome(peer, now)

    def forget(self, remote: Endpoint) -> None:
        """The peer does not come from there."""
        peer = (canonical(remote[0]) or "", remote[1])
        if peer in self._welcomed:
            del self._welcomed[peer]
            for relay in self._relays:
                relay.forget(peer)

    def seek(self, now: float) -> None:
        """There is a peer, and no way to it: relays are asked now and then, until one is `found`."""
        self._seeking.begin(now)

    def found(self) -> None:
        """There is one."""
        self._seeking.end()

    def silent(self, socket: Socket, now: float, *, hurried: bool = True) -> None:
        """Nothing is heard by it. If it is a relay, its server is asked, at most once per settings.repair.

        Of a lost relay: try to have it back, under another name.
        """
        if relay := self._relay(socket):
            self._doubt(relay, now, hurried=hurried)

    def is_deaf(self, socket: Socket, now: float) -> bool:
        """Whether it is a relay whose server does not answer: nothing goes further by it."""
        relay = self._relay(socket)
        return relay is not None and relay.is_deaf(now)

    def replace(self, socket: Socket, now: float, *, urgent: bool = True) -> Socket | None:
        """Another socket at the same address, or another allocation by another socket, beside this one. `urgent`: its
        server is asked as often as may be.

        None where that cannot be had now: the address is gone, or the server has no room.
        """
        if self._closed:
            return None
        if held := self._hosts.get(socket):
            return self._hosts.replace(held, now)
        relay = self._relay(socket)
        if relay is None or not self._budgets.allows(relay.server, now):
            return None
        other = self._new_relay(relay.server)
        other.begin(self._remotes(relay.server), now, hurried=True, urgent=urgent)
        other.telling.promised()
        if other.telling.name is None:
            self._relays.remove(other)
        return other.telling.name

    def drop(self, socket: Socket, now: float) -> None:
        """It is not wanted any more: close it, or give the allocation back. Nothing is told of it."""
        if held := self._hosts.get(socket):
            self._hosts.drop(held)
        elif relay := self._relay(socket):
            self._relays.remove(relay)
            relay.drop(now)
        self._settle()

    def close(self, now: float) -> None:
        """Give every allocation back, as far as one packet does, and close everything at once."""
        if self._closed:
            return
        self._closed, self._until, self._late = True, None, None
        self._seeking.end()
        for relay in self._relays:
            relay.drop(now)
        self._relays.clear()
        self._releases.close()
        self._hosts.close()

    # What the owner tells.

    def resolved(self, name: str, addresses: Sequence[str], now: float) -> None:
        """A name's addresses, the best first; none when it has none."""
        if not self._names.resolved(name, addresses) or self._closed:
            return
        for server in self._servers:
            if server.host != name:
                continue
            if not self._names.of(name):
                self._out.append(ServerUnanswered(server.url, "its name has no address"))
            elif server.kind == "turn":
                self._gather_relay(server, now)
        self._hosts.resolved(now)
        self._settle()

    def opened(self, socket: Socket, local: Endpoint, now: float) -> None:
        """A socket is open; `local` is what it is bound to."""
        bound = (canonical(local[0]) or local[0], local[1])
        held = self._sockets.opened(socket, bound)
        if held is None:
            return
        if socket in self._hosts:
            self._hosts.opened(held, now)
        else:
            for relay in self._relays:
                relay.opened(held, now)
        self._settle()

    def closed(self, socket: Socket, why: str, now: float) -> None:
        """A socket could not be opened, or is broken. It is closed all the same: there is a Close for every Open."""
        held = self._sockets.get(socket)
        if held is None:
            return
        if socket in self._hosts:
            self._hosts.lose(held, why)
        elif relay := next((relay for relay in self._relays if held in relay.lines), None):
            relay.closed(held, why, now)
        else:
            self._releases.closed(held)
        self._settle()

    def receive(self, data: bytes, path: Path, now: float) -> list[tuple[bytes, Path]]:
        """Bytes of a socket: what is for the agent, with where it comes from; the rest was for the ground itself."""
        if path.socket in self._hosts:
            if not data or data[0] > _LAST_STUN:
                return [(data, path)]
            if not self._hosts.receive(path.socket, data):
                return [(data, path)]
            self._settle()
            return []
        held = self._sockets.get(path.socket)
        if held is None or (not held.stream and path.remote != held.remote):
            return []
        self._releases.receive(held, data, now)
        found: list[tuple[bytes, Path]] = []
        for relay in self._relays:
            if held in relay.lines:
                arrived = relay.receive(held, data, now)
                if relay.telling.name is not None:
                    found += [(payload, Path(relay.telling.name, peer)) for peer, payload in arrived]
                self._settle()
        return found

    def transmit(self, data: bytes, path: Path, now: float) -> None:
        """Send to a peer, by a relay with its wrapping. What has no way is dropped."""
        held = self._hosts.get(path.socket)
        if held is None:
            for relay in self._relays:
                if relay.telling.name == path.socket:
                    relay.send(data, path.remote, now)
        elif held.open:
            self._out.append(Transmit(path.socket, data, path.remote))

    def handle_timer(self, now: float) -> None:
        """Do what is due; afterwards `deadline` lies behind `now`."""
        self._hosts.handle_timer(now)
        for relay in self._relays:
            relay.handle_timer(now)
        self._releases.handle_timer(now)
        if self._seeking.due(now):
            self._seek(now)
        self._settle()
        if self._until is not None and now >= self._until:
            self._done()
        if self._late is not None and now >= self._late:
            self._late = None
            self._hosts.late()
            for relay in self._relays:
                relay.late()

    # Relays.

    def _relay(self, socket: Socket) -> Relay | None:
        return next((relay for relay in self._relays if socket in relay.telling.names), None)

    def _new_relay(self, server: Server) -> Relay:
        order = self._servers.index(server) if server in self._servers else len(self._servers)
        self._relays.append(Relay(server, of_relay(server.transport, order), self._footing))
        return self._relays[-1]

    def _gather_relay(self, server: Server, now: float, *, fresh: bool = False) -> None:
        remotes = self._remotes(server)
        if not remotes:
            if self._names.of(server.host):
                self._out.append(ServerUnanswered(server.url, "no address of this host reaches it"))
            return
        known = [relay for relay in self._relays if relay.server == server]
        idle = [relay for relay in known if relay.idle]
        if not self._budgets.allows(server, now) or (known and not idle and not fresh):
            return
        (idle[0] if idle else self._new_relay(server)).begin(remotes, now)

    def _move_relays(self, gone: Collection[str], now: float) -> None:
        """The addresses have changed: leave those that are gone, and try again what had no way so far."""
        for relay in self._relays:
            remotes = self._remotes(relay.server)
            if any(line.source in gone for line in relay.lines):
                relay.leave_address(now, again=bool(remotes))
            else:
                relay.rerouted(now)
                if relay.movable or self._budgets.allows(relay.server, now):
                    relay.begin(remotes, now, hurried=True)
        known = {relay.server for relay in self._relays}
        for server in self._servers:
            if not self._names.of(server.host):
                self._names.ask(server.host)
            elif server.kind == "turn" and server not in known and self._remotes(server):
                self._gather_relay(server, now)

    def _remotes(self, server: Server) -> list[Endpoint]:
        """Where a server is, as far as an address of this host can reach it."""
        families = {address.family for address in self._addresses.values()}
        return [(place, server.port) for place in self._names.of(server.host) if family(place) in families]

    def _seek(self, now: float) -> None:
        """Ask all that stand or are tried, and try one at each server that has none."""
        asked: set[Server] = set()
        for relay in sorted(self._relays, key=lambda relay: relay.idle):
            has_room = relay.movable or self._budgets.allows(relay.server, now)
            if not relay.idle or (has_room and relay.server not in asked):
                asked.add(relay.server)
                self._doubt(relay, now, hurried=False)

    def _doubt(self, relay: Relay, now: float, *, hurried: bool) -> None:
        """Ask its server: less often while another one asks there, and then not at all if nobody waits for it."""
        waits = any(other.asks_for(relay) for other in self._relays)
        if hurried or not waits:
            relay.silent(now, hurried=hurried and not waits)

    # The end of gathering.

    def _settle(self) -> None:
        if self._until is not None and not self._pending():
            self._done()

    def _pending(self) -> bool:
        naming = any(self._names.waits(server.host) for server in self._servers)
        return self._hosts.pending or naming or any(relay.pending for relay in self._relays)

    def _done(self) -> None:
        self._until = None
        self._out.append(GatheringDone())
