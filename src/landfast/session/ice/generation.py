"""A generation: one pair of credentials on each side, and all that is known under them (RFC 8445, section 2.4). Pure.

What it wants is taken from it: `asks`, the pairs to be checked at once, and `moves`, the pairs that were selected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from landfast.model.facts import Endpoint
from landfast.session.ice import checklist, consent, follow, pairing
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.checklist import Checklist
from landfast.session.ice.copies import Copies
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Path, Socket, Why
from landfast.session.ice.lasting import Lasting
from landfast.session.ice.machine import Step
from landfast.session.ice.nominations import Nominations
from landfast.session.ice.pairs import MOST, NEVER, Pair, Pairs, PairState
from landfast.session.ice.roaming import Roaming
from landfast.session.ice.roles import Role
from landfast.wire.ice import Check

_CHECK = 100
"""Bytes of a check, without the two fragments."""
_UNHEARD = 10
"""Checks of a pair, all in all, while the peer says nothing: two seconds in which it loses half of what comes."""
_SEEKS = 300.0
"""Seconds for which checks that have failed go on now and then: as long as the end of a silence is looked for often."""
_SOON = 1.0
"""Seconds after a move onto a relay until a direct way is looked for: one may have been found on the way there."""


@dataclass
class Generation:
    """One of them. `without`: sockets that it does not use, because it was made to have fresh ones."""

    lasting: Lasting
    local: Credentials
    role: Role
    without: frozenset[Socket] = frozenset()
    remote: Credentials | None = None
    lite: bool = False
    remote_candidates: list[Candidate] = field(default_factory=list)
    remote_complete: bool = False
    gathering: bool = False
    gathered: bool = False
    asked_for: frozenset[Socket] = frozenset()
    """Sockets that were opened for it alone."""
    nominating: bool = False
    """We have chosen, and say so in every check of the selected pair."""
    settled: bool = False
    """A nomination has been made and heard."""
    retired: bool = False
    """It only answers."""
    failed: bool = False
    """Checks went on for long enough without any success."""
    within: int | None = None
    """While the generation before carries the data: how many relays are on its way."""
    waits: bool = False
    """Nothing is nominated, because ways as short as that one were tried in vain: there may be no room for new flows
    (a budget of ports), and make before break does not give up the better for the worse."""
    roaming: Roaming | None = None
    asks: list[Pair] = field(default_factory=list)
    moves: list[tuple[Pair, Why]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pairs = Pairs(self.lasting.settings.strangers)
        self._list = Checklist(self.lasting.settings)
        self._nominations, self._copies = Nominations(), Copies()
        self._valid_since = inf
        self._round = NEVER
        self._until = inf  # when checks without success are called failed, and after that, when they end
        self._ended = False
        self._newcomers: list[Pair] = []  # made since the peer was last known to be well where it was
        self._came = NEVER  # when the newest of them was
        self._seeks = False  # whether the peer is silent, and may be at one of them

    # What is known of both sides.

    @property
    def selected(self) -> Pair | None:
        """The pair that data takes."""
        return self.roaming.selected if self.roaming else None

    def all_pairs(self) -> list[Pair]:
        """With the selected one, which may have lost its socket."""
        pairs = list(self.pairs)
        return pairs if self.selected is None or self.selected in pairs else [self.selected, *pairs]

    def set_remote(self, remote: Credentials, now: float, *, lite: bool) -> None:
        """The peer's credentials: checks may begin."""
        self.remote, self.lite = remote, lite
        if lite:
            self.role.controlling = True  # RFC 8445, section 6.1.1
        self._go_on(now)
        self.asks += [pair for pair in self.pairs if pair.asked > NEVER]

    def add_remote(self, candidate: Candidate) -> bool:
        """One more address of the peer. False for one that is known, and for one too many."""
        known = any(
            (each.endpoint, each.transport) == (candidate.endpoint, candidate.transport)
            for each in self.remote_candidates
        )
        if known or len(self.remote_candidates) >= MOST:
            return False
        self.remote_candidates.append(candidate)
        return True

    def stand_on(self, bases: Iterable[tuple[Socket, Candidate]], now: float, renewed: Iterable[Pair] = ()) -> None:
        """Make the pairs that are missing, of these sockets and all addresses of the peer. `renewed`: some that are as
        new as these."""
        remotes, gone = list(self.remote_candidates), self._is_gone
        if self.selected and gone:  # where the peer was, signalled or not
            remotes.append(self.selected.remote)
        mine = [(socket, base) for socket, base in bases if socket not in self.without]
        made = [*renewed, *pairing.form(self.pairs, mine, remotes)]
        if not made or self.remote is None:
            return
        self._go_on(now)
        if self.roaming and self.roaming.is_silent(now) and not self.roaming.selected.barred:
            self._note(made, now)  # but not what stands in for another socket every few seconds (rotation.py)
        if self.roaming and gone:
            self.roaming.hurry()

    def introduced(self, remote: Endpoint, now: float) -> None:
        """The peer has just named this address: it may be there soon, and what asks it lets it in. If it is silent, it
        is there."""
        if not (self.roaming and self.settled) or self.retired:
            return
        new = [pair for pair in self.pairs if pair.path.remote == remote and pair.tried == NEVER]
        self._note(new, now)
        if self._seeks:
            self.asks += new

    def _note(self, new: list[Pair], now: float) -> None:
        assert self.roaming is not None
        self._newcomers += [pair for pair in new if pair not in self._newcomers]
        self._came, self._seeks = now, self.roaming.is_silent(now)

    def lose(self, socket: Socket) -> None:
        """A socket is gone: look at all the others at once."""
        self.pairs.lose(socket)
        if self.roaming and self.roaming.selected.lost:
            self.roaming.hurry()

    def renew(self, socket: Socket, base: Candidate | None, now: float) -> None:
        """A relay has moved. With a new relayed address (`base`) nothing is proved any more."""
        if base is None:
            if self.roaming and (pair := self.roaming.returned(socket, now)):
                self.asks.append(pair)
            return
        was = [pair for pair in self.pairs if pair.path.socket == socket]
        self.lose(socket)
        again = [Pair(pair.path, base, pair.remote, base, stranger=pair.stranger) for pair in was]
        renewed = [pair for pair in again if self.pairs.add(pair, self._keep) and not pair.stranger]
        self.stand_on([(socket, base)], now, renewed)

    # What arrives.

    def heard(self, path: Path, base: Candidate | None, data: bytes, now: float) -> None:
        """Data came: from where the peer is, or it is a hint."""
        roaming = self.roaming
        if roaming is None or self.remote is None:
            return
        pair = roaming.selected
        if pair.path != path:
            known = self.pairs.get(path) or (base and self._learn(path, base, None, now))
            if not known:
                return
            pair = known
        pair.counters.packets_received += 1
        pair.counters.bytes_received += len(data)
        first = self._copies.first(data, pair, now, elsewhere=pair is not roaming.selected)
        if first is not pair and roaming.copied(pair, first, now):
            return
        pair.heard = now
        if pair.proved and pair.usable:
            self.lasting.rhythm.beat(now)
        if pair is not roaming.selected and pair.usable and not self.retired:
            self.lasting.hints.paid(pair, len(data), self.cost)
            if follow.is_proved(pair, now):
                self._consider(pair, now)
                if self._is_passed_over(now):
                    self.asks.append(roaming.selected)
            elif self.lasting.hints.may_ask(pair, self.cost, now):
                self.asks.append(pair)

    def _is_passed_over(self, now: float) -> bool:
        """Whether the peer's data goes another way, and nothing tells that the selected one still stands: with data
        nothing is silent, and its next check may be seconds off."""
        if self.roaming is None or self.roaming.unanswered is not None:
            return False
        old = self.roaming.selected
        return old.usable and now >= max(old.heard, old.answered, old.tried) + self.lasting.settings.fallback

    def takes(self, check: Check) -> bool:
        """Whether it is the peer's, by its signature and by both fragments. Chromium's new sockets ask our old
        credentials while it has not got the new ones; when they are answered, it goes that way, which nobody else
        knows, and asks no other."""
        known = self.remote is None or check.by == self.remote.ufrag
        return known and check.signed_with(self.local.password)

    def asked(self, path: Path, base: Candidate, check: Check, now: float) -> None:
        """A signed check came, and was answered."""
        pair = self.pairs.get(path) or self._learn(path, base, check, now)
        if pair is None or not pair.usable:
            return
        pair.asked = now
        pair.counters.requests_received += 1
        pair.counters.responses_sent += 1
        if check.use_candidate or check.nomination is not None:
            own = self._nominations.counts(check.transaction_id, path)
            if not self.role.controlling and (own or pair is self.selected):
                pair.nominated = now
        if self.remote is None or self.retired:
            return
        if self._wants_to_ask_back(pair, now) and self._may_ask_back(pair, now):
            self.asks.append(pair)
        self._heed(pair, now)

    def _wants_to_ask_back(self, pair: Pair, now: float) -> bool:
        if self.roaming and (self.settled or pair is self.selected):
            return self.roaming.asked(pair, now)
        # RFC 8445, section 7.3.1.4: one in progress is sent again, because the first may have met a closed filter.
        return pair.state is not PairState.SUCCEEDED and now >= pair.tried + self.lasting.settings.pace

    def _may_ask_back(self, pair: Pair, now: float) -> bool:
        if not pair.stranger or pair.proved:
            return True
        self.lasting.guests.paid(pair, self.cost, self.cost)
        return self.lasting.guests.may_ask(pair, self.cost, now)

    def answered(self, pair: Pair, at: float, local: Candidate, now: float, *, nominating: bool) -> bool:
        """A signed answer came from where it was asked for, to a check sent `at`. `local`: as the peer sees us.
        Whether data was lost that way until now."""
        if not pair.usable:
            return False
        pair.answered, pair.tries, pair.state, pair.local = now, 0, PairState.SUCCEEDED, local
        pair.confirmed, trip = max(pair.confirmed, at), now - at
        pair.counters.responses_received += 1
        pair.counters.round_trip = trip
        pair.counters.total_round_trip += trip
        self._list.measured(trip)
        lost = False
        if self.roaming:
            lost = self.roaming.answered(pair, at, now)
        else:
            self._valid_since = now
            self._select(pair, now, Why.ANSWERED)
        if nominating and self.role.controlling and pair is self.selected and not self.settled:
            self.settled = True
            self.moves.append((pair, Why.NOMINATED))
        self._heed(pair, now)
        return lost

    def withheld(self, pair: Pair, now: float) -> None:
        """It had its turn to be checked, and was not: it would be in vain, or too dear."""
        pair.tried = now
        if pair.state is PairState.WAITING:
            pair.state = PairState.IN_PROGRESS  # or it has every turn
        if self.roaming:
            self.roaming.sent(pair, now)

    def refused(self, pair: Pair) -> bool:
        """The peer takes its consent back: this way is never used again. Whether data took it until now."""
        ends = pair is self.selected and not pair.barred
        self.pairs.bar(pair)
        return ends

    # What is decided.

    def _heed(self, pair: Pair, now: float) -> None:
        """A pair has answered, or was nominated."""
        if self.settled or self._is_gone:
            self._consider(pair, now)
        elif pair.state is not PairState.SUCCEEDED or not pair.usable:
            return
        elif not self.role.controlling and pair.nominated > NEVER:
            self.settled = True
            self._select(pair, now, Why.NOMINATED)
        elif not self.nominating and self.selected and self._priority(pair) > self._priority(self.selected):
            self._select(pair, now, Why.ANSWERED)
        self._nominate(now)

    def _consider(self, pair: Pair, now: float) -> None:
        if self.roaming and (why := self.roaming.verdict(pair, now)):
            self._select(pair, now, why)

    def _select(self, pair: Pair, now: float, why: Why) -> None:
        settings = self.lasting.settings
        if self.roaming is None:
            self.roaming = Roaming(settings, self.pairs, self.role, self.lasting.rhythm, self.lasting.draw, pair)
            if pair.counters.round_trip is not None:
                self.roaming.trip = pair.counters.round_trip
        old = self.roaming.selected
        self.roaming.select(pair, now, why)
        self._round = now + _SOON
        if self.failed:
            self._go_on(now)
        self.moves.append((pair, why))
        if why is Why.FOLLOWED and old.usable:
            self.asks.append(old)  # if it still answers, we were led astray
        if self.nominating:
            self.asks.append(pair)

    def _nominate(self, now: float) -> None:
        """The controlling side chooses the best that answers: when there can be no better, or after some patience."""
        if not self.role.controlling or self.nominating or self.roaming is None:
            return
        best = checklist.best(self.pairs, controlling=True)
        if best is None:
            return
        complete = self.gathered and self.remote_complete
        if now < self._valid_since + self.lasting.settings.patience and not checklist.nothing_better(
            best, self.pairs, controlling=True, complete=complete
        ):
            return
        self.waits = self._is_worse(best)
        if self.waits:
            return
        self.nominating = True
        if best is not self.selected:
            self._select(best, now, Why.ANSWERED)
        else:
            self.asks.append(best)

    def _is_worse(self, best: Pair) -> bool:
        if self.within is None or checklist.relays(best) <= self.within:
            return False
        return any(pair.tries and checklist.relays(pair) <= self.within for pair in self.pairs)

    def carries(self, now: float, *, patience: float = 0.0) -> bool:
        """Whether data goes this way and arrives, as far as known: the peer is not silent for longer than that."""
        roaming = self.roaming
        if roaming is None or not self.may_send(now):
            return False
        return not roaming.is_silent(now) or now < roaming.silent_since + patience

    def switch_role(self) -> None:
        """A conflict is resolved (RFC 8445, section 7.3.1.1)."""
        self.role.controlling = not self.role.controlling
        self.nominating = self.settled and self.role.controlling

    def nominates(self, pair: Pair) -> bool:
        """Whether a check of this pair says that it is chosen: all of the selected one do, so that a peer that sees
        another address of ours follows."""
        return self.nominating and self.role.controlling and self.roaming is not None and pair is self.roaming.focus

    @property
    def calm(self) -> bool:
        """Whether nothing is wanted; so an answer in time, or the peer's check, leaves a session that works."""
        return self.settled and not (self.asks or self.moves) and self.roaming is not None and self.roaming.calm

    def may_send(self, now: float) -> bool:
        """Whether application data may go."""
        return self.selected is not None and consent.may_send(self.selected, now, self.lasting.settings)

    def standing(self, now: float) -> Step | None:
        """What the selected pair's silence means. When consent is over, that pair is barred."""
        if self.roaming is None:
            return Step.EXPIRE if self.failed else None
        selected = self.roaming.selected
        step = consent.standing(selected, self.roaming.unanswered, now, self.lasting.settings)
        if step is Step.EXPIRE:
            self.pairs.bar(selected)
        return step

    @property
    def changes(self) -> tuple[float, float]:
        """When `standing` will have to speak of silence, and of the end, if nothing is answered until then."""
        if self.roaming is None:
            return inf, inf
        selected, settings = self.roaming.selected, self.lasting.settings
        silent = consent.silent_from(selected, self.roaming.unanswered, settings)
        return silent, selected.answered + settings.consent

    # The clock.

    @property
    def deadline(self) -> float:
        """When there is something to do; infinite while there is not."""
        if self.remote is None or self.retired:
            return inf
        if self.roaming and self._is_content():
            return min(self.roaming.deadline, self._again)
        times = [self._list.deadline(self._listed())]
        if self.roaming:
            times += [self.roaming.deadline, self._again]
        elif not self._ended:
            times.append(self._until)
        if self.settled and self._is_relayed():
            times.append(self._round)
        if (
            self.roaming
            and self.role.controlling
            and not (self.nominating or self.waits)
            and checklist.best(self.pairs, controlling=True)
        ):
            times.append(self._valid_since + self.lasting.settings.patience)
        return min(times)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.remote is None or self.retired:
            return
        if self.roaming:
            if self._newcomers:
                self._seeks = self.roaming.is_silent(now)
                if self.roaming.selected.confirmed > self._came:
                    self._newcomers.clear()
            self.asks += self.roaming.due(now)
            if now >= self._again and self.roaming.selected not in self.asks:
                self.asks.append(self.roaming.selected)
            if other := self.roaming.rescue(now):
                self._select(other, now, Why.FALLBACK)
            if self._is_content():
                return
        if self.settled and self._is_relayed() and now >= self._round:
            self._round = now + self.lasting.settings.better
            for pair in self._shorter():
                pair.state = PairState.WAITING
        elif not self.settled and now >= self._until:
            self._fail(now)
        turn = self._list.next(self._listed(), now, controlling=self.role.controlling)
        paid = turn is not None and (turn.unasked or self.lasting.guests.may_ask(turn, self.cost, now))
        if turn is not None and paid and turn not in self.asks:
            self.asks.append(turn)
        self._nominate(now)

    @property
    def _again(self) -> float:
        """When the selected pair is checked once more because the peer may not have it yet: no data came. Where nobody
        signalled our address, each of our checks pays for two of its own, and one of four comes to nothing."""
        pair, settings = self.selected, self.lasting.settings
        if pair is None or pair.heard > NEVER or self.lite:
            return inf
        if not (pair.usable and 0 < pair.counters.requests_sent <= _UNHEARD):
            return inf
        return pair.tried + max(settings.repeat, 2 * (pair.counters.round_trip or 0.0))

    def _listed(self) -> list[Pair]:
        """What the check list has: all. After a nomination, what would be better than a relay, and what is new: once,
        and in silence more often, for the first check may meet a filter that is only being opened."""
        if self.settled:
            shorter = self._shorter() if self._is_relayed() else []
            often = self.lasting.settings.tries if self._seeks else 1
            new = [pair for pair in self._newcomers if pair.tries < often]
            return [*(pair for pair in shorter if pair.state is PairState.WAITING), *new]
        return [] if self._ended else [pair for pair in self.pairs if pair.unasked or self._is_guest(pair)]

    def _is_content(self) -> bool:
        """Whether there is nothing on the check list."""
        return self.settled and not self._newcomers and not self._is_relayed()

    def _is_guest(self, pair: Pair) -> bool:
        """A signed check came from there, and has paid for one more: the first that went back may be lost. More would
        be, with the answer, more than three times what came."""
        return pair.asked > NEVER and pair.tries == 1 and self.lasting.guests.has_credit(pair, 2 * self.cost)

    def _is_relayed(self) -> bool:
        return self.selected is not None and checklist.relays(self.selected) > 0

    def _shorter(self) -> list[Pair]:
        assert self.selected is not None
        relays = checklist.relays(self.selected)
        return [pair for pair in self.pairs if pair.usable and pair.unasked and checklist.relays(pair) < relays]

    # Within.

    @property
    def cost(self) -> int:
        """Bytes of a check to the peer."""
        return _CHECK + len(self.local.ufrag) + (len(self.remote.ufrag) if self.remote else 0)

    @property
    def _is_gone(self) -> bool:
        return self.selected is not None and follow.is_gone(self.selected)

    def _priority(self, pair: Pair) -> int:
        return pair.priority(controlling=self.role.controlling)

    def _go_on(self, now: float) -> None:
        self.failed = self._ended = self._list.seldom = False
        self._until = now + self.lasting.settings.checking

    def _fail(self, now: float) -> None:
        """It has been long enough. Where nothing works, checks go on, but seldom: what is in the way may end, and then
        there is nobody else to find out."""
        self._ended = self.failed or self.roaming is not None
        self.failed = self._list.seldom = True
        self._until = now + _SEEKS

    def _keep(self, pair: Pair) -> bool:
        return pair is self.selected or (self.roaming is not None and pair is self.roaming.focus)

    def _learn(self, path: Path, base: Candidate, check: Check | None, now: float) -> Pair | None:
        if path.socket in self.without:
            return None
        pair = pairing.stranger(path, base, check.priority, now) if check else pairing.stranger(path, base, None)
        return pair if self.pairs.add(pair, self._keep) else None
