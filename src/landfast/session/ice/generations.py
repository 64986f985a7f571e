"""The generations of a session: one carries data, one may be pending, others linger. Pure.

restart   ──→ pending ──promote──→ current ──→ lingering, 5 s ──→ expired
                 └──abort

A pending one that has only found a way through more relays waits, while the current one works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from landfast.session.ice.checklist import relays
from landfast.session.ice.events import Socket
from landfast.session.ice.generation import Generation
from landfast.session.ice.settings import Settings


class Generations:
    """`make(controlling, without)` gives a new one that does not use these sockets."""

    def __init__(
        self, settings: Settings, make: Callable[[bool, frozenset[Socket]], Generation], *, controlling: bool
    ) -> None:
        self.current = make(controlling, frozenset())
        self.pending: Generation | None = None
        self._settings, self._make = settings, make
        self._lingering: list[tuple[Generation, float]] = []
        self._failures = 0  # restarts in a row that led to nothing

    def __iter__(self) -> Iterator[Generation]:
        """The newest first."""
        if self.pending:
            yield self.pending
        yield self.current
        for generation, _ in reversed(self._lingering):
            yield generation

    @property
    def newest(self) -> Generation:
        """The one that descriptions speak of."""
        return self.pending or self.current

    def of_check(self, ufrag: str) -> Generation | None:
        """Whom a check is for, by our fragment."""
        if self.current.local.ufrag == ufrag:
            return self.current
        return next((each for each in self if each.local.ufrag == ufrag), None)

    def of_candidate(self, ufrag: str) -> Generation | None:
        """Whom a candidate belongs to, by the peer's fragment."""
        return next((each for each in self if each.remote and each.remote.ufrag == ufrag), None)

    def restart(self, sockets: frozenset[Socket], controlling: bool | None) -> Generation | None:
        """Make one that is pending; after a failure, one that uses none of these sockets. Gives the one it replaces."""
        if controlling is None:
            controlling = self.current.role.controlling
        if self.current.remote is None:
            old, self.current = self.current, self._make(controlling, frozenset())
            return old
        old_pending = self.pending
        self.pending = self._make(controlling, sockets if self._failures else frozenset())
        self._failures += 1
        return old_pending

    def abort(self) -> Generation | None:
        """There will be no new one; gives the one that was pending. Where no peer took it up, no socket failed."""
        aborted, self.pending = self.pending, None
        if aborted and aborted.remote is None:
            self._failures -= 1
        return aborted

    def tick(self, now: float) -> bool:
        """Let each do what is due. Whether the pending one has begun to wait."""
        if pending := self.pending:
            old = self.current.selected
            carries = old is not None and self.current.carries(now, patience=self._settings.fallback)
            pending.within = relays(old) if old and carries else None
            pending.waits &= carries
        waited = pending is not None and pending.waits
        for each in self:
            if now >= each.deadline:
                each.tick(now)
        return pending is not None and pending.waits and not waited

    def promote(self, now: float) -> bool:
        """Let the pending one carry the data: when its pair is nominated, or when the old one does not carry them."""
        pending, old = self.pending, self.current
        if pending is None or not pending.may_send(now):
            return False
        if not pending.settled and old.carries(now, patience=self._settings.fallback if pending.waits else 0.0):
            return False
        pending.within, pending.waits = None, False
        pending.pairs.inherit(pair for pair in old.pairs if pair.path.socket not in pending.without)
        self.current, self.pending, self._failures = pending, None, 0
        old.retired = True
        self._lingering.append((old, now + self._settings.linger))
        return True

    def expired(self, now: float) -> list[Generation]:
        """Those that have lingered long enough; they are no more."""
        over = [each for each, until in self._lingering if now >= until]
        self._lingering = [(each, until) for each, until in self._lingering if now < until]
        return over

    @property
    def deadline(self) -> float:
        """When one of them has something to do."""
        soonest = self.current.deadline
        if self.pending:
            soonest = min(soonest, self.pending.deadline)
        for _, until in self._lingering:  # which only answer
            soonest = min(soonest, until)
        return soonest
