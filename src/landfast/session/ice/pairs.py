"""Pairs: a way from one of our sockets to an address of the peer's, and what is known of it. Pure.

A pair of RFC 8445, section 6.1.2, and a path of roaming are the same thing here: one socket, or the relay behind it,
and one remote address. Server-reflexive candidates leave from their base, so no two pairs send alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, pair_priority
from landfast.session.ice.events import Path, Socket

NEVER = -inf
MOST = 100
"""Pairs of signalled candidates (RFC 8445, section 6.1.2.5)."""


class PairState(StrEnum):
    """RFC 8445, section 6.1.2.6, in W3C's words. Frozen is not used: with one component it delays, and saves little."""

    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(slots=True)
class Counters:
    """What getStats tells of a pair."""

    requests_sent: int = 0
    requests_received: int = 0
    responses_sent: int = 0
    responses_received: int = 0
    consent_requests_sent: int = 0
    round_trip: float | None = None
    """Of the last answer, seconds."""
    total_round_trip: float = 0.0
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    packets_discarded: int = 0
    bytes_discarded: int = 0
    """Not sent for want of consent."""


@dataclass(eq=False, slots=True)
class Pair:
    """Times are those of the agent's clock; NEVER before it happened."""

    path: Path
    base: Candidate
    """Where packets leave from."""
    remote: Candidate
    local: Candidate
    """As the peer sees it, once it has answered: the base, or a reflexive candidate of it."""
    stranger: bool = False
    """The remote address was not signalled: it spoke."""
    state: PairState = PairState.WAITING
    tried: float = NEVER
    tries: int = 0
    """Checks since the last answer."""
    answered: float = NEVER
    """The last authenticated answer to a check of ours, from exactly there."""
    confirmed: float = NEVER
    """When the latest of our checks was sent that was answered."""
    heard: float = NEVER
    """The last data from there, which nothing authenticates."""
    asked: float = NEVER
    """The last authenticated check from there."""
    nominated: float = NEVER
    """The last check from there by which a controlling peer chose it."""
    credit: int = 0
    """Bytes that may be sent there before it has proved itself."""
    lost: bool = False
    """Our end is gone."""
    barred: bool = False
    """Consent has ended here: never again with these credentials (RFC 7675, section 5.1)."""
    counters: Counters = field(default_factory=Counters)

    @property
    def usable(self) -> bool:
        """Whether checks may still go this way."""
        return not (self.lost or self.barred)

    @property
    def proved(self) -> bool:
        """Whether the peer has answered from there with a signature."""
        return self.answered > NEVER

    @property
    def vouched(self) -> bool:
        """Whether somebody who knows our password has anything to do with the address."""
        return not self.stranger or self.proved or self.asked > NEVER

    @property
    def unasked(self) -> bool:
        """Whether it may be checked without having asked: what nobody signalled must first prove itself, since a check
        that was copied vouches for whatever address it is sent from."""
        return not self.stranger or self.proved

    def priority(self, *, controlling: bool) -> int:
        """RFC 8445, section 6.1.2.3."""
        ours, theirs = self.local.priority, self.remote.priority
        return pair_priority(ours, theirs) if controlling else pair_priority(theirs, ours)


class Pairs:
    """All of one generation, `strangers` of addresses at most that were not signalled."""

    def __init__(self, strangers: int) -> None:
        self._of: dict[Path, Pair] = {}
        self._strangers = strangers
        self._pushed_out: list[Endpoint] = []
        self._ended: frozenset[tuple[Endpoint, Endpoint]] = frozenset()

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._of.values())

    def __len__(self) -> int:
        return len(self._of)

    def get(self, path: Path) -> Pair | None:
        """The pair of a path."""
        return self._of.get(path)

    def add(self, pair: Pair, keep: Callable[[Pair], bool] = lambda _: False) -> bool:
        """False for one too many. The least useful stranger makes room for another, but never one to `keep`."""
        if pair.stranger:
            strangers = [each for each in self if each.stranger]
            if len(strangers) >= self._strangers:
                spare = [each for each in strangers if not keep(each)]
                if not spare:
                    return False
                # A flood of junk must not push out an address that has shown to be the peer's.
                least = min(spare, key=lambda each: (each.vouched, max(each.answered, each.asked, each.heard)))
                if least.vouched and not pair.vouched:
                    return False
                del self._of[least.path]
                self._pushed_out.append(least.path.remote)
        elif sum(not each.stranger for each in self) >= MOST:
            return False
        self._of[pair.path] = pair
        pair.barred = pair.barred or _addresses(pair) in self._ended
        return True

    def inherit(self, older: Iterable[Pair]) -> None:
        """Those under older credentials: what mere strangers have spent there, they have spent."""
        for pair in older:
            if not pair.vouched and pair.path not in self._of:
                spent = Pair(pair.path, pair.base, pair.remote, pair.base, stranger=True, credit=pair.credit)
                spent.tried, spent.tries = pair.tried, pair.tries
                self.add(spent)

    def bar(self, pair: Pair) -> None:
        """Consent on it has ended, and on its addresses: a relay that moves comes back with the one that it had, and it
        may have come under another name before consent was over."""
        if pair.barred:
            return
        pair.barred, ended = True, _addresses(pair)
        self._ended |= {ended}
        for each in self:
            each.barred = each.barred or _addresses(each) == ended

    def take_pushed_out(self) -> list[Endpoint]:
        """The addresses that had to make room since this was last asked."""
        taken, self._pushed_out = self._pushed_out, []
        return taken

    def lose(self, socket: Socket) -> None:
        """A socket is gone: its pairs stay what they were to whoever holds them, and go from here."""
        for pair in [each for each in self if each.path.socket == socket]:
            pair.lost = True
            del self._of[pair.path]


def _addresses(pair: Pair) -> tuple[Endpoint, Endpoint]:
    return pair.base.endpoint, pair.path.remote
