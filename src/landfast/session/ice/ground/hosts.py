"""One socket at each address of this host, and what STUN servers say of them: host and reflexive candidates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Type
from landfast.session.ice.events import Command, ServerRefused, ServerUnanswered, Socket, Transport
from landfast.session.ice.ground.addresses import Address, family
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.names import Names
from landfast.session.ice.ground.preferences import BEST, of_addresses
from landfast.session.ice.ground.reflexive import Failed, Mapped, Questions
from landfast.session.ice.ground.said import Gathered, Lost, Said
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.sockets import Held, Sockets


class Hosts:
    """All of them. `addresses` and `servers` are the ground's, and may be changed at any time."""

    def __init__(
        self,
        sockets: Sockets,
        candidates: Candidates,
        names: Names,
        questions: Questions,
        tell: Callable[[Command | Said], None],
    ) -> None:
        self.addresses: Mapping[str, Address] = {}
        self.servers: tuple[Server, ...] = ()
        self._sockets, self._candidates, self._names, self._questions = sockets, candidates, names, questions
        self._tell = tell
        self._held: dict[Socket, Held] = {}
        self._asked: frozenset[tuple[Socket, Server]] = frozenset()  # in this gathering
        self._told: frozenset[Server] = frozenset()  # who has answered in it, or whose failure was told

    def __contains__(self, socket: Socket) -> bool:
        return socket in self._held

    def get(self, socket: Socket) -> Held | None:
        """None when it is none of these."""
        return self._held.get(socket)

    @property
    def pending(self) -> bool:
        """Whether a socket is not open yet, or a server has not answered."""
        return any(not held.open for held in self._held.values()) or self._questions.asks()

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        return self._questions.deadline

    # Verbs.

    def gather(self, now: float, *, fresh: bool) -> None:
        """Open what is missing, or one more for each address; ask every server again, since a mapping may change."""
        self._asked, self._told = frozenset(), frozenset()
        old = list(self._held.values())
        self.open_missing(now, fresh=fresh)
        for held in [] if fresh else old:
            self._ask(held, now)

    def open_missing(self, now: float, *, fresh: bool = False) -> None:
        """One for each address that has none, or for each."""
        served = set() if fresh else {held.address for held in self._held.values()}
        for address in self.addresses:
            if address not in served:
                self._open(address, now)

    def leave(self, addresses: Collection[str]) -> None:
        """Lose those whose address is not among these."""
        for held in [held for held in self._held.values() if held.address not in addresses]:
            self.lose(held, "its address is gone")

    def replace(self, held: Held, now: float) -> Socket | None:
        """Another one at the same address."""
        return self._open(held.address, now) if held.address else None

    def drop(self, held: Held) -> None:
        """It is not wanted any more; nothing is told."""
        del self._held[held.socket]
        self._questions.forget(held.socket)
        self._candidates.remove(held.socket)
        self._sockets.close(held)

    def lose(self, held: Held, why: str) -> None:
        """It is of no use any more."""
        self.drop(held)
        self._tell(Lost(held.socket, why))

    def close(self) -> None:
        """Close every one."""
        for held in list(self._held.values()):
            self.drop(held)

    # What the owner tells.

    def resolved(self, now: float) -> None:
        """A server's addresses are known."""
        for held in self._held.values():
            self._ask(held, now)

    def opened(self, held: Held, now: float) -> None:
        """One of them is there."""
        assert held.bound
        self._candidate(held, Type.HOST, held.bound, base=held.bound[0])
        self._ask(held, now)

    def receive(self, socket: Socket, data: bytes) -> bool:
        """Whether this was a server's answer."""
        answer = self._questions.receive(socket, data)
        if answer is not None:
            self._answered(answer)
        return answer is not None

    def handle_timer(self, now: float) -> None:
        """Repeat what is due, and give up what has had its time."""
        for step in self._questions.handle_timer(now):
            if isinstance(step, Failed):
                self._answered(step)
            elif held := self._held.get(step.socket):
                self._sockets.send(held, step.data, step.remote)

    def late(self) -> None:
        """The servers that have answered no socket are told to be silent; if they answer later, that counts."""
        for server in self.servers:
            if server.kind == "stun" and self._questions.asks(server):
                self._silent(server)

    # Servers.

    def _open(self, address: str, now: float) -> Socket:
        held = self._sockets.open(Transport.UDP, now, local=address)
        self._held[held.socket] = held
        return held.socket

    def _ask(self, held: Held, now: float) -> None:
        """Every STUN server that this socket has not asked in this gathering."""
        if not held.bound:
            return
        for server in self.servers:
            if server.kind != "stun" or (held.socket, server) in self._asked:
                continue
            places = [place for place in self._names.of(server.host) if family(place) == family(held.bound[0])]
            if places:
                self._asked |= {(held.socket, server)}
                asking = self._questions.ask(held.socket, server, (places[0], server.port), now)
                self._sockets.send(held, asking.data, asking.remote)

    def _answered(self, answer: Mapped | Failed) -> None:
        server, held = answer.server, self._held.get(answer.socket)
        if isinstance(answer, Mapped):
            self._told |= {server}
            if held and held.bound:  # what equals the host candidate is no news
                self._candidate(held, Type.SERVER_REFLEXIVE, answer.endpoint, base=held.bound[0], server=server)
        elif answer.code is None:
            if not self._questions.asks(server):
                self._silent(server)
        elif server not in self._told:
            self._told |= {server}
            self._tell(ServerRefused(server.url, answer.code, ""))

    def _silent(self, server: Server) -> None:
        """Told once in a gathering, and only when no socket has an answer."""
        if server not in self._told:
            self._told |= {server}
            self._tell(ServerUnanswered(server.url, "no answer"))

    def _candidate(
        self, held: Held, kind: Type, endpoint: Endpoint, *, base: str, server: Server | None = None
    ) -> None:
        candidate = self._candidates.add(
            held.socket,
            kind,
            endpoint,
            wished=of_addresses(list(self.addresses.values())).get(base, BEST // 2),
            base=base,
            server=server.url if server else "",
            host=server.host if server else "",
            related=held.bound if server else None,
        )
        if candidate:
            self._tell(Gathered(held.socket, candidate))
