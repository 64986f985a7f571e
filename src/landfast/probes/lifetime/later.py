"""Answers that a reflector sends later, and whether packets of the same moment arrive elsewhere.

A question to be answered later is sent in several copies, whose answers leave the server one shortly after the other:
the first one that arrives refreshes the binding, so all of them together are one trial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from landfast import clock
from landfast.model.facts import Endpoint
from landfast.probes import asking
from landfast.probes.asking import Answer, Socket
from landfast.wire import reflector

COPIES = 3
"""At 10 % loss each way all three are lost once in 150 trials; the neighbours' trials tell then."""

APART = 0.02
"""Seconds between copies: a queue that is full for a moment drops what comes at once."""

_LEAD = 0.25  # seconds, and a round trip, that companions are asked before the moment
_GRACE = 0.03  # seconds by which packets of one moment arrive apart: two schedulers' turns
_PATIENCE = 0.5  # seconds beyond a round trip until companions count as lost


@dataclass(frozen=True)
class Later:
    """A question that will be answered; `dues` are, on our clock, the moments of its answers, as if sent from here."""

    mark: bytes
    last: float
    """When the last copy was sent: from then on the binding is left alone."""
    dues: tuple[float, ...]


async def ask(
    socket: Socket, server: Endpoint, silent: float, round_trip: float, *, copies: int = COPIES, apart: float = APART
) -> Later:
    """Ask to be answered when the binding, half a round trip away, will have been silent for so long."""
    mark, last = asking.token(), clock.monotonic()
    first = last + (copies - 1) * apart + max(0.0, silent - round_trip / 2)
    dues = tuple(first + number * APART for number in range(copies))
    for number, due in enumerate(dues):
        if number and apart:
            await asyncio.sleep(apart)
        last = clock.monotonic()
        socket.send(reflector.later_request(mark, max(0.0, due - last)), server)
    return Later(mark, last, dues)


class Companions:
    """Sockets that are kept alive and get packets at the moments of trials. They are born at different times, so that
    where bindings die at an age not all are gone at once."""

    def __init__(self, first: Socket, server: Endpoint, round_trip: float) -> None:
        self.sockets = [first]
        self.round_trip = round_trip
        self.sent = self.arrived = 0
        self._server = server

    async def beside(self, dues: Sequence[float]) -> bool:
        """Whether any of the packets that were sent here at these moments arrived; returns once the last of them has,
        or will not."""
        await asyncio.sleep(dues[0] - _LEAD - self.round_trip - clock.monotonic())
        sockets = self.sockets[:]
        asked: list[tuple[Socket, bytes]] = []
        for number in range(max(len(dues), len(sockets))):
            socket, due = sockets[number % len(sockets)], dues[number % len(dues)]
            asked.append((socket, mark := asking.token()))
            socket.send(reflector.later_request(mark, max(0.0, due - clock.monotonic())), self._server)
        until = dues[-1] + self.round_trip + _PATIENCE
        for socket, mark in reversed(asked):
            if await socket.hear(mark, until - clock.monotonic()):
                break  # the last one that was not lost
        asyncio.get_running_loop().call_at(until, self._count, asked)  # what came together is read one after the other
        return any(socket.heard(mark) for socket, mark in asked)

    def _count(self, asked: Sequence[tuple[Socket, bytes]]) -> None:
        self.sent += len(asked)
        self.arrived += sum(socket.heard(mark) is not None for socket, mark in asked)


async def outcome(socket: Socket, later: Later, companions: Companions) -> tuple[Answer | None, bool]:
    """The first answer, or None when it will not come; and whether packets of that moment arrived at all."""
    beside = asyncio.ensure_future(companions.beside(later.dues))
    until = later.dues[-1] + companions.round_trip + 2 * _PATIENCE
    hearing = asyncio.ensure_future(socket.hear(later.mark, until - clock.monotonic()))
    try:
        await asyncio.wait({beside, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done():
            await asyncio.wait({hearing}, timeout=_GRACE if beside.result() else None)
        if answer := socket.heard(later.mark):
            return answer, True
        return None, await beside
    finally:
        beside.cancel()
        hearing.cancel()
