"""One direction of a cable, in user space: frames go in, and come out later. Pure; `wire.py` carries them.

* *delay* ± *jitter*: each frame waits a time of its own, drawn evenly from that span, and never overtakes the one
  before it: a late frame holds those behind it, as a radio does, which delivers in order (3GPP TS 38.323, PDCP).
* *reorder*: this share of the frames does not wait, and so overtakes all that do.

These are the meanings of netem with a `rate` (sch_netem.c), so that a network is the same on either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Manner:
    """What a line does. Times are seconds; `room` is how many frames find place on it, more are lost."""

    delay: float
    jitter: float
    reorder: float
    room: int


class DelayLine:
    """Frames on their way. `random` gives numbers from 0 to 1, 1 excluded."""

    def __init__(self, manner: Manner, random: Callable[[], float]) -> None:
        self.manner = manner
        self.lost = 0
        """Frames that found no room."""
        self._random = random
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._last = 0.0

    @property
    def deadline(self) -> float | None:
        """When the next frame comes out; None while there is none."""
        return self._waiting[0][0] if self._waiting else None

    def enter(self, frame: bytes, now: float) -> None:
        """A frame goes in."""
        if len(self._waiting) >= self.manner.room:
            self.lost += 1
        elif finds_neighbours(frame) or (self.manner.reorder and self._random() < self.manner.reorder):
            self._waiting.appendleft((now, frame))
        else:
            wait = self.manner.delay + self.manner.jitter * (2 * self._random() - 1)
            self._last = max(self._last, now + wait)
            self._waiting.append((self._last, frame))

    def leave(self, now: float) -> list[bytes]:
        """The frames that have come out by now, in their order."""
        out: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= now:
            out.append(self._waiting.popleft()[1])
        return out


# EtherTypes (IANA); IPv6's next header ICMPv6, and its neighbour solicitation and advertisement (RFC 4861, section 4).
_ARP, _IPV6 = b"\x08\x06", b"\x86\xdd"
_ICMPV6, _NEIGHBOUR = 58, (135, 136)


def finds_neighbours(frame: bytes) -> bool:
    """Whether an Ethernet frame is ARP's or Neighbour Discovery's. They pass at once: a host asks three times, a second
    apart, and would never find its neighbour on a link slower than that; a radio needs no such question."""
    kind = frame[12:14]
    return kind == _ARP or (kind == _IPV6 and len(frame) > 54 and frame[20] == _ICMPV6 and frame[54] in _NEIGHBOUR)
