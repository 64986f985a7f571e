"""Telling silence from loss: what may have no answer is asked in rounds, each with a plain question beside it.

A round counts only when its plain question was answered. So an outage in the midst is nobody's silence, however long
it lasts, and a path that loses much is asked more often.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from landfast import clock
from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.model.facts import Endpoint
from landfast.probes import asking
from landfast.probes.asking import Answer, Socket
from landfast.wire import stun

PACE = 0.05
"""Seconds between rounds. Losses come in bursts, and on radio links most bursts are over by then."""

MOST_ROUNDS = 25
"""At 30 % loss each way half of them count; a path that loses more is another trouble, and a dead one has ended."""

# Of many questions one is lost every time by chance, three hardly ever: at 10 % loss each way, of 256 that are asked
# five times one is with 6 %, three are with 4e-5. Fewer are asked twice as often: then one is lost with 2e-5.
_FEW = 3

# A burst that a small router's queue takes; 256 requests take 0.16 s.
_AT_ONCE, _PAUSE = 16, 0.01


@dataclass
class Doubt:
    """A question that may have no answer. `request` makes the datagram of a transaction id."""

    socket: Socket
    server: Endpoint
    request: Callable[[bytes], bytes]
    sent: int = field(default=0, init=False)
    refused: bool = field(default=False, init=False)
    """It is too long for our own interface, and was not asked."""
    _marks: list[bytes] = field(default_factory=list, init=False)

    @property
    def answers(self) -> list[Answer]:
        """What came, to however many sends."""
        return [answer for mark in self._marks if (answer := self.socket.heard(mark))]

    @property
    def open(self) -> bool:
        """Whether it can be asked and has had no answer."""
        return not self.refused and not any(self.socket.heard(mark) for mark in self._marks)

    def send(self) -> None:
        """Once more."""
        mark = asking.token()
        if self.socket.send(self.request(mark), self.server):
            self._marks.append(mark)
            self.sent += 1
        elif self.socket.errors[-1].number == errno.EMSGSIZE:  # else it may do so later
            self.refused = not self.sent

    async def wait(self, seconds: float) -> None:
        """For an answer to what was sent last."""
        if self._marks:
            await self.socket.hear(self._marks[-1], seconds)


@dataclass(frozen=True)
class Rounds:
    """How it went: the rounds, in how many of them the plain question was answered, how many were wanted."""

    asked: int
    answered: int
    enough: int

    @property
    def convincing(self) -> bool:
        """Whether those who have not answered are silent."""
        return self.answered >= self.enough


async def rounds(doubts: Sequence[Doubt], control: Socket, server: Endpoint, *, enough: int | None = None) -> Rounds:
    """Ask until all have answered, or the others' silence is convincing (or will never be).

    `control` asks `server` plainly; both are known to work. `enough`: rounds that must count, where the caller knows.
    """
    plain: list[Doubt] = []

    def answered() -> int:
        return sum(not each.open for each in plain)

    def wanted(silent: int) -> int:
        return enough or CONVINCING_SILENCE * (1 if silent >= _FEW else 2)

    while silent := [doubt for doubt in doubts if doubt.open]:
        missing = wanted(len(silent)) - answered()
        if missing <= 0 or len(plain) + missing > MOST_ROUNDS:
            break
        for _ in range(missing):
            if still := [doubt for doubt in silent if doubt.open]:
                plain.append(Doubt(control, server, stun.binding_request))
                # Nearly all answer the first time: it is given its time, so that they are not asked again.
                await _round(still, plain[-1], control.rto if len(plain) == 1 else PACE)
        await _all([*silent, plain[-1]], control.rto)
    return Rounds(len(plain), answered(), wanted(sum(doubt.open for doubt in doubts)))


async def _round(doubts: Sequence[Doubt], plain: Doubt, seconds: float) -> None:
    """The doubtful, then the plain one, whose answer comes after theirs as a rule."""
    for number, doubt in enumerate(doubts, start=1):
        doubt.send()
        if not number % _AT_ONCE:
            await asyncio.sleep(_PAUSE)
    plain.send()
    await _all(doubts, seconds)


async def _all(doubts: Sequence[Doubt], seconds: float) -> None:
    """Wait for all of them, for so long at most."""
    ends = clock.monotonic() + seconds
    for doubt in doubts:
        if doubt.open and (left := ends - clock.monotonic()) > 0:
            await doubt.wait(left)
