"""When nothing more can be learned. Pure.

A binding that was silent longer than any that spoke is gone, or its packets were lost. How probable the latter is
follows from how many of the packets were lost that were sent at the same moments to sockets that are kept alive.
"""

from __future__ import annotations

from math import ceil, log

from landfast.model.facts import BindingTried, State

CONVINCING = 3
"""Packets to bindings that are gone; a judge (`diagnose/estimates.py`) believes no fewer."""

DOUBT = 1e-5
"""The probability of all of them being lost that we live with: of a hundred moments of one measurement, once in a
thousand measurements."""

_MOST = 24  # copies of one question: what convinces when three of ten are lost

STATES: tuple[State, ...] = ("unreplied", "replied", "stream")


class Progress:
    """Fed with what was tried, it says which questions are settled. Times are seconds of silence or of age."""

    def __init__(self, longest: float, oldest: float = 0.0, kept: int = 1) -> None:
        """`kept`: bindings that are kept alive from inside, all of them for as long."""
        self._longest, self._oldest = longest, oldest
        self._kept = kept
        self._tried: dict[State, list[BindingTried]] = {state: [] for state in STATES}
        self._fed: list[BindingTried] = []
        self._waiting: dict[State, list[float]] = {state: [] for state in STATES}
        self._companions, self._companions_lost = 0, 0

    def expect(self, state: State, silent: float) -> None:
        """A trial began."""
        self._waiting[state].append(silent)

    def over(self, state: State, silent: float) -> None:
        """A trial that began is over, whatever it told."""
        self._waiting[state].remove(silent)

    def companions(self, sent: int, arrived: int) -> None:
        """So many packets were sent until now, at the moments of trials, to a socket that is kept alive."""
        self._companions, self._companions_lost = sent, sent - arrived

    @property
    def loss(self) -> float:
        """The share of lost packets, with the rule of succession for what was not seen often."""
        return (self._companions_lost + 1) / (self._companions + 2)

    def hear(self, fact: BindingTried) -> None:
        """One more fact."""
        if fact.refreshed_by == "nothing":
            self._tried[fact.state].append(fact)
        elif fact.refreshed_by == "inbound":
            self._fed.append(fact)

    def dead(self, state: State) -> float | None:
        """The shortest silence that a binding in this state did not survive; None while that is not sure."""
        lived = max((fact.silent for fact in self._tried[state] if fact.arrived), default=0.0)
        gone = [fact.silent for fact in self._tried[state] if not fact.arrived and fact.path_works]
        beyond = [silent for silent in gone if silent > lived]
        if not lived or not self.convincing(len(beyond)) or any(w < min(beyond) for w in self._waiting[state]):
            return None
        return min(beyond)

    def convincing(self, count: int) -> bool:
        """Whether so many packets in a row were not lost, but sent to bindings that are gone."""
        return count >= CONVINCING and self.loss**count < DOUBT

    @property
    def copies(self) -> int:
        """Of a question, so that what is not lost convinces when nothing is answered, on a bad day too."""
        convince = max(CONVINCING, ceil(log(DOUBT) / log(self.loss)))
        return min(_MOST, ceil(convince / (1 - self.loss) ** 2))

    def died(self) -> None:
        """A binding that was kept alive from inside has died all the same."""
        self._kept -= 1

    @property
    def aged(self) -> bool:
        """Whether all of them have: a single one, asked a hundred times, could be lost packets after all."""
        return self._kept <= 0

    def settled(self, state: State) -> bool:
        """Whether nothing more can be learned about this state."""
        return not self._waiting[state] or self.dead(state) is not None

    def fed_settled(self, age: float) -> bool:
        """Whether packets from outside keep a binding is known, or cannot be, at this age of those that are fed so."""
        if not self.settled("stream"):
            return False
        dead = self.dead("stream")
        if dead is None or age > self._longest:
            return True
        longer = [fact for fact in self._fed if fact.age > dead]
        gone = sum(not fact.arrived and fact.path_works for fact in longer)
        return any(fact.arrived for fact in longer) or self.convincing(gone)

    def finished(self, age: float) -> bool:
        """Whether all is settled, the oldest sockets having this age."""
        return (self.aged or age >= self._oldest) and all(map(self.settled, STATES)) and self.fed_settled(age)
