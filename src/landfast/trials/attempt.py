"""One attempt: from a quiet network to a quiet network.

What it needs of the world is a `Place`; it does not know whether that is the laboratory or a robot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Fact
from landfast.trials.arms import Arm
from landfast.trials.plan import Slot
from landfast.trials.result import Attempt, Call, Gateway, measure, settled

LIMIT, HOLD = 8.0, 5.0
"""Seconds to connect, and to hold after that. aiortc and Chromium gather for 5 to 6 s where a STUN server does not
answer them, so that less than 8 s would call slow what is slow only without the remedy; consent is asked for each 5 s
(RFC 7675)."""
SETTLE = 30.0
"""Seconds that an attempt's aftermath may take: an outage (2 to 5 s), TCP's next retransmission after it (6.4 s), a new
connection."""
_BEFORE = 2.0
"""Seconds of facts that are kept of the time before an attempt: the bystander's last answer is among them."""


@dataclass(frozen=True)
class Terms:
    """What an attempt is given."""

    limit: float = LIMIT
    hold: float = HOLD


class Watcher(Protocol):
    """A meter that runs; `watch.Watch` is one."""

    facts: list[Fact]
    capturing: bool

    async def until(self, holds: Callable[[Sequence[Fact]], bool], seconds: float) -> bool:
        """Whether the facts so far come to show something within some seconds."""

    def forget(self, before: float) -> None:
        """Drop older facts."""


class Place(Protocol):
    """One network with a robot on it and an operator beyond it, and a meter that watches the robot."""

    @property
    def robot(self) -> Host:
        """Where the robot's peer runs."""

    @property
    def watch(self) -> Watcher:
        """The robot's meter."""

    async def connect(self, number: int, arm: Arm) -> Call:
        """Let two peers connect and hold, and end; a peer that does not connect is an outcome, one that cannot run an
        error."""

    async def gateway(self) -> Gateway | None:
        """The carrier's own counts so far, where there is a laboratory to ask."""


async def attempt(slot: Slot, arm: Arm, place: Place, terms: Terms, axis: float) -> Attempt:
    """Make one attempt; `axis` is the trial's zero on the monotonic clock."""
    counted = await place.gateway()
    began = clock.monotonic()
    call = await place.connect(slot.number, arm)
    over = clock.monotonic()
    quiet = await place.watch.until(lambda facts: settled(facts, over), SETTLE)
    ended = clock.monotonic()
    now = await place.gateway()
    found = measure(
        slot,
        call,
        place.watch.facts,
        began=began,
        ended=ended,
        hold=terms.hold,
        axis=axis,
        capturing=place.watch.capturing,
        gateway=now - counted if now and counted else None,
        notes=() if quiet else (f"the network did not become quiet within {SETTLE:g} s",),
    )
    place.watch.forget(ended - _BEFORE)
    return found
