"""The check list (RFC 8445, section 6.1.4): which pair is checked next, and which may be nominated. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from landfast.session.ice.candidate import Type
from landfast.session.ice.pairs import NEVER, Pair, PairState
from landfast.session.ice.settings import Settings

_LEAST = 0.1  # seconds: a check that was not needed costs 100 bytes
_MOST = 2.0  # seconds: a longer trip is more likely a queue's than the way's
_LONGEST = 1.0  # seconds between checks to one pair: at a loss of 30 % each way, half of them are in vain
_SLOWLY, _SELDOM = 1.0, 5.0  # seconds between any two checks, and two of one pair, once all have failed
_AS_OFTEN = 3  # checks, after which the next comes later: at a loss of 20 %, three are lost once in 125 times


class Checklist:
    """Paces the checks of one generation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seldom = False
        """Checks have gone on for long without any success: each pair is asked now and then."""
        self._last = NEVER
        self._trip: float | None = None

    def measured(self, trip: float) -> None:
        """A round trip to the peer, seconds: checks are repeated after two of them."""
        self._trip = trip if self._trip is None else max(trip, self._trip)

    def next(self, pairs: Iterable[Pair], now: float, *, controlling: bool) -> Pair | None:
        """The pair to check now: one that never was, by priority; else the one that waits longest for its answer."""
        known = list(pairs)
        due = [pair for pair in known if self._due(pair) <= now]
        if not due or now < self._earliest(known):
            return None
        self._last = now
        waiting = [pair for pair in due if pair.state is PairState.WAITING]
        if waiting:
            return max(waiting, key=lambda pair: pair.priority(controlling=controlling))
        return min(due, key=self._due)

    def deadline(self, pairs: Iterable[Pair]) -> float:
        """When there may be one."""
        known = list(pairs)
        return max(self._earliest(known), min(map(self._due, known), default=inf))

    def _earliest(self, pairs: Iterable[Pair]) -> float:
        """At the pace; at the slow one, a peer that gets through has its turn, too: its checks make us ask back. Who
        has had a turn and was not asked, because that was too dear, waits for the next."""
        soonest = self._last + self._settings.pace
        if self.seldom:
            slow = max((max(pair.tried, pair.asked + _SLOWLY) for pair in pairs), default=NEVER) + _SLOWLY
            return max(soonest, slow)
        return soonest

    def _due(self, pair: Pair) -> float:
        if not pair.usable or pair.state in (PairState.SUCCEEDED, PairState.FAILED):
            return inf
        if pair.state is PairState.WAITING:
            return NEVER
        if self.seldom:
            return pair.tried + _SELDOM
        first = self._settings.rto if self._trip is None else max(2 * min(self._trip, _MOST), _LEAST)
        if pair.asked > NEVER and pair.unasked:  # the peer gets through: what stays unanswered was lost
            return pair.tried + min(first, self._settings.repeat)
        later = min(max(pair.tries - _AS_OFTEN, 0), 16)
        return pair.tried + min(first * 2.0**later, max(_LONGEST, first))


def relays(pair: Pair) -> int:
    """How many of its ends are relayed; fewer is shorter, whatever the priorities say."""
    return (pair.local.type is Type.RELAYED) + (pair.remote.type is Type.RELAYED)


def best(pairs: Iterable[Pair], *, controlling: bool) -> Pair | None:
    """The valid pair of the highest priority."""
    valid = [pair for pair in pairs if pair.usable and pair.state is PairState.SUCCEEDED]
    return max(valid, key=lambda pair: pair.priority(controlling=controlling), default=None)


def nothing_better(chosen: Pair, pairs: Iterable[Pair], *, controlling: bool, complete: bool) -> bool:
    """Whether a nomination need not wait: no pair that may still succeed would be preferred to it.

    `complete`: all candidates of both sides are known; until then only a path without a relay is as good as it gets.
    """
    mine = chosen.priority(controlling=controlling)
    unknown = (PairState.WAITING, PairState.IN_PROGRESS)
    rivals = [pair for pair in pairs if pair.state in unknown and pair.usable]
    return (complete or not relays(chosen)) and all(pair.priority(controlling=controlling) < mine for pair in rivals)
