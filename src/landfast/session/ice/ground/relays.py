"""One relay: its allocation, the socket or connection under it, and how both are repaired. Pure.

What stands is `client` on `line`. What shall stand is an attempt: another client, or the same one that moves with its
ticket (RFC 8016), on another line or on the same. So the first allocation and each repair are one mechanism:

    silence        over UDP the server is asked on the same socket: to move the allocation, or to make one, to which 437
                   says that nothing has moved. A stream is asked too; when it does not answer, another one is opened.
    rerouted       if it falls silent then, another socket, which the routes of now give its address: at once with the
                   ticket; else when the server does not answer, and if that is another address than before. A stream
                   may still bring what the server sends: only an answer says that it hears us. What is tried by an
                   older socket has a second for each answer
    address gone   another socket, with the ticket or with a new allocation (a stream has no ticket)
    broken         the same, but the agent is told that the relay is lost, and it comes back under another name
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import inf

from landfast.model.facts import Endpoint
from landfast.model.times import earliest
from landfast.session.ice.events import Transport
from landfast.session.ice.ground.addresses import family, is_loopback
from landfast.session.ice.ground.attempt import Attempt, connecting
from landfast.session.ice.ground.clients import Clients
from landfast.session.ice.ground.footing import Footing
from landfast.session.ice.ground.patience import Patience
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.sockets import Held
from landfast.session.ice.ground.standing import Standing
from landfast.session.ice.ground.telling import Telling
from landfast.wire import stun
from landfast.wire.turn import (
    Allocated,
    Arrived,
    Ask,
    Client,
    Code,
    Ended,
    Event,
    Moved,
    Refused,
    State,
    Step,
    Transmit,
    Unanswered,
)

_NO_TURN = "it speaks something else than TURN"
_ENDS = {Step.EXPIRED: "its lifetime is over", Step.GONE: "the server has forgotten it"}
_FULL = (Code.QUOTA_REACHED, Code.INSUFFICIENT_CAPACITY)


class Relay:
    """`wished`: the local preference of its candidate. `telling` knows its name."""

    def __init__(self, server: Server, wished: int, footing: Footing) -> None:
        self.server, self._on = server, footing
        self._makes = Clients(server, footing.settings, footing.draw, footing.ticketless)
        self._patience = Patience(footing.settings)
        self.telling = Telling(server, wished, footing.candidates, footing.tell, hides=footing.settings.relay_only)
        self._standing = Standing()
        self._attempt: Attempt | None = None
        self._remotes: Sequence[Endpoint] = ()
        self._turn = 0  # which of them is next
        self._redirected = False

    # What may be read.

    @property
    def lines(self) -> list[Held]:
        """The sockets under it."""
        beside = self._attempt.line if self._attempt else None
        return [line for line in dict.fromkeys((self._standing.line, beside)) if line]

    @property
    def idle(self) -> bool:
        """Whether nothing stands, and nothing is tried."""
        return self._attempt is None and not self._standing.is_whole

    @property
    def movable(self) -> bool:
        """Whether there is an allocation that another line can take over, which needs no room on the server."""
        return self._standing.movable

    @property
    def pending(self) -> bool:
        """Whether its first candidate is still waited for."""
        return self._attempt is not None and not self._standing.ever

    def is_deaf(self, now: float) -> bool:
        """Whether the server is asked, and does not answer."""
        return self._patience.is_deaf(now)

    def asks_for(self, other: Relay) -> bool:
        """Whether it asks the server of the other one as often as may be, by the same address of this host, and has not
        heard it yet: the other one would not be heard either."""
        moves = self._standing.client is not None and self._standing.client.state is State.MOVING
        asking = moves if self._attempt is None else self._attempt.unanswered
        if self is other or self.server != other.server or not asking:
            return False
        alike = not other.lines or self.lines[-1].source == other.lines[-1].source
        return alike and self._clients()[-1].longest <= self._makes.quick

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        whens = [self._standing.doubt, self._patience.rest]
        whens += [self._attempt.until, self._attempt.ahead.due] if self._attempt else []
        whens += [client.deadline for client in self._clients()]
        if self._standing.is_kept:
            whens.append(self._standing.said + self._on.settings.keep)
        return earliest(whens)

    # Verbs.

    def begin(self, remotes: Sequence[Endpoint], now: float, *, hurried: bool = False, urgent: bool = False) -> None:
        """Try, at one of these addresses of the server, unless something stands or is tried."""
        if remotes:
            self._remotes = remotes
            if self.idle:
                self._begin(now, hurried=hurried, urgent=urgent)

    def welcome(self, peer: Endpoint, now: float) -> None:
        """Let a peer through, and give it a channel."""
        for client in self._clients():
            self._bind(client, peer, now)
        self._drain(now)

    def forget(self, peer: Endpoint) -> None:
        """Of this peer nothing is wanted any more."""
        for client in self._clients():
            client.forget(peer)

    def send(self, data: bytes, peer: Endpoint, now: float) -> None:
        """Data for a peer; dropped while there is no allocation, and when it is no address or too long."""
        attempt, welcome = self._attempt, peer in self._on.welcomed
        with suppress(ValueError):
            ahead = attempt is not None and welcome and attempt.ahead.send(attempt.client, data, peer)
            if self._standing.client and not ahead:
                self._standing.client.send(data, peer, now)
        self._drain(now)

    def silent(self, now: float, *, hurried: bool = True) -> None:
        """Nothing is heard by it: ask the server, once in a while. Not `hurried`: repeat it once a second."""
        if now < self._standing.since + self._makes.knock or not self._patience.may_ask(now):
            return  # at first, nothing can have been heard by it
        attempt = self._attempt
        if attempt and ((hurried and not attempt.hurried) or attempt.connects_for_too_long(now)):
            self._give_up(now)
            self._begin(now, hurried=hurried, urgent=hurried)
        elif attempt and attempt.asked and self._may_be_misled(attempt.line, now):
            self._try_elsewhere(now, hurried=hurried)
        elif attempt:
            return  # it is being asked
        elif (client := self._standing.client) is None or (line := self._standing.line) is None:
            self._begin(now, hurried=hurried, urgent=hurried)
        elif line.stream:
            self._standing.echo(client, now)
        elif self._standing.rerouted is not None and self.movable:
            self.leave_address(now, again=True)
        else:
            client.longest = self._makes.quick if hurried else self._makes.calm
            if client.state is not State.MOVING and not client.move(now):
                self._ask_here(line, now, hurried=hurried, urgent=hurried)
        self._drain(now)

    def rerouted(self, now: float) -> None:
        """The host's addresses have changed, and with them perhaps the way that its packets take: a socket keeps its
        address, and whoever is on that way may not know it. If it falls silent, another one is tried once."""
        self._standing.rerouted = now if self.lines else None
        if self._attempt:
            self._attempt.until = self._until(self._attempt, now)

    def leave_address(self, now: float, *, again: bool) -> None:
        """The address of its socket is gone. `again`: there is another one to try from."""
        self._give_up(now)
        self._leave_line()
        if again:
            self._begin(now, hurried=True)
        elif self._standing.client is None:
            self._lost("its address is gone")

    def late(self) -> None:
        """If the server has not answered yet, that is told; if it does later, that counts."""
        if self.pending and self._attempt and self._attempt.unanswered:
            self.telling.unanswered("no answer")

    def drop(self, now: float) -> None:
        """Give back what stands and what is tried, and be of no further use."""
        clients, lines = [(each, self._line_of(each)) for each in self._clients()], self.lines
        self._attempt, self._standing, self._patience.rest = None, Standing(), None
        for client, line in clients:
            if line in lines and line.open:
                lines.remove(line)
                self._on.releases.begin(client, line, now)
        for line in lines:
            self._on.sockets.close(line)
        self.telling.dropped()

    # What the owner tells.

    def opened(self, line: Held, now: float) -> None:
        """One of its lines is there."""
        attempt = self._attempt
        if attempt and attempt.line is line:
            if attempt.rerouted and self._standing.line and self._standing.line.source == line.source:
                self._give_up(now)
                self._ask_here(self._standing.line, now, hurried=attempt.hurried, urgent=attempt.hurried)
            else:
                self._ask(attempt, now)
            self._drain(now)

    def closed(self, line: Held, why: str, now: float) -> None:
        """One of its lines is broken."""
        self._on.sockets.close(line)
        broken = self._standing.line is line
        if broken:
            self._leave_line()
        if self._attempt and self._attempt.line is line:
            self._failed(why, now)
        if broken:
            self._lost(why)
            if self._attempt is None and now >= self._standing.since + self._on.settings.repair:
                self._begin(now, hurried=True)
            self._rest_a_while(now)
        self._drain(now)

    def receive(self, line: Held, data: bytes, now: float) -> list[tuple[Endpoint, bytes]]:
        """What came by one of its lines; gives what peers sent."""
        attempt = self._attempt
        if attempt and attempt.asked and attempt.line is line:
            first = not attempt.heard
            attempt.heard, attempt.until = True, self._until(attempt, now)
            attempt.client.longest = max(attempt.client.longest, self._makes.quick)  # with a nonce it says more
            attempt.client.receive(data, now)
            if first:
                attempt.ahead.challenged(attempt.client, self._standing.client, now)
        if self._standing.client and self._standing.line is line:
            self._standing.client.receive(data, now)
            if line.stream and self._standing.is_answered(self._standing.client):
                self._standing.doubt = None
                self._give_up(now)  # another one beside it, for nothing
                self._hears(now)
        return self._drain(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for client in self._clients():
            client.handle_timer(now)
        self._drain(now)
        if self._standing.line and self._standing.is_kept and now >= self._standing.said + self._on.settings.keep:
            self._on.sockets.send(self._standing.line, stun.binding_indication(self._on.draw(12)))
            self._standing.said = now
        if self._standing.doubt is not None and now >= self._standing.doubt:
            self._standing.doubt = None
            if self._attempt is None:
                self._begin(now, hurried=True)
        if self._attempt and self._attempt.ahead.begins(now):
            self._patience.answered(now)
            self.telling.promised_another()
        if self._attempt and self._attempt.until is not None and now >= self._attempt.until:
            if self._standing.is_older(self._attempt.line):
                self._try_elsewhere(now, hurried=self._attempt.hurried)
            else:
                self._failed("no answer" if self._attempt.asked else "no connection", now)
        if self._patience.rest is not None and now >= self._patience.rest:
            self._patience.rest = None
            if self.idle:
                self._begin(now)
        self._drain(now)

    # Attempts.

    def _begin(
        self, now: float, *, hurried: bool = False, urgent: bool = False, alternate: Endpoint | None = None
    ) -> None:
        """Open another line; the allocation moves there if it can. `urgent`: data waits for it."""
        if not self._remotes:
            return
        self._patience.rest, self._redirected = None, alternate is not None
        turn = self._turn % len(self._remotes)
        last = alternate is not None or turn == len(self._remotes) - 1
        name = self.server.host if self.server.transport is Transport.TLS else None
        line = self._on.sockets.open(self.server.transport, now, remote=alternate or self._remotes[turn], name=name)
        self.telling.begins(line.socket)
        move = self._standing.client if self.movable else None
        client = move or self._makes.new(self._standing.client, hurried=hurried, urgent=urgent)
        self._attempt = connecting(line, client, now, last=last, hurried=hurried)

    def _ask(self, attempt: Attempt, now: float) -> None:
        """Its line is open: ask for the allocation, or move it there."""
        self._attempt, attempt.asked = attempt, True
        attempt.until = self._until(attempt, now)
        if attempt.client is self._standing.client:
            attempt.client.longest = self._makes.quick
            if attempt.client.move(now):
                return
            attempt.client = self._makes.new(self._standing.client, hurried=attempt.hurried)
        attempt.client.allocate(now)

    def _may_be_misled(self, line: Held, now: float) -> bool:
        """Whether no answer finds this socket, perhaps because the addresses have changed, and another one may do."""
        has_room = self.movable or self._on.budgets.allows(self.server, now)
        return self._standing.is_older(line) and not line.stream and self.is_deaf(now) and has_room

    def _until(self, attempt: Attempt, now: float) -> float | None:
        """Until when an attempt must have come a step further; once it is asked, the client has a patience of its
        own."""
        if attempt.line is not self._standing.line and self._standing.is_older(attempt.line):
            return now + self._on.settings.repair
        return None if attempt.asked and attempt.last else attempt.until

    def _try_elsewhere(self, now: float, *, hurried: bool) -> None:
        """By a socket that the routes of now give its address."""
        self._give_up(now)
        self._begin(now, hurried=hurried, urgent=hurried)
        self._standing.rerouted = None
        if self._attempt:
            self._attempt.rerouted = not self._attempt.line.stream  # another stream may do where that one does not

    def _ask_here(self, line: Held, now: float, *, hurried: bool = True, urgent: bool = False) -> None:
        """Ask for an allocation by a line that is open."""
        client = self._makes.new(self._standing.client, hurried=hurried, urgent=urgent)
        client.longest = min(client.longest, self._makes.calm)
        self._ask(Attempt(line, client, hurried=hurried), now)

    def _give_up(self, now: float) -> None:
        """The attempt is wanted no more. Its allocation is given back, unless it is the one that was to move."""
        attempt, self._attempt = self._attempt, None
        if attempt is None or attempt.line is self._standing.line:
            return
        if attempt.asked and attempt.line.open and attempt.client is not self._standing.client:
            self._on.releases.begin(attempt.client, attempt.line, now)
        else:
            self._on.sockets.close(attempt.line)

    def _failed(self, why: str, now: float, *, refused: bool = False) -> None:
        """The attempt has come to nothing."""
        attempt = self._attempt
        assert attempt
        self._give_up(now)
        self._turn += 1
        if not attempt.last and not refused:
            self._begin(now, hurried=attempt.hurried)
            return
        if not refused:
            self.telling.unanswered(why)
        if not self._standing.is_whole:
            self._leave_line()
            self._lost(why)
        self._rest_a_while(now)

    def _leave_line(self) -> None:
        if line := self._standing.leave():
            self._on.sockets.close(line)

    def _lost(self, why: str) -> None:
        self.telling.lost(why)
        if self._attempt:
            self.telling.begins(self._attempt.line.socket)

    def _rest_a_while(self, now: float) -> None:
        """What has stood once is wanted back."""
        if self._standing.ever and self.idle:
            self._patience.failed(now, now if self.movable else self._on.budgets.until(self.server))

    def _hears(self, now: float) -> None:
        """The server says that the allocation stands."""
        if self.is_deaf(now):
            self.telling.heard()
        self._patience.heard()

    # What the clients tell.

    def _clients(self) -> list[Client]:
        asking = self._attempt.client if self._attempt and self._attempt.asked else None
        clients = [self._standing.client] if self._standing.client else []
        return clients if asking is None or asking is self._standing.client else [*clients, asking]

    def _line_of(self, client: Client) -> Held | None:
        attempt = self._attempt
        return attempt.line if attempt and attempt.asked and attempt.client is client else self._standing.line

    def _drain(self, now: float) -> list[tuple[Endpoint, bytes]]:
        """Take all that the clients have to say; gives what peers sent."""
        arrived: list[tuple[Endpoint, bytes]] = []
        while found := self._word():
            client, item = found
            if isinstance(item, Transmit):
                if line := self._line_of(client):
                    self._on.sockets.send(line, item.data)
                    self._standing.said = now if line is self._standing.line else self._standing.said
            elif isinstance(item, Arrived):
                arrived.append((item.peer, item.data))
            else:
                self._heed(client, item, now)
        return arrived

    def _word(self) -> tuple[Client, Transmit | Event] | None:
        for client in self._clients():
            if item := client.poll():
                return client, item
        return None

    def _heed(self, client: Client, event: Event, now: float) -> None:
        match event:
            case Allocated():
                self._allocated(client, event, now)
            case Moved():
                self._moved(client, now)
            case Refused(ask=Ask.ALLOCATE):
                self._not_allocated(event, now)
            case Refused(ask=Ask.MOVE):
                self._not_moved(client, now)
            case Refused(code=Code.FORBIDDEN, peer=(address, _)) if is_loopback(address):
                pass  # peers may signal theirs; no server lets them in at its own, and none is the worse for it
            case Refused(elsewhere=True):
                self._misplaced(client, now)
            case Refused():
                self.telling.refused(event.code, event.reason)
            case Unanswered(ask=Ask.ALLOCATE | Ask.MOVE) if self._attempt and self._attempt.client is client:
                self._failed("no answer", now)
            case Unanswered(ask=Ask.MOVE):
                client.longest = float("inf")
            case Ended():
                self._ended(client, event.by, now)

    def _allocated(self, client: Client, event: Allocated, now: float) -> None:
        attempt, self._attempt = self._attempt, None
        assert attempt
        old, line = self._standing.takes(client, attempt.line, mobile=event.mobile)
        if line and line is not attempt.line:
            if old and line.open:
                self._on.releases.begin(old, line, now)
            else:
                self._on.sockets.close(line)
        self._on.budgets.granted(self.server)
        self._makes.granted(mobile=event.mobile)
        for peer in self._on.welcomed:
            self._bind(client, peer, now)
        self._stands(client, event.relayed, event.mapped, now, since=attempt.ahead.since)

    def _moved(self, client: Client, now: float) -> None:
        attempt = self._attempt
        if attempt and attempt.client is client:  # the old line is closed: only over UDP there are tickets
            self._standing.line, self._attempt = attempt.line, None
        assert client.relayed
        self._stands(client, client.relayed, client.mapped, now)

    def _stands(
        self, client: Client, relayed: Endpoint, mapped: Endpoint | None, now: float, *, since: float = inf
    ) -> None:
        self._makes.stands(client)
        self._patience.stands()
        self._standing.stands(now)
        self._turn = 0
        self.telling.stands(relayed, mapped, since)

    def _not_allocated(self, event: Refused, now: float) -> None:
        attempt = self._attempt
        assert attempt
        if event.code == Code.ALLOCATION_MISMATCH and self._standing.client and attempt.line is self._standing.line:
            self._attempt = None  # nothing has moved: it stands
            self._hears(now)
            self._standing.client.longest = float("inf")
        elif event.code == Code.TRY_ALTERNATE and event.alternate and not self._redirected:
            self._give_up(now)
            self._begin(now, hurried=attempt.hurried, alternate=event.alternate)
        else:
            if event.code in _FULL:
                self._on.budgets.refused(self.server, now)
            self.telling.refused(event.code, event.reason)
            self._patience.refused(now)
            self._failed(event.reason, now, refused=True)

    def _misplaced(self, client: Client, now: float) -> None:
        """The server is there, and seems not to know us by this address: ask it before the agent doubts the relay."""
        if self._attempt is None and self._standing.line and client.state is State.STANDING:
            client.longest = self._makes.quick
            if not client.move(now):
                self._ask_here(self._standing.line, now)

    def _not_moved(self, client: Client, now: float) -> None:
        """Its ticket is none any more, or nothing has moved: coturn says so with 400, any server with 437 to this."""
        line = self._line_of(client)
        if self._attempt:
            self._standing.mobile = False
        if line and line.open:
            self._ask_here(line, now)
        elif self._attempt:
            self._failed("no answer", now)

    def _ended(self, client: Client, by: Step, now: float) -> None:
        """Refusals and silence were heeded before: what is left is the end of what stood, and of a stream."""
        if client is not self._standing.client:
            self._failed(_NO_TURN, now)
            return
        line, self._standing.client, self._standing.mobile = self._line_of(client), None, False
        if by is Step.GONE and (self._attempt or now >= self._standing.since + self._on.settings.repair):
            if self._attempt:
                return  # the server is being asked for another one
            if line and line.open and not line.stream:
                self._ask_here(line, now)
            else:
                self._begin(now, hurried=True)
            return
        if self._attempt and (self._attempt.client is client or self._attempt.line is line):
            self._give_up(now)
        self._leave_line()
        self._lost(_ENDS.get(by, _NO_TURN))
        self._rest_a_while(now)

    def _bind(self, client: Client, peer: Endpoint, now: float) -> None:
        """A relayed address reaches peers of its own family (RFC 8656, section 9: else 443)."""
        if client.relayed and family(client.relayed[0]) == family(peer[0]):
            client.bind(peer, now)
