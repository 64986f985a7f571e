"""Checks on their way: what they say, and whose an answer is. Pure."""

from __future__ import annotations

from collections.abc import Callable

from landfast.session.ice.candidate import PREFERENCE, Type
from landfast.session.ice.events import Socket
from landfast.session.ice.generation import Generation
from landfast.session.ice.pairs import Pair, PairState
from landfast.session.ice.settings import Settings
from landfast.session.ice.transactions import Sent, Transactions
from landfast.wire import ice

_REFLEXIVE = PREFERENCE[Type.PEER_REFLEXIVE] << 24
_LOCAL = 0xFFFFFF  # the 24 bits below the type: 9 days of checks at 20 a second, a year at one in 2.5 s


class Checks:
    """Of a session, all generations."""

    def __init__(self, settings: Settings, draw: Callable[[int], bytes]) -> None:
        self.transactions: Transactions[Generation] = Transactions(settings.consent)
        self._settings, self._draw = settings, draw
        self._count = 0
        self._nominations = 0

    def ask(self, generation: Generation, pair: Pair, now: float) -> bytes:
        """A check of this pair, to be sent now."""
        assert generation.remote is not None
        number, nominating = self._draw(12), generation.nominates(pair)
        role, password = generation.role, generation.remote.password
        sent = Sent(generation, pair, now, password, role.controlling, nominating, self._priority(pair, generation))
        self.transactions.add(number, sent)
        pair.tried, pair.tries = now, pair.tries + 1
        pair.counters.requests_sent += 1
        if pair is generation.selected:
            pair.counters.consent_requests_sent += 1
        if pair.state in (PairState.WAITING, PairState.FAILED):
            pair.state = PairState.IN_PROGRESS
        if generation.roaming:
            generation.roaming.sent(pair, now)
        if nominating:
            self._nominations += 1
        return ice.check(
            number,
            to=generation.remote.ufrag,
            by=generation.local.ufrag,
            password=password,
            priority=sent.priority,
            controlling=role.controlling,
            tie_breaker=role.tie_breaker,
            use_candidate=nominating,
            nomination=self._nominations if nominating and self._settings.renomination else None,
        )

    def renewed(self, socket: Socket, since: float) -> None:
        """A relay has another address. What was asked by it since then has left from there: the answers are for the
        pairs in whose place those have come that were asked."""

        def whose(sent: Sent[Generation]) -> Pair:
            pair = sent.pair
            moved = pair.path.socket == socket and sent.at >= since
            return (sent.owner.pairs.get(pair.path) if moved else None) or pair

        self.transactions.renewed(whose)

    def _priority(self, pair: Pair, generation: Generation) -> int:
        """What our address is worth to a peer that learns it from this check (RFC 8445, section 7.1.1). Before a
        nomination it does not rise, or each answer that comes would be the best so far."""
        if not self._settings.rising:
            return _REFLEXIVE | pair.base.priority & _LOCAL
        if not generation.settled:
            return _REFLEXIVE
        self._count = min(self._count + 1, _LOCAL)
        return _REFLEXIVE | self._count
