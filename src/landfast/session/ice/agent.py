"""The agent: what arrives goes in, what is to be done and to be known comes out. Pure.

It conducts. Checks and answers belong to a generation (generation.py); sockets, servers and relays are the ground that
it stands on (ground/). A restart makes a generation that is pending, while the current one carries the data until the
new one has a pair: make before break. After each verb, take everything from `poll`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from math import inf

from landfast.model.facts import Endpoint
from landfast.session.ice import credentials
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.checks import Checks
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import (
    CandidateGathered,
    Close,
    Command,
    ConsentRevoked,
    Event,
    GatheringDone,
    Open,
    PairSelected,
    Path,
    PeerReturned,
    Received,
    Resolve,
    RestartWaits,
    RoleChanged,
    ServerRefused,
    ServerUnanswered,
    Socket,
    StateChanged,
    Transmit,
    Why,
)
from landfast.session.ice.generation import Generation
from landfast.session.ice.generations import Generations
from landfast.session.ice.ground import Address, Ground, Server, said
from landfast.session.ice.held import Held
from landfast.session.ice.lasting import Lasting
from landfast.session.ice.machine import TABLE, State, Step
from landfast.session.ice.outage import CHECK, REPEATED, SPOKEN, Outage
from landfast.session.ice.pairing import seen_as
from landfast.session.ice.pairs import Pair
from landfast.session.ice.roles import Conflict, Role
from landfast.session.ice.rotation import Rotation
from landfast.session.ice.settings import Settings
from landfast.session.ice.stats import Stats, of_pairs
from landfast.wire import ice

_STUN = b"\3"
"""The first byte of STUN is 0 to 3 (RFC 7983); what is empty belongs to nobody."""


class Agent:
    """One ICE transport, one component. `draw(n)` gives n random bytes. Nothing that arrives raises."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        controlling: bool,
        servers: Sequence[Server] = (),
        draw: Callable[[int], bytes] = secrets.token_bytes,
        tie_breaker: int | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.state = State.NEW
        self.ground = Ground(self.settings, servers, draw=draw)
        self._draw = draw
        self._tie_breaker = int.from_bytes(draw(8), "big") if tie_breaker is None else tie_breaker
        self._lasting = Lasting(self.settings, draw)
        self._checks = Checks(self.settings, draw)
        self._held = Held()
        self._out: list[Command | Event] = []  # a deque takes 0.7 kB, and more are at rest than have much to say
        self._generations = Generations(self.settings, self._made, controlling=controlling)
        self._rotation, self._outage = Rotation(self.settings), Outage(self.settings)
        self._unwanted: frozenset[Socket] = frozenset()  # opened for a generation that was given up before they stood
        self._moves = 0
        self._due: float | None = None  # when there is something to do; None: it must be reckoned
        self._early = False  # it may be sooner than need be

    # What may be read.

    @property
    def controlling(self) -> bool:
        """The role, of the newest generation."""
        return self._generations.newest.role.controlling

    @controlling.setter
    def controlling(self, controlling: bool) -> None:
        """Before checks begin: with the same credentials, which may have been told already."""
        self._generations.newest.role.controlling = controlling

    @property
    def local(self) -> Credentials:
        """Our credentials, of the newest generation."""
        return self._generations.newest.local

    @property
    def selected(self) -> Pair | None:
        """The pair that data takes."""
        return self._generations.current.selected

    @property
    def local_candidates(self) -> list[Candidate]:
        """Of the newest generation."""
        return [
            candidate for socket, candidate in self.ground.candidates if socket not in self._generations.newest.without
        ]

    @property
    def remote_candidates(self) -> list[Candidate]:
        """As signalled, of the newest generation."""
        return list(self._generations.newest.remote_candidates)

    def may_send(self, now: float) -> bool:
        """Whether `send` would send."""
        return self.state is not State.CLOSED and self._generations.current.may_send(now)

    def stats(self, now: float) -> Stats:
        """Of this instant."""
        return Stats(self.state, self.controlling, self._moves, of_pairs(self._generations, self._generations.current))

    # Verbs.

    def set_addresses(self, addresses: Sequence[Address], now: float) -> None:
        """This host's addresses, before the first gathering and whenever the network has changed."""
        self.ground.set_addresses(addresses, now)
        if self._generations.current.roaming:
            self._generations.current.roaming.hurry()  # a route may have changed under a socket that stays
        self._settle(now)

    def set_servers(self, servers: Sequence[Server], now: float) -> None:
        """The servers that the next gathering asks."""
        self.ground.set_servers(servers, now)
        self._settle(now)

    def gather(self, now: float) -> None:
        """Find candidates for the newest generation. Harmless twice."""
        newest = self._generations.newest
        if newest.gathering or self.state is State.CLOSED:
            return
        newest.gathering = True
        for socket, candidate in self.ground.candidates:
            self._tell(socket, candidate, again=True)
        before = len(self._out)
        self.ground.gather(now, fresh=bool(newest.without))
        self._settle(now)
        if newest.without:
            news = islice(self._out, before, None)
            newest.asked_for = frozenset(item.socket for item in news if isinstance(item, Open))

    def set_remote(self, remote: Credentials, now: float, *, lite: bool = False) -> None:
        """The peer's credentials. Others than those of the current generation belong to the newest: a restart."""
        if self.state is State.CLOSED or remote in [each.remote for each in self._generations]:
            return
        if self._generations.current.remote and not self._generations.pending:
            self.restart(now)
        newest = self._generations.newest
        newest.set_remote(remote, now, lite=lite)
        if self._generations.current.roaming is None:
            self.ground.seek(now)
        self._outage.restarted()
        for candidate in self._held.take(remote.ufrag):
            self._welcome(newest, candidate, now)
        self._step(Step.START)
        self._settle(now)

    def add_remote_candidate(self, candidate: Candidate | None, now: float) -> None:
        """One of the peer's candidates; None when there are no more. Held when it overtakes its description."""
        if candidate is None:
            self._generations.newest.remote_complete = True
        elif candidate.ufrag is None:
            self._welcome(self._generations.newest, candidate, now)
        elif owner := self._generations.of_candidate(candidate.ufrag):
            self._welcome(owner, candidate, now)
        else:
            self._held.hold(candidate)
        self._settle(now)

    def restart(self, now: float, *, controlling: bool | None = None) -> None:
        """New credentials. The old pair carries data until there is a new one; after a failure, with fresh sockets."""
        if self.state is State.CLOSED:
            return
        if replaced := self._generations.restart(frozenset(self._bases()), controlling):
            self._discard(replaced, now)
        self._settle(now)

    def abort_restart(self, now: float) -> None:
        """The peer cannot restart: stay on the old pair."""
        if aborted := self._generations.abort():
            self._discard(aborted, now)
            self._settle(now)

    def send(self, data: bytes, now: float) -> bool:
        """Send the application's data. False, and silence, without a pair or its consent."""
        pair = self._generations.current.selected
        if pair is None:
            return False
        if not self.may_send(now):
            pair.counters.packets_discarded += 1
            pair.counters.bytes_discarded += len(data)
            return False
        pair.counters.packets_sent += 1
        pair.counters.bytes_sent += len(data)
        self.ground.transmit(data, pair.path, now)
        self._pump(now, owed=None)
        self._stir()
        return True

    def close(self, now: float) -> None:
        """The end. What is still in `poll` gives everything back."""
        if self.state is not State.CLOSED:
            self.ground.close(now)
            self._step(Step.CLOSE)
            self._settle(now)

    # What the owner of the sockets tells.

    def resolved(self, name: str, addresses: Sequence[str], now: float) -> None:
        """The addresses of a name, or none."""
        self.ground.resolved(name, addresses, now)
        self._settle(now)

    def opened(self, socket: Socket, local: Endpoint, now: float) -> None:
        """A socket is open, bound to this address and port."""
        self.ground.opened(socket, local, now)
        self._settle(now)

    def closed(self, socket: Socket, why: str, now: float) -> None:
        """A socket could not be opened, or is broken."""
        self.ground.closed(socket, why, now)
        self._settle(now)

    def receive(self, data: bytes, path: Path, now: float) -> None:
        """A datagram, or bytes of a stream."""
        if self.state is State.CLOSED:
            return
        current, items = self._generations.current, self.ground.receive(data, path, now)
        for each, way in items:
            if each[:1] > _STUN:
                self._out.append(Received(each))
                current.heard(way, self.ground.base(way.socket), each, now)
            else:
                self._take(each, way, now)
        plain = len(items) == 1 and items[0][0][:1] > _STUN
        if plain and not current.asks and not current.moves:
            if self._due is not None:  # a little before silence is suspicious
                self._due, self._early = min(self._due, now + self._lasting.rhythm.least), True
            self._stir()
        else:
            rests = items and self.state is State.COMPLETED and self._generations.pending is None and current.calm
            if self._pump(now) or not rests:
                self._settle(now)

    def _stir(self) -> None:
        """A session that rested is asked sooner."""
        if (roaming := self._generations.current.roaming) and roaming.stir():
            self._due = None

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do, or a little before."""
        if self._due is None:
            self._due, self._early = self._soonest(), False
        return None if self._due == inf else self._due

    def _soonest(self) -> float:
        ground = self.ground.deadline
        soonest = inf if ground is None else ground
        if self.state is State.CLOSED:
            return soonest
        current = self._generations.current
        soonest = min(soonest, self._generations.deadline)
        if current.selected and current.selected.barred:
            return min(soonest, self._rotation.deadline)
        silent, over = current.changes
        return min(soonest, over if self.state is State.DISCONNECTED else silent, over)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self._early:
            self._due = None
        if (due := self.deadline) is None or now < due:
            return  # data has come since that was reckoned
        self.ground.handle_timer(now)
        self._pump(now, owed=REPEATED)
        if self.state is not State.CLOSED:
            for generation in self._generations.expired(now):
                self._discard(generation, now)
        self._settle(now)

    def poll(self) -> Command | Event | None:
        """The next thing to do or to know; None when there is none."""
        return self._out.pop(0) if self._out else None

    # Checks and answers.

    def _take(self, data: bytes, path: Path, now: float) -> None:
        read = ice.parse(data)
        if isinstance(read, ice.Check):
            generation = self._generations.of_check(read.to)
            if generation and generation.takes(read):
                self._asked(generation, read, path, now)
        elif isinstance(read, ice.Answer):
            self._answered(read, path, now)

    def _asked(self, generation: Generation, check: ice.Check, path: Path, now: float) -> None:
        base, password = self.ground.base(path.socket), generation.local.password
        if base is None:
            return
        pair = generation.pairs.get(path)
        if pair and pair.barred:
            self.ground.transmit(ice.refusal(check, ice.Code.FORBIDDEN, password), path, now)
            return
        conflict = generation.role.conflict(check.controlling, check.tie_breaker)
        if conflict is Conflict.REFUSE:
            self.ground.transmit(ice.refusal(check, ice.Code.ROLE_CONFLICT, password), path, now)
            return
        if conflict is Conflict.SWITCH:
            self._switch(generation)
        self.ground.transmit(ice.success(check, path.remote, password), path, now)
        generation.asked(path, base, check, now)

    def _answered(self, answer: ice.Answer, path: Path, now: float) -> None:
        sent = self._checks.transactions.find(answer.transaction_id, now)
        # RFC 8445, section 7.2.5.2.1: exactly from where it was asked.
        if sent is None or not answer.signed_with(sent.password) or path != sent.pair.path:
            return
        self._checks.transactions.drop(answer.transaction_id)
        self._due = None
        if answer.mapped:
            self._outage.answered()
            base = local = sent.pair.base
            if answer.mapped != base.endpoint:
                known = [candidate for socket, candidate in self.ground.candidates if socket == path.socket]
                local = seen_as(answer.mapped, base, known, sent.priority)
            if sent.pair.stranger and not sent.pair.proved:
                self.ground.welcome(path.remote, now)
            lost = sent.owner.answered(sent.pair, sent.at, local, now, nominating=sent.nominating)
            if lost and sent.owner is self._generations.current:
                self._out.append(PeerReturned())
        elif answer.code == ice.Code.ROLE_CONFLICT:
            if sent.owner.role.controlling is sent.controlling:
                self._switch(sent.owner)
                sent.owner.asks.append(sent.pair)
        elif (
            answer.code == ice.Code.FORBIDDEN
            and sent.owner.refused(sent.pair)
            and sent.owner is self._generations.current
        ):
            self._out.append(ConsentRevoked())

    def _switch(self, generation: Generation) -> None:
        generation.switch_role()
        if generation is self._generations.newest:
            self._out.append(RoleChanged(generation.role.controlling))

    # After everything that happened.

    def _settle(self, now: float) -> None:
        self._pump(now)
        if self.state is not State.CLOSED:
            self._proceed(now)
            self._judge(now)
            self._pump(now)
        self._due = None

    def _proceed(self, now: float) -> None:
        """What the generations want."""
        if self._generations.tick(now):
            self._out.append(RestartWaits())
        for generation in self._generations:
            if pushed := generation.pairs.take_pushed_out():
                self._forget(pushed, self._generations)
        if self._generations.promote(now) and (pair := self._generations.current.selected):
            self._generations.current.moves = [(pair, Why.RESTARTED)]
        for generation in self._generations:
            moves, generation.moves = generation.moves, []
            if generation is self._generations.current:
                self._moved(moves)
            if generation.asks:
                self._ask(generation, now)

    def _ask(self, generation: Generation, now: float) -> None:
        asks, generation.asks = generation.asks, []
        for pair in (each for each in asks if each.usable):
            deaf = self.ground.is_deaf(pair.path.socket, now)  # a relay that hears nobody
            free = not pair.unasked  # strangers have a budget of their own
            if not deaf and (free or self._outage.may_check(generation.cost, now, back=pair.asked == now)):
                self.ground.transmit(self._checks.ask(generation, pair, now), pair.path, now)
                self._pump(now, owed=REPEATED if free else CHECK)
            elif deaf or generation.roaming:  # on a check list what is too dear now keeps its turn
                generation.withheld(pair, now)
        doubtful = generation.roaming.doubtful(asks, now) if generation.roaming else {}
        for socket, used in doubtful.items():
            self.ground.silent(socket, now, hurried=used)

    def _pump(self, now: float, *, owed: float | None = SPOKEN) -> bool:
        """Take all that the ground has to say, and whether that was more than packets. `owed`: what it may cost in an
        outage; None for the application's."""
        changed = False
        while (item := self.ground.poll()) is not None:
            changed = changed or not isinstance(item, Transmit)
            match item:
                case Transmit():
                    closing = self.state is State.CLOSED  # it is said once, and never again
                    if owed is None or closing or self._outage.may_leave(len(item.data), owed, now):
                        self._out.append(item)
                case said.Gathered(socket, candidate):
                    if self._is_unwanted(socket):
                        self._drop(socket, now)
                        continue
                    self._tell(socket, candidate)
                    self._stand(now)
                case said.GatheringDone():
                    newest = self._generations.newest
                    if newest.gathering and not newest.gathered:
                        newest.gathered = True
                        self._out.append(GatheringDone(newest.local.ufrag))
                case said.Lost(socket, _):
                    self._lose(socket)
                    self._stand(now)  # where the peer was, it is asked from the others
                case said.Promised(socket):
                    self._renew(said.Renewed(socket, None), now)
                case said.Renewed():
                    self._renew(item, now)
                case Resolve() | Open() | Close() | ServerRefused() | ServerUnanswered():
                    self._out.append(item)
        return changed

    def _renew(self, news: said.Renewed, now: float) -> None:
        if news.candidate:
            self._tell(news.socket, news.candidate)
        for generation in self._generations:
            generation.renew(news.socket, self.ground.base(news.socket) if news.candidate else None, now)
        if news.candidate:
            self._checks.renewed(news.socket, news.since)

    def _tell(self, socket: Socket, candidate: Candidate, *, again: bool = False) -> None:
        """To be signalled; but not what stands in for another, which the peer learns by its checks."""
        newest = self._generations.newest
        if newest.gathering and socket not in newest.without and (again or socket not in self._rotation):
            self._out.append(CandidateGathered(replace(candidate, ufrag=newest.local.ufrag), newest.local.ufrag))

    def _stand(self, now: float) -> None:
        bases = list(self._bases().items())
        for generation in self._generations:
            generation.stand_on(bases, now)

    def _bases(self) -> dict[Socket, Candidate]:
        """Our sockets and relays, with what leaves from them."""
        sockets = dict.fromkeys(socket for socket, _ in self.ground.candidates)
        return {socket: base for socket in sockets if (base := self.ground.base(socket))}

    def _is_unwanted(self, socket: Socket) -> bool:
        """Whether a generation asked for it that is no more, and there is another one like it."""
        if socket not in self._unwanted:
            return False
        self._unwanted -= {socket}
        bases = self._bases()
        mine = bases.pop(socket, None)
        return mine is not None and any(base.foundation == mine.foundation for base in bases.values())

    def _welcome(self, generation: Generation, candidate: Candidate, now: float) -> None:
        if generation.add_remote(candidate):
            if candidate.transport == "udp" and not candidate.endpoint[0].endswith(".local"):
                self.ground.welcome(candidate.endpoint, now)
            self._stand(now)
            generation.introduced(candidate.endpoint, now)

    def _moved(self, moves: Sequence[tuple[Pair, Why]]) -> None:
        for pair, why in moves:
            self._moves += 1
            self._out.append(PairSelected(pair.local, pair.remote, why))
        if moves:
            self.ground.found()
            first = self.state is State.CHECKING or any(why is Why.ANSWERED for _, why in moves)
            self._step(Step.SELECT if first else Step.ANSWER)

    def _judge(self, now: float) -> None:
        """The state, and what the end of consent demands."""
        current = self._generations.current
        step = current.standing(now)
        pending = self._generations.pending
        if self.state is State.CHECKING and pending and pending.remote and not pending.failed:
            step = None  # a restart after a failure is under way
        if step is Step.EXPIRE and self.state is not State.FAILED:
            self.ground.seek(now)
        if step:
            self._step(step)
        if current.settled:
            self._step(Step.FINISH)
        if current.selected and current.selected.barred:
            self._rotate(current.selected, now)

    def _rotate(self, selected: Pair, now: float) -> None:
        """Consent is over, and with it the old way: take another socket."""
        used = selected.path.socket
        old = self._rotation.due(used, now, gone=self.ground.base(used) is None)
        roaming = self._generations.current.roaming
        hopeful = roaming is not None and roaming.is_hopeful(now)
        waited_for = old is not None and old in self._rotation and self.ground.base(old) is None
        new = None if old is None or waited_for else self.ground.replace(old, now, urgent=hopeful)
        for socket in () if new is None else self._rotation.replaced(new, used):
            self._drop(socket, now)

    # Generations.

    def _made(self, controlling: bool, without: frozenset[Socket]) -> Generation:
        role = Role(controlling, self._tie_breaker)
        return Generation(self._lasting, credentials.drawn(self._draw), role, without)

    def _discard(self, generation: Generation, now: float) -> None:
        """It is no more: forget its checks, its sockets that no other uses, and the addresses that only it knew."""
        self._checks.transactions.forget(lambda sent: sent.owner is generation)
        rest = [each for each in self._generations if each is not generation]
        sockets = self._bases()
        old = {sockets[socket].foundation for socket in generation.without if socket in sockets}
        for socket, base in sockets.items():
            unused = all(socket in each.without for each in rest)
            double = socket not in generation.without and base.foundation in old  # made for this generation alone
            if (unused or double) and all(not each.selected or each.selected.path.socket != socket for each in rest):
                self._drop(socket, now)
        self._unwanted |= generation.asked_for.difference(sockets)
        self._forget([each.endpoint for each in generation.remote_candidates], rest)
        self._forget([pair.path.remote for pair in generation.pairs], rest)

    def _forget(self, remotes: Iterable[Endpoint], rest: Iterable[Generation]) -> None:
        """The relays need not let these in any more, unless one of the rest knows them."""
        known = {candidate.endpoint for each in rest for candidate in each.remote_candidates}
        known |= {pair.path.remote for each in rest for pair in each.pairs}
        for remote in remotes:
            if remote not in known:
                self.ground.forget(remote)

    def _drop(self, socket: Socket, now: float) -> None:
        self.ground.drop(socket, now)
        self._lose(socket)

    def _lose(self, socket: Socket) -> None:
        self._rotation.lost(socket)
        for generation in self._generations:
            generation.lose(socket)

    def _step(self, step: Step) -> None:
        old, new = self.state, TABLE.get((self.state, step), self.state)
        if new is not old:
            self.state = new
            self._out.append(StateChanged(old, new))
