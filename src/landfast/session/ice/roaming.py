"""A session after its first pair: it asks whether the peer is still there, and goes where the peer is. Pure.

    asked, answered, copied     what arrives, told by the generation
    due, deadline               whom to check, and when
    verdict                     whether a pair shall be selected instead, and why

The selected pair is checked every few seconds; when it is silent against its own rhythm, or a check stays unanswered,
twenty times a second, then less and less; every fifth time another way is checked beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from landfast.session.ice import follow, pairing
from landfast.session.ice.candidate import Type
from landfast.session.ice.events import Path, Socket, Why
from landfast.session.ice.pairs import NEVER, Pair, Pairs
from landfast.session.ice.rhythm import Rhythm
from landfast.session.ice.roles import Role
from landfast.session.ice.settings import Settings

_TRIP = 0.1  # seconds: until the round trip is measured
_LATE = 0.1  # seconds: a busy peer's answer, however near it is
_SMOOTH = 0.25  # of a new measurement: one in three packets may be late without changing what late is
_OTHERS = 5  # every so many checks, one goes another way: a fifth more, and 300 ms until the first
_SELDOM = 5.0  # seconds between two questions to a relay that is not in use: each costs as much as three checks
_LATEST = 1.2  # times the interval of checks, at most
_DISTRUST = 60.0  # seconds that an address whose packets were copies is not followed for its data


class Roaming:
    """Of one generation, while `selected` is its pair."""

    def __init__(
        self, settings: Settings, pairs: Pairs, role: Role, rhythm: Rhythm, draw: Callable[[int], bytes], first: Pair
    ) -> None:
        self.selected = first
        self.trip = _TRIP
        self.unanswered: float | None = None
        """When the oldest check of the selected pair was sent that has no answer."""
        self._settings, self._pairs, self._role, self._rhythm, self._draw = settings, pairs, role, rhythm, draw
        self._since = NEVER  # when it was selected
        self._heeded = NEVER  # the last nomination that has led somewhere: it does not again, once that was left
        self._round = (NEVER, _TRIP, _TRIP)  # when the first answer came in it, what the trip was, the shortest in it
        self._next = self._early = NEVER
        self._stirred = True  # data went or came since a pair was last asked
        self._count = 0
        self._hurry = False
        self._chosen: Pair | None = None  # nominated right after it was asked: it is asked once more in its turn
        self._left: Pair | None = None  # the pair before, while it may still prove that it was left for nothing
        self._distrusted: dict[Pair, float] = {}
        self._doubted: dict[Socket, float] = {}

    def select(self, pair: Pair, now: float, why: Why) -> None:
        """Go this way from now on."""
        self._left = self.selected if why is Why.FOLLOWED else None
        self._heeded = max(self._heeded, self.selected.nominated)
        self.selected, self._since, self.unanswered = pair, now, None
        self._round = (NEVER, _TRIP, _TRIP)
        self._wait(now)

    @property
    def focus(self) -> Pair | None:
        """The pair that is asked: the selected one, or what stands in for it when it is gone."""
        return self.selected if not follow.is_gone(self.selected) else self._successor()

    @property
    def silent_since(self) -> float:
        """When the peer was last heard or has last answered."""
        return max(self._rhythm.last, self.selected.answered)

    def is_silent(self, now: float) -> bool:
        """Whether the peer should have been heard by now."""
        return now >= self._alarm()

    def stir(self) -> bool:
        """Data goes or comes. Whether it is the first since a pair was asked: then one may be asked sooner."""
        if self._stirred:
            return False
        self._stirred = True
        self._next = min(self._next, self._early)
        return True

    @property
    def calm(self) -> bool:
        """Whether nobody is to be asked before their turn."""
        return not self._hurry and self._chosen is None and self.selected.usable

    def hurry(self) -> None:
        """A way is lost, or a new one is there: look at all of them at once."""
        self._hurry = True

    # What arrives.

    def answered(self, pair: Pair, at: float, now: float) -> bool:
        """An authenticated answer came, to a check sent `at`. Whether the selected pair was dead until then: a check
        that was sent long before is not answered."""
        dead = False
        if pair is self.selected:
            dead = self.unanswered is not None and at >= self._overdue(self.unanswered)
            self._measured(now - at, at, now)
            self.unanswered = None
            if (patience := self._rhythm.patience) is not None and now > self._rhythm.last + patience:
                self._rhythm.clear()
        elif pair is self._left and at >= self._since:
            self._distrusted[self.selected] = now
        return dead

    def copied(self, pair: Pair, first: Pair, now: float) -> bool:
        """Data came that had come by another way `first`. Whether it is a copy; who makes them is not followed: the one
        that was followed, if the other is the way that was left for it, else the one that comes second."""
        ways = (pair, first)
        if self.selected not in ways:
            return False
        if self._left in ways:
            copier = self.selected
        elif pair is not self.selected:
            copier = pair
        else:
            return False  # the quicker one may be the peer, but what it said has not yet led us there
        self._distrusted[copier] = now
        return copier is pair

    def asked(self, pair: Pair, now: float) -> bool:
        """An authenticated check came. Whether to check back (RFC 8445, section 7.3.1.4)."""
        early = now < pair.tried + self._settings.pace
        if pair is self.selected:
            return not early and self.is_silent(now)
        if follow.is_proved(pair, now) and pair.nominated <= pair.confirmed:
            return False
        if early and pair.nominated > pair.tried:
            self._chosen = pair
        return not early

    def sent(self, pair: Pair, now: float) -> None:
        """A check went out."""
        if pair is self.selected and self.unanswered is None:
            self.unanswered = now

    def verdict(self, pair: Pair, now: float) -> Why | None:
        """Whether this pair shall be selected instead, and why: the first rule of follow.py that holds."""
        old, role, settings = self.selected, self._role, self._settings
        if pair is old or not follow.is_proved(pair, now):
            return None
        since, silent = self._since, self.is_silent(now)
        may_follow = follow.is_settled(since, self.trip, now) and self._is_trusted(pair, now)
        rules = {
            Why.REBOUND: follow.is_gone(old),
            Why.NOMINATED: pair.nominated > self._heeded
            and follow.is_nominated(pair, old, controlling=role.controlling),
            Why.RETURNED: pair is self._left
            and old in self._distrusted
            and (role.controlling or old.nominated <= pair.nominated),
            Why.FOLLOWED: may_follow and follow.is_spoken_from(pair, old, since, self._rhythm, settings),
            Why.BETTER: may_follow and not silent and follow.is_better(pair, old, controlling=role.controlling),
            Why.FALLBACK: self._rescues(pair, now),
        }
        return next((why for why, holds in rules.items() if holds), None)

    # The clock.

    @property
    def deadline(self) -> float:
        """When somebody is to be checked."""
        if self._hurry:
            return NEVER
        soonest = inf if self._chosen is None else self._chosen.tried + self._settings.pace
        if focus := self.focus:
            alarm = self._alarm()
            turn = max(alarm, focus.tried + self._step(focus)) if alarm <= self._next else self._next
            soonest = min(soonest, turn)
        return soonest

    def due(self, now: float) -> list[Pair]:
        """Whom to check now."""
        asks: list[Pair] = []
        focus = self.focus
        if self._hurry:
            self._hurry = False
            asks = [pair for pair in self._best_of_each_socket().values() if now >= pair.tried + self._settings.pace]
        if self._chosen and now >= self._chosen.tried + self._settings.pace:
            asks += [] if self._chosen in asks else [self._chosen]
            self._chosen = None
        if focus is None:
            return asks
        silent = self.is_silent(now)
        if now < (focus.tried + self._step(focus) if silent else self._next):
            return asks
        self._count += silent
        if silent and self._count % _OTHERS == 0 and (other := self._another(focus)) and other not in asks:
            asks.append(other)
        self._wait(now)
        return asks if focus in asks else [focus, *asks]

    def doubtful(self, asks: Iterable[Pair], now: float) -> dict[Socket, bool]:
        """Of those that are asked in silence, the sockets whose relays may have forgotten us: the one in use, and each
        other one now and then. True for what is in a hurry: that in use, in the first minutes."""
        if not self.is_silent(now):
            return {}
        sockets, since = {}, self._in_vain_since
        for pair in asks:
            socket, used = pair.path.socket, pair is self.focus
            before = self._doubted.get(socket, NEVER)  # what was asked in an earlier silence says nothing of this one
            if used or before <= since or now >= before + _SELDOM:
                self._doubted[socket] = now
                sockets[socket] = used and self.is_hopeful(now)
        return sockets

    def returned(self, socket: Socket, now: float) -> Pair | None:
        """A relay can be reached again: who is asked by it at once. What was asked meanwhile did not get through."""
        if self.selected.path.socket == socket:
            return self.selected
        return self._best_of_each_socket().get(socket) if self.is_silent(now) else None

    def is_hopeful(self, now: float) -> bool:
        """Whether the end of a silence is looked for often, as in its first minutes."""
        return self._every(now - self.silent_since) < self._settings.repair

    def rescue(self, now: float) -> Pair | None:
        """In silence, the best of those that have answered meanwhile, whatever other rule holds for it as well: until a
        nomination is heard, this one is all there is to go by."""
        if not self.is_silent(now):
            return None
        proved = [pair for pair in self._pairs if pair is not self.selected and follow.is_proved(pair, now)]
        return max((pair for pair in proved if self._rescues(pair, now)), key=self._worth, default=None)

    # Within.

    def _measured(self, trip: float, at: float, now: float) -> None:
        """One measurement in each round trip, the shortest: what was sent in an outage may have waited in a queue, and
        comes together with what did not."""
        first, before, shortest = self._round
        if at > first:
            first, before, shortest = now, self.trip, trip
        self._round = first, before, min(shortest, trip)
        self.trip = before + _SMOOTH * (self._round[2] - before)

    def _alarm(self) -> float:
        """When silence becomes suspicious; past for a pair that is gone."""
        if follow.is_gone(self.selected):
            return NEVER
        alarm = inf
        if (patience := self._rhythm.patience) is not None:
            alarm = self.silent_since + patience
        if self.unanswered is not None:
            alarm = min(alarm, self._overdue(self.unanswered))
        return alarm

    @property
    def _in_vain_since(self) -> float:
        """In silence, since when nothing of ours is known to have arrived. Data may come all the while: then each of
        its packets would make what was asked before seem not yet asked in this silence."""
        return self.silent_since if self.unanswered is None else min(self.silent_since, self.unanswered)

    def _is_missed(self, now: float) -> bool:
        """Whether a check of the selected pair should have been answered by now."""
        return self.unanswered is not None and now >= self._overdue(self.unanswered)

    def _rescues(self, pair: Pair, now: float) -> bool:
        """Whether this pair, which is proved, is to be taken because the selected one is silent."""
        old = self.selected
        return self._is_missed(now) and follow.is_rescue(pair, max(old.heard, old.answered), now, self._settings)

    def _overdue(self, asked: float) -> float:
        """When a check should have been answered that was sent then."""
        return asked + max(3 * self.trip, _LATE)

    def _step(self, focus: Pair) -> float:
        """Between two checks in silence: by how long it lasted at the last one."""
        return self._every(focus.tried - self.silent_since)

    def _every(self, quiet: float) -> float:
        for until, step in self._settings.steps:
            if quiet < until:
                return step
        return inf

    def _wait(self, now: float) -> None:
        jitter = 0.8 + (_LATEST - 0.8) * self._draw(1)[0] / 255  # RFC 7675, section 5.1: sessions do not ask in step
        settings = self._settings
        self._early = self._next = now + settings.ping * jitter
        # Not while the peer may still look for a pair of its own, which our checks lead it to.
        if not self._stirred and now >= self._since + settings.checking:
            rest, mended = settings.rest, self._overdue(self.trip)  # one check is lost, the next answered
            if mended >= settings.doubt:
                rest = min(rest, (settings.disconnected - mended) / _LATEST)
            self._next = max(self._early, now + rest * jitter)
        self._stirred = False

    def _is_trusted(self, pair: Pair, now: float) -> bool:
        return now >= self._distrusted.get(pair, NEVER) + _DISTRUST

    def _worth(self, pair: Pair) -> tuple[bool, int]:
        return pair.proved, pair.priority(controlling=self._role.controlling)

    def _candidates(self) -> list[Pair]:
        """The ways that may be tried unasked: not those of mere strangers, but where the peer was, it has proved."""
        there = self.selected.remote.endpoint
        return [pair for pair in self._pairs if pair.usable and (pair.unasked or pair.path.remote == there)]

    def _meet_where_it_was(self) -> None:
        """Pair all sockets with the address where the peer was, signalled or not: its filter may let in anybody. One
        that was not signalled stays a stranger, of which there are few."""
        there = self.selected.remote.endpoint
        bases = {pair.path.socket: pair.base for pair in self._pairs if pair.usable}
        for socket, base in bases.items():
            path = Path(socket, there)
            if self._pairs.get(path) is None and pairing.can_pair(base, self.selected.remote):
                self._pairs.add(pairing.stranger(path, base, None), lambda pair: pair is self.selected)

    def _replaced(self) -> set[Socket]:
        """Once a pair is gone, the sockets that a newer one on their address stands in for (rotation.py). They may
        still be heard; but each turn of theirs would be one less of a way not yet tried."""
        hosts: dict[str, set[Socket]] = {}
        if follow.is_gone(self.selected):
            for pair in self._pairs:
                if pair.usable and pair.base.type is Type.HOST:
                    hosts.setdefault(pair.base.endpoint[0], set()).add(pair.path.socket)
        return {socket for sockets in hosts.values() for socket in sockets - {max(sockets)}}

    def _successor(self) -> Pair | None:
        """In the place of a pair that is gone: the newest socket to where the peer was; else the best there is."""
        ways = self._candidates()
        same = [pair for pair in ways if pair.remote.endpoint == self.selected.remote.endpoint]
        if same:
            kind = self.selected.base.type
            return max(same, key=lambda pair: (pair.base.type is kind, pair.path.socket))
        return max(ways, key=self._worth, default=None)

    def _best_of_each_socket(self) -> dict[Socket, Pair]:
        best: dict[Socket, Pair] = {}
        for pair in self._candidates():
            here = pair.remote.endpoint == self.selected.remote.endpoint
            rival = best.get(pair.path.socket)
            if rival is None or (here, *self._worth(pair)) > (
                rival.remote.endpoint == self.selected.remote.endpoint,
                *self._worth(rival),
            ):
                best[pair.path.socket] = pair
        return best

    def _another(self, focus: Pair) -> Pair | None:
        """Of the socket that was used longest ago, the pair that was asked in vain longest ago: so that all sockets are
        soon asked. What has answered in this silence comes first, then what has before: most others never will."""
        self._meet_where_it_was()
        replaced = self._replaced()
        ways = [pair for pair in self._candidates() if pair is not focus and pair.path.socket not in replaced]
        used: dict[Socket, float] = {}
        for pair in ways:
            used[pair.path.socket] = max(used.get(pair.path.socket, NEVER), pair.tried)

        since = self._in_vain_since

        def turn(pair: Pair) -> tuple[float, float, bool, bool, int]:
            in_vain = pair.tried if pair.tried > max(since, pair.answered) else NEVER
            return used[pair.path.socket], in_vain, pair.answered <= since, not pair.proved, -self._worth(pair)[1]

        return min(ways, key=turn, default=None)
