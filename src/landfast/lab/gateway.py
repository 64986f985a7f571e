"""The gateway's source policy, as a machine: violations in, resets out. Pure; `keeper.py` feeds it what crosses.

After Cisco's `ip source-violation`: each packet with a source that was not given out is dropped and counted; at the
limit the subscriber's session is deleted; at each period's end the count is halved.

    up ──violation, count < limit──▶ up          down ──violation──▶ down (no session, nothing to count against)
    up ──violation, count = limit──▶ down        down ──outage over──▶ up, count 0, a new period
"""

from __future__ import annotations

from landfast.lab.network import Gateway


class SourcePolicy:
    """Counts one subscriber's violations. Times are seconds on any one clock that does not go back."""

    def __init__(self, gateway: Gateway, now: float) -> None:
        self.gateway = gateway
        self.resets = 0
        self._begin(now)

    def _begin(self, at: float) -> None:
        self.count = 0
        self.up_at = at
        """When the session stands; later than now while it is down."""
        self._period_began = at

    def violation(self, now: float) -> bool:
        """A packet with a foreign source came; True when the session is deleted for it."""
        if now < self.up_at:
            return False
        self._halve(now)
        self.count += 1
        if not self.gateway.limit or self.count < self.gateway.limit:
            return False
        self.resets += 1
        self._begin(now + self.gateway.outage)
        return True

    def _halve(self, now: float) -> None:
        """Once for each period that has ended."""
        if self.gateway.period:
            ended = int((now - self._period_began) // self.gateway.period)
            self.count >>= ended
            self._period_began += ended * self.gateway.period
