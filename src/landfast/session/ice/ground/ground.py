"""The ground that an agent stands on. Pure.

Its verbs are the agent's wishes; `opened`, `closed`, `resolved`, `receive` and `handle_timer` tell what happens. After
each of them `poll` gives what the owner of the sockets shall do, and what the agent shall know. None of them raises.

A relay is known to the agent by one name, a Socket like any other, whatever sockets or connections it goes by.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Sequence

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import Command, Path, ServerRefused, ServerUnanswered, Socket, Transmit, Transport
from landfast.session.ice.ground.addresses import Address, canonical, family
from landfast.session.ice.ground.budgets import Budgets
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.names import Names
from landfast.session.ice.ground.preferences import BEST, of_addresses, of_relay
from landfast.session.ice.ground.reflexive import Failed, Mapped, Questions
from landfast.session.ice.ground.relays import Footing, Relay
from landfast.session.ice.ground.releases import Releases
from landfast.session.ice.ground.said import Gathered, GatheringDone, Lost, Said
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.sockets import Held, Sockets
from landfast.session.ice.settings import Settings

_LAST_STUN = 3
"""The greatest first byte of a STUN message that a peer or a server sends to us (RFC 7983, section 7)."""


class Ground:
    """Sockets, STUN servers and relays. `draw(n)` gives n random bytes."""

    def __init__(
        self, settings: Settings, servers: Sequence[Server] = (), *, draw: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._settings, self._servers = settings, tuple(servers)
        self._out: deque[Command | Said] = deque()
        self._addresses: dict[str, Address] = {}
        self._hosts: dict[Socket, Held] = {}
        self._relays: list[Relay] = []
        self._welcomed: dict[Endpoint, None] = {}
        self._candidates, self._budgets = Candidates(), Budgets()
        self._sockets, self._names = Sockets(self._out.append), Names(self._out.append)
        self._releases = Releases(self._sockets)
        self._questions = Questions(draw, settings.rto)
        self._asked: set[tuple[Socket, Server]] = set()  # in this gathering
        self._told: set[Server] = set()  # STUN servers that have answered in this gathering, or whose failure was told
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
        self._begun = self._closed = False
        self._until: float | None = None  # when gathering is over whatever has not answered

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
        whens = [self._until, self._questions.deadline, self._releases.deadline]
        whens += [relay.deadline for relay in self._relays]
        return min([when for when in whens if when is not None], default=None)

    def poll(self) -> Command | Said | None:
        """The next thing to do or to know; None when there is none."""
        return self._out.popleft() if self._out else None

    # Verbs.

    def set_addresses(self, addresses: Sequence[Address], now: float) -> None:
        """These are the host's addresses now; after the first gathering, sockets follow them at once."""
        before, self._addresses = self._addresses, {canonical(each.address) or each.address: each for each in addresses}
        if not self._begun or self._closed:
            return
        for held in [held for held in self._hosts.values() if held.address not in self._addresses]:
            self._lose(held, "its address is gone")
        self._open_hosts(now)
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
        self._asked.clear()
        self._told.clear()
        for server in self._servers:
            self._names.ask(server.host)
        old = list(self._hosts.values())
        self._open_hosts(now, fresh=fresh)
        for held in [] if fresh else old:
            self._ask_servers(held, now)
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

    def silent(self, socket: Socket, now: float, *, hurried: bool = True) -> None:
        """Nothing is heard by it. If it is a relay, its server is asked, at most once per settings.repair.

        Of a lost relay: try to have it back, under another name.
        """
        if relay := self._relay(socket):
            relay.silent(now, hurried=hurried)

    def is_deaf(self, socket: Socket, now: float) -> bool:
        """Whether it is a relay whose server does not answer: nothing goes further by it."""
        relay = self._relay(socket)
        return relay is not None and relay.is_deaf(now)

    def replace(self, socket: Socket, now: float) -> Socket | None:
        """Another socket at the same address, or another allocation by another socket, beside this one.

        None where that cannot be had now: the address is gone, or the server has no room.
        """
        if self._closed:
            return None
        if held := self._hosts.get(socket):
            return self._open_host(held.address, now) if held.address else None
        relay = self._relay(socket)
        if relay is None or not self._budgets.allows(relay.server, now):
            return None
        other = self._new_relay(relay.server)
        other.begin(self._remotes(relay.server), now, hurried=True)
        other.telling.promised()
        if other.telling.name is None:
            self._relays.remove(other)
        return other.telling.name

    def drop(self, socket: Socket, now: float) -> None:
        """It is not wanted any more: close it, or give the allocation back. Nothing is told of it."""
        if held := self._hosts.get(socket):
            self._forget_host(held)
        elif relay := self._relay(socket):
            self._relays.remove(relay)
            relay.drop(now)
        self._settle()

    def close(self, now: float) -> None:
        """Give every allocation back, as far as one packet does, and close everything at once."""
        if self._closed:
            return
        self._closed, self._until = True, None
        for relay in self._relays:
            relay.drop(now)
        self._relays.clear()
        self._releases.close()
        for held in list(self._hosts.values()):
            self._forget_host(held)

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
        for held in self._hosts.values():
            self._ask_servers(held, now)
        self._settle()

    def opened(self, socket: Socket, local: Endpoint, now: float) -> None:
        """A socket is open; `local` is what it is bound to."""
        bound = (canonical(local[0]) or local[0], local[1])
        held = self._sockets.opened(socket, bound)
        if held is None:
            return
        if socket in self._hosts:
            self._candidate(socket, Type.HOST, bound, base=bound[0])
            self._ask_servers(held, now)
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
            self._lose(held, why)
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
            answer = self._questions.receive(path.socket, data)
            if answer is None:
                return [(data, path)]
            self._answered(answer)
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
        for step in self._questions.handle_timer(now):
            if isinstance(step, Failed):
                self._answered(step)
            elif held := self._hosts.get(step.socket):
                self._sockets.send(held, step.data, step.remote)
        for relay in self._relays:
            relay.handle_timer(now)
        self._releases.handle_timer(now)
        self._settle()
        if self._until is not None and now >= self._until:
            self._done()

    # Sockets and STUN servers.

    def _open_hosts(self, now: float, *, fresh: bool = False) -> None:
        """One for each address that has none, or for each."""
        if self._settings.relay_only:
            return
        served = set() if fresh else {held.address for held in self._hosts.values()}
        for address in self._addresses:
            if address not in served:
                self._open_host(address, now)

    def _open_host(self, address: str, now: float) -> Socket:
        held = self._sockets.open(Transport.UDP, now, local=address)
        self._hosts[held.socket] = held
        return held.socket

    def _forget_host(self, held: Held) -> None:
        del self._hosts[held.socket]
        self._questions.forget(held.socket)
        self._candidates.remove(held.socket)
        self._sockets.close(held)

    def _lose(self, held: Held, why: str) -> None:
        self._forget_host(held)
        self._out.append(Lost(held.socket, why))

    def _ask_servers(self, held: Held, now: float) -> None:
        """Every STUN server that this socket has not asked in this gathering."""
        if not held.bound:
            return
        for server in self._servers:
            if server.kind != "stun" or (held.socket, server) in self._asked:
                continue
            places = [place for place in self._names.of(server.host) if family(place) == family(held.bound[0])]
            if places:
                self._asked.add((held.socket, server))
                asking = self._questions.ask(held.socket, server, (places[0], server.port), now)
                self._sockets.send(held, asking.data, asking.remote)

    def _answered(self, answer: Mapped | Failed) -> None:
        server, held = answer.server, self._hosts.get(answer.socket)
        if isinstance(answer, Failed):
            self._unanswered(server, answer.code)
            return
        self._told.add(server)
        if held and held.bound:  # what equals the host candidate is no news
            self._candidate(held.socket, Type.SERVER_REFLEXIVE, answer.endpoint, base=held.bound[0], server=server)

    def _unanswered(self, server: Server, code: int | None) -> None:
        """Told once in a gathering, and of silence only when no socket has an answer."""
        if server in self._told or (code is None and self._questions.asks(server)):
            return
        self._told.add(server)
        silent = ServerUnanswered(server.url, "no answer")
        self._out.append(silent if code is None else ServerRefused(server.url, code, ""))

    def _candidate(
        self, socket: Socket, kind: Type, endpoint: Endpoint, *, base: str, server: Server | None = None
    ) -> None:
        candidate = self._candidates.add(
            socket,
            kind,
            endpoint,
            wished=of_addresses(list(self._addresses.values())).get(base, BEST // 2),
            base=base,
            server=server.url if server else "",
            host=server.host if server else "",
            related=self._hosts[socket].bound if server else None,
        )
        if candidate:
            self._out.append(Gathered(socket, candidate))

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
            if any(line.bound and line.bound[0] in gone for line in relay.lines):
                relay.leave_address(now, again=bool(remotes))
            elif relay.movable or self._budgets.allows(relay.server, now):
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

    # The end of gathering.

    def _settle(self) -> None:
        if self._until is not None and not self._pending():
            self._done()

    def _pending(self) -> bool:
        opening = any(not held.open for held in self._hosts.values())
        naming = any(self._names.waits(server.host) for server in self._servers)
        return opening or naming or self._questions.asks() or any(relay.pending for relay in self._relays)

    def _done(self) -> None:
        self._until = None
        self._out.append(GatheringDone())
