"""When a request is repeated and when it is given up (RFC 8489, section 6.2), by the measured round trip. Pure."""

from __future__ import annotations

RTO = 0.5
"""Seconds until a request is repeated while no round trip was measured (RFC 8489, section 6.2.1)."""
_LEAST_RTO = 0.1  # seconds: one that was not needed costs 100 bytes, one that was saves most of the usual 0.5 s
_SENDS = 7  # Rc of RFC 8489, section 6.2.1
_LAST = 16  # Rm: how many RTO the last one is waited for
STREAM = 39.5
"""Ti: seconds until a request over TCP or TLS, which repeat by themselves, is given up (section 6.2.2)."""
_MOST_DOUBTED = 2.0  # seconds: after an outage, a round trip that is only known to be below a minute
_ALPHA, _BETA, _VARIATIONS = 1 / 8, 1 / 4, 4  # RFC 6298, section 2.3


class RoundTrip:
    """The round trip to a server, from requests that were sent once (Karn's rule: RFC 6298, section 3)."""

    def __init__(self, rto: float = RTO) -> None:
        self.least: float | None = None
        """The shortest, seconds; None before the first."""
        self._initial = rto
        self._smoothed = self._varies = 0.0
        self._doubted = 0.0

    def measured(self, seconds: float) -> None:
        """One more (RFC 6298, sections 2.2 and 2.3)."""
        self._doubted = 0.0
        if self.least is None:
            self.least, self._smoothed, self._varies = seconds, seconds, seconds / 2
            return
        self.least = min(self.least, seconds)
        self._varies += _BETA * (abs(self._smoothed - seconds) - self._varies)
        self._smoothed += _ALPHA * (seconds - self._smoothed)

    def doubted(self, seconds: float) -> None:
        """A request that was sent more than once was answered so long after its first sending.

        Its round trip is not known, but may be that long: the next request waits longer, and so measures it.
        """
        self._doubted = min(2 * seconds, _MOST_DOUBTED)

    @property
    def rto(self) -> float:
        """How long to wait for an answer before the request is repeated, seconds."""
        if self.least is None:
            return max(self._initial, self._doubted)
        return max(_LEAST_RTO, self._doubted, self._smoothed + _VARIATIONS * self._varies)


def waits(rto: float, *, stream: bool, longest: float = float("inf")) -> tuple[float, ...]:
    """How long to wait after each sending, seconds; after the last of them the request is given up.

    With `longest` it is repeated at least so often, instead of ever later, and given up at the same time.
    """
    if stream:
        return (STREAM,)
    plan: list[float] = []
    wait, left = rto, rto * (2 ** (_SENDS - 1) - 1 + _LAST)
    while left > rto / 1000:  # what is less is the rounding of the subtraction
        plan.append(min(wait, longest, left))
        wait, left = min(2 * wait, left), left - plan[-1]
    return tuple(plan)


class Repetition:
    """One request on its way: `due` is when to do something about it."""

    def __init__(self, data: bytes, now: float, plan: tuple[float, ...]) -> None:
        self.data = data
        self.began = now
        self.sent = 0
        self.due = now
        self._plan = plan

    def timer(self, now: float) -> bool | None:
        """Whether to send it now; None when it is given up. Nothing (False) before `due`."""
        if now < self.due:
            return False
        if self.sent == len(self._plan):
            return None
        self.due = now + self._plan[self.sent]
        self.sent += 1
        return True
