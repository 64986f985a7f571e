"""What must hold in every history: one small object each, which hears of packets and events and says what is wrong.

Each number here is stated by the agent's settings or by the project's promises, and not by what was seen to happen.
`named`: what a violation is called in results.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from landfast.session.ice.candidate import Type
from landfast.session.ice.events import Event, PairSelected, StateChanged
from landfast.session.ice.machine import TABLE, State
from landfast.trials.campaign.history import Name
from landfast.trials.campaign.ledger import NEVER, Kind, Ledger, Way


@dataclass(frozen=True)
class Violation:
    """What went wrong: which invariant, when, on which side, and a few words."""

    named: str
    at: float
    on: str
    words: str


class Sent:
    """A datagram left on a way, by a socket or from the relay. `by`: the fragment that a check was sent under; `said`:
    when the application or the agent did so, for a stream to the relay may hold it for long."""

    __slots__ = ("by", "now", "on", "said", "size", "way", "what")

    def __init__(self, on: Name, way: Way, what: Kind, size: int, by: str, now: float, said: float) -> None:
        self.on, self.way, self.what, self.size, self.by = on, way, what, size, by
        self.now, self.said = now, said


Blame = Callable[[str, str, str], None]
"""Called with the invariant's name, the side, and words."""


class Invariant:
    """Hears everything, and says nothing."""

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        self.ledgers, self.blame = ledgers, blame

    def sent(self, one: Sent) -> None:
        """A datagram left."""

    def told(self, on: Name, event: Event, now: float) -> None:
        """An agent said something."""


class Proved(Invariant):
    """Data goes only where a signed answer came from (RFC 7675, section 5.1)."""

    named = "data to an unproved address"

    def sent(self, one: Sent) -> None:
        if one.what is Kind.DATA and one.way.proved == NEVER:
            self.blame(self.named, one.on, f"{one.way.local} > {one.way.remote}")


class Consent(Invariant):
    """Without an answer for 30 s, or after a 403, neither data nor checks of the same generation (RFC 7675, 5.1, 5.2).

    Consent is asked of the way that data takes: of one that was left, nothing has ended.
    """

    named = "sent without consent"
    expires = 30.0
    late = 0.5
    """Seconds: of packets and answers that are still on their way to a relay or back."""

    def sent(self, one: Sent) -> None:
        way = one.way
        if one.what is Kind.DATA:
            if one.said > way.revoked.get(way.renewed, one.said) + self.late:
                self.blame(self.named, one.on, f"data to {way.remote} after a 403")
            elif way.proved > NEVER and (since := one.said - way.answered) > self.expires + self.late:
                self.blame(self.named, one.on, f"data to {way.remote}, {since:.1f} s after the last answer")
        elif one.what is Kind.CHECK and one.said > way.lapsed.get(one.by, one.said) + self.late:
            self.blame(self.named, one.on, f"a check {way.local} > {way.remote}, with the credentials that had lapsed")

    def told(self, on: Name, event: Event, now: float) -> None:
        if isinstance(event, PairSelected):
            local = event.local  # as the peer sees it, which for a relay may be another address, too
            base = local.related if local.related and local.type is not Type.RELAYED else local.endpoint
            self.ledgers[on].moved(base, event.remote.endpoint)

    def lapse(self, on: Name, now: float) -> None:
        """Look whether consent has ended where data went."""
        ledger = self.ledgers[on]
        if (way := ledger.bearer) and way.proved > NEVER and now - way.answered > self.expires + self.late:
            for fragment in way.consented:  # those of a restart that is pending have none here to lose
                way.lapsed.setdefault(fragment, now)


class Amplification(Invariant):
    """An address that was neither signalled nor has proved itself gets three times what it sent (RFC 9000, 8.1)."""

    named = "amplification"
    times = 3

    def sent(self, one: Sent) -> None:
        way = one.way
        too_much = way.proved == NEVER and way.sent > self.times * way.received
        if too_much and one.what is not Kind.ELSE and self.ledgers[one.on].is_strange(way):
            self.blame(self.named, one.on, f"{way.sent} bytes to {way.remote} for {way.received}")


@dataclass
class _Window:
    """Counts what happened in the last so many seconds."""

    seconds: float
    most: int
    times: deque[float] = field(default_factory=deque)

    def exceeds(self, now: float) -> bool:
        """One more: whether it is one too many."""
        times = self.times
        times.append(now)
        while times[0] <= now - self.seconds:
            times.popleft()
        return len(times) > self.most


class Hints(Invariant):
    """Strangers' data causes 20 checks a second at most, and a burst of 8; each stranger 4 at once, then one a second.

    Addresses from which signed checks came have a budget of the same size of their own.
    """

    named = "too many checks to strangers"
    each_at_once = 4
    each_seconds = 1.0

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self._windows: defaultdict[tuple[Name, bool], _Window] = defaultdict(lambda: _Window(4.0, 4 * 20 + 8))

    def sent(self, one: Sent) -> None:
        way = one.way
        if one.what is not Kind.CHECK or not self.ledgers[one.on].is_strange(way):
            return
        guest = way.asked > NEVER
        if self._windows[one.on, guest].exceeds(one.now):
            self.blame(self.named, one.on, f"more than {4 * 20 + 8} in 4 s")
        lately = [at for at in way.tried if at > one.now - 4.0]
        if not guest and len(lately) > self.each_at_once + 4 / self.each_seconds + 1:
            self.blame(self.named, one.on, f"{len(lately)} to {way.remote} in 4 s")


