"""Asking through a router, and how silence is told: by a later question that was answered, not by a clock.

What goes the same way arrives in the order in which it was sent (but on cables that reorder; for those we wait). So
when a *fence*, a plain question sent after the doubtful one, is answered, no answer to the earlier one is under way.
A network as it was declared therefore never makes us wait, however busy the machine.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from landfast import clock
from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.kernel.host import Host
from landfast.lab.verify.answering import Responder
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.points import Point, Way
from landfast.model.facts import ChangedResponse, Endpoint, Fact, MappedAddress, NoReply
from landfast.wire import stun

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds beyond the declared delays for the answer to a fence. The way takes 0.2 ms, a lost ARP request 1 s more."""

GRACE = 0.02
"""Seconds after a fence: two CPUs may hand on two packets in the other order, while their softirqs run (2 jiffies)."""

# A loss that would be taken for silence once in a million questions.
_DOUBT = 1e-6
_MOST_ATTEMPTS = 60


async def together(*questions: Coroutine[Any, Any, T]) -> list[T]:
    """Ask at the same time. When one fails the others end before this does: nobody asks on when lines are closed."""
    asked = [asyncio.ensure_future(question) for question in questions]
    try:
        return await asyncio.gather(*asked)
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


class Asker:
    """Somebody behind a router: opens lines, asks, and closes them all at the end."""

    def __init__(self, point: Point, host: Host, responder: Responder, way: Way, first_port: int) -> None:
        self.point, self.host, self.responder, self.way = point, host, responder, way
        self.server: Endpoint = next(iter(responder.lines))
        """The one who is asked first, always."""
        self.round_trip = 2 * self.way.delay
        lost = 1 - (1 - self.way.loss) ** 2
        self.attempts = min(_MOST_ATTEMPTS, math.ceil(math.log(_DOUBT) / math.log(lost))) if lost else 1
        self.first_port = first_port
        """The fence's; later lines have the next ones."""
        self._ports = iter(range(first_port + 1, 65536))
        self._fence: Line | None = None
        self._opening = asyncio.Lock()
        self._lines = ExitStack()

    def close(self) -> None:
        """Close every line. Idempotent."""
        self._lines.close()

    async def line(self, address: str = "", *, port: int = 0, anywhere: bool = False) -> Line:
        """A new line with a port of its own, at the inside point unless another address is given."""
        interface = "" if address else self.point.interface
        address, port = address or str(self.point.address), port or next(self._ports)
        opened = await Line.open(self.host, address, port, interface=interface, anywhere=anywhere)
        self._lines.callback(opened.close)
        return opened

    async def ask(self, line: Line, server: Endpoint, *, patience: float = 0.0) -> MappedAddress | NoReply:
        """One plain question, repeated where cables lose packets."""
        sent = clock.monotonic()
        for left in reversed(range(self.attempts)):
            mark, sent = token(), clock.monotonic()
            line.send(stun.binding_request(mark), server)
            came = await line.wait(mark, self.round_trip + (GRACE if left else max(patience, GRACE)))
            if came is None and not left and not patience and await self.fence():
                came = await line.wait(mark, 0)
            if came and came.message and came.message.mapped:
                return MappedAddress(came.at, server, line.local, came.message.mapped)
        return NoReply(clock.monotonic(), server, line.local, sent)

    async def first(self) -> MappedAddress | NoReply:
        """A plain question to the server, always on the same line: where the world sees us, if anything passes."""
        async with self._opening:
            if self._fence is None:
                self._fence = await self.line(port=self.first_port)
        return await self.ask(self._fence, self.server, patience=PATIENCE)

    async def fence(self) -> bool:
        """Return when whatever was sent through the router before has come, if it comes. False: nothing passes."""
        answered = isinstance(await self.first(), MappedAddress)
        await asyncio.sleep(GRACE + 2 * self.way.overtaken)
        return answered

    async def ask_for_another(self, line: Line, *, address: bool = False, port: bool = False) -> list[Fact]:
        """The filtering question: plainly, then to be answered from elsewhere, then plainly again."""
        responder = self.responder.other(self.server, address=address, port=port)
        before = await self.ask(line, self.server)
        marks = [token() for _ in range(CONVINCING_SILENCE * self.attempts)]
        for mark in marks:
            line.send(stun.binding_request(mark, change_ip=address, change_port=port), self.server)
        if not await line.wait(marks[-1], self.round_trip):
            await self.fence()
        received = sum(any(came.source == responder for came in line.came.get(mark, [])) for mark in marks)
        changed = ChangedResponse(clock.monotonic(), line.local, self.server, responder, len(marks), received)
        return [before, changed, await self.ask(line, self.server)]

    async def passes(self, line: Line, data: bytes, mark: bytes, to: Endpoint) -> bool | None:
        """Whether the responder hears a datagram, which it need not answer; None when nothing passes at all."""
        for _ in range(self.attempts):
            line.send(data, to)
        if self.responder.heard(mark):
            return True
        return self.responder.heard(mark) is not None if await self.fence() else None

    async def arrives(self, line: Line, mark: bytes) -> bool | None:
        """Whether a datagram that was sent to our line came; None when nothing passes at all."""
        if await line.wait(mark, 0):
            return True
        return await line.wait(mark, 0) is not None if await self.fence() else None
