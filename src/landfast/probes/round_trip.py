"""Round trip and loss to one server: plain requests at a steady pace, each sent once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Fact, RoundTrips
from landfast.probes import asking
from landfast.probes.asking import Socket
from landfast.probes.questions import RoundTrip
from landfast.wire import stun

PATIENCE = 2.0
"""Seconds after the last request while nothing at all has come. With the second that the asking takes a round trip of
3 s is still seen: a satellite's takes 0.6 s, a full queue on a radio link adds seconds, and that is no silence."""


async def ask(host: Host, question: RoundTrip, tell: Callable[[Fact], None]) -> None:
    """Tell RoundTrips once all are answered, or the missing ones are later than any other was by as much again.

    Raises CapabilityMissing where no route leads to the server.
    """
    own = await asking.source(host, question.server, question.interface)
    with closing(await Socket.open(host, address=own, interface=question.interface)) as socket:
        marks = [asking.token() for _ in range(question.count)]
        began = clock.monotonic()
        for number, mark in enumerate(marks, start=1):
            socket.send(stun.binding_request(mark), question.server)
            if number < question.count:
                await asyncio.sleep(began + number * question.apart - clock.monotonic())
        sent = clock.monotonic()
        for mark in marks:
            while (left := sent + _patience(socket) - clock.monotonic()) > 0 and not socket.heard(mark):
                await socket.hear(mark, left)
        answers = sorted((answer for mark in marks if (answer := socket.heard(mark))), key=lambda answer: answer.at)
        seconds = tuple(answer.seconds for answer in answers)
        tell(RoundTrips(clock.monotonic(), question.server, socket.local, len(marks), seconds))


def _patience(socket: Socket) -> float:
    return PATIENCE if socket.round_trip is None else socket.rto
