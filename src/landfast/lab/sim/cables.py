"""One direction of a cable: when a packet comes out at the other end, or that it does not. Pure.

The words mean what `impair.py` and `delayline.py` make of them in the kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from landfast.lab.network import Link
from landfast.lab.sim.packet import Lost

# Those of `impair.py`: a frame's header, two full frames at once and what a slow kernel's tick lets through, the queue.
_ETHERNET, _FULL, _TICK, _QUEUE = 14, 1514, 0.004, 0.2


class Way:
    """One direction of a cable. `draw` gives numbers from 0 to 1, 1 excluded."""

    __slots__ = (
        "_burst",
        "_draw",
        "_filled",
        "_last",
        "_rate",
        "_tokens",
        "delay",
        "jitter",
        "loss",
        "plain",
        "reorder",
    )

    def __init__(self, link: Link, draw: Callable[[], float]) -> None:
        self.delay, self.jitter = link.delay_ms / 1000, link.jitter_ms / 1000
        self.reorder, self.loss = link.reorder, link.loss
        self._rate = link.rate_kbit * 125.0 if link.rate_kbit else 0.0  # bytes per second
        self._burst = 2 * _FULL + self._rate * _TICK
        self._tokens, self._filled, self._last = self._burst, 0.0, 0.0
        self._draw = draw
        self.plain = not (self.delay or self.loss or self._rate)
        """Whether it does nothing at all."""

    def out(self, length: int, now: float) -> float | Lost:
        """When a packet of `length` bytes comes out that goes in now, or why it does not."""
        if self.loss and self._draw() < self.loss:
            return Lost.LOSS
        if self._rate:
            now = self._shaped(length + _ETHERNET, now)
            if now < 0:
                return Lost.RATE
        if not self.delay or (self.reorder and self._draw() < self.reorder):
            return now
        wait = self.delay
        if self.jitter:
            wait += self.jitter * (2 * self._draw() - 1)
        self._last = max(self._last, now + wait)  # none overtakes the one before it
        return self._last

    def _shaped(self, length: int, now: float) -> float:
        """A token bucket (tbf): when there are enough tokens; negative when that is too late."""
        tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        after = tokens - length
        wait = max(0.0, -after / self._rate)
        if wait > _QUEUE:
            return -1.0
        self._tokens, self._filled = after, now
        return now + wait