class Checks(Invariant):
    """Checks in all: 20 a second while silent and one in five another way (settings.steps), 20 of a check list that
    searches (settings.pace), and those that strangers and the peer's own checks cause."""

    named = "too many checks"
    most = 80
    seconds = 1.0

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self._windows: defaultdict[Name, _Window] = defaultdict(lambda: _Window(self.seconds, self.most))

    def left(self, on: Name, now: float) -> None:
        """One left the host: a stream to the relay may hold it for long, and let many go at once."""
        if self._windows[on].exceeds(now):
            self.blame(self.named, on, f"more than {self.most} in {self.seconds:g} s")


class Outage(Invariant):
    """While nothing is heard, what is not the application's is 60 kB in any minute at most."""

    named = "too many bytes in an outage"
    most = 60_000
    seconds = 60.0

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self._sent: defaultdict[Name, deque[tuple[float, int]]] = defaultdict(deque)
        self._sum: defaultdict[Name, int] = defaultdict(int)

    def left(self, on: Name, size: int, now: float) -> None:
        """Bytes of the agent's own left the host."""
        sent = self._sent[on]
        sent.append((now, size))
        self._sum[on] += size
        while sent[0][0] <= now - self.seconds:
            self._sum[on] -= sent.popleft()[1]
        if self._sum[on] > self.most:
            self.blame(self.named, on, f"{self._sum[on]} bytes since {sent[0][0]:.1f} s")

    def heard(self, on: Name) -> None:
        """Something of the peer's was heard: it is no outage."""
        if self._sent[on]:
            self._sent[on].clear()
            self._sum[on] = 0


class Sockets(Invariant):
    """Sockets are not opened over and over: each takes a binding of the NAT's from somebody else."""

    named = "too many sockets opened"
    most = 60
    seconds = 30.0
    """Two restarts and three changes of address in half a minute, each with two addresses and three relays, twice."""

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self._windows: defaultdict[Name, _Window] = defaultdict(lambda: _Window(self.seconds, self.most))

    def opened(self, on: Name, now: float) -> None:
        """One more."""
        if self._windows[on].exceeds(now):
            self.blame(self.named, on, f"more than {self.most} in {self.seconds:g} s")


class Table(Invariant):
    """States move as the table says, and nothing follows the end."""

    named = "a step that is in no table"

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self.state: defaultdict[Name, State] = defaultdict(lambda: State.NEW)
        self._allowed = {(old, new) for (old, _), new in TABLE.items()}

    def told(self, on: Name, event: Event, now: float) -> None:
        if isinstance(event, StateChanged):
            known = event.old is self.state[on] and (event.old, event.new) in self._allowed
            self.state[on] = event.new
            if not known:
                self.blame(self.named, on, f"{event.old} > {event.new}")


class Restless(Invariant):
    """Two sides do not chase each other: in five seconds a side moves ten times at most."""

    named = "restless"
    most = 10
    seconds = 5.0

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self._windows: defaultdict[Name, _Window] = defaultdict(lambda: _Window(self.seconds, self.most))

    def told(self, on: Name, event: Event, now: float) -> None:
        if isinstance(event, PairSelected) and self._windows[on].exceeds(now):
            self.blame(self.named, on, f"more than {self.most} moves in {self.seconds:g} s")


class Astray(Invariant):
    """Data does not go to a third host that only copies packets, while the peer's own way is well."""

    named = "led astray"
    few = 10
    """Datagrams: a copy of the last packet before a pause cannot be told from a move."""

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        super().__init__(ledgers, blame)
        self.third: frozenset[str] = frozenset()
        """Its addresses, while the world is well otherwise."""
        self._count: defaultdict[Name, int] = defaultdict(int)

    def sent(self, one: Sent) -> None:
        if one.what is Kind.DATA and one.way.remote[0] in self.third:
            self._count[one.on] += 1
            if self._count[one.on] > self.few:
                self.blame(self.named, one.on, f"data to {one.way.remote}")


class Invariants:
    """All of them."""

    def __init__(self, ledgers: dict[Name, Ledger], blame: Blame) -> None:
        self.consent, self.outage, self.astray = (
            Consent(ledgers, blame),
            Outage(ledgers, blame),
            Astray(ledgers, blame),
        )
        self.checks, self.sockets = Checks(ledgers, blame), Sockets(ledgers, blame)
        self._all: list[Invariant] = [
            Proved(ledgers, blame),
            self.consent,
            Amplification(ledgers, blame),
            Hints(ledgers, blame),
            self.checks,
            Table(ledgers, blame),
            Restless(ledgers, blame),
            self.outage,
            self.sockets,
            self.astray,
        ]

        self._hear_packets = [each for each in self._all if type(each).sent is not Invariant.sent]
        self._hear_events = [each for each in self._all if type(each).told is not Invariant.told]

    def __iter__(self) -> Iterator[Invariant]:
        return iter(self._all)

    def sent(self, one: Sent) -> None:
        """A datagram left."""
        for each in self._hear_packets:
            each.sent(one)

    def told(self, on: Name, event: Event, now: float) -> None:
        """An agent said something."""
        for each in self._hear_events:
            each.told(on, event, now)
