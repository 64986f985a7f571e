"""The public address, followed from one long-lived socket: what a STUN server sees it at, asked several times a second.

`PublicAddress` is pure; `follow` is the shell around it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from landfast import clock
from landfast.model.facts import Endpoint, Fact, MappedAddress, NoReply, PublicAddressChanged
from landfast.wire import stun

STUN_EVERY = 0.2
"""Seconds. An outage of 3 s shows to 7 %, and five small packets a second burden no link."""
NO_REPLY = 0.8
"""Seconds after which a STUN request counts as unanswered. Twice the 0.4 s that a cellular round trip seldom exceeds,
and less than trials.result.QUIET, which relies on it."""


class PublicAddress:
    """Follows the address that a STUN server sees one socket at."""

    def __init__(self, server: Endpoint, local: Endpoint) -> None:
        self.server, self.local = server, local
        self.known: str | None = None
        self._waiting: dict[bytes, float] = {}
        self._newest = float("-inf")

    def ask(self, transaction_id: bytes, now: float) -> bytes:
        """A request to send now. `transaction_id` is 12 fresh random bytes."""
        self._waiting[transaction_id] = now
        return stun.binding_request(transaction_id)

    def answer(self, data: bytes, now: float) -> list[Fact]:
        """What a datagram says. Answers that nobody asked for, or that a later question has overtaken, say nothing."""
        message = stun.parse(data)
        if message is None or message.mapped is None or message.transaction_id not in self._waiting:
            return []
        sent = self._waiting.pop(message.transaction_id)
        if sent < self._newest:
            return []
        self._newest = sent
        facts: list[Fact] = []
        if self.known is not None and self.known != message.mapped[0]:
            facts.append(PublicAddressChanged(now, self.known, message.mapped[0]))
        self.known = message.mapped[0]
        return [*facts, MappedAddress(now, self.server, self.local, message.mapped)]

    def overdue(self, now: float) -> list[Fact]:
        """Requests that by now count as unanswered."""
        late = [key for key, sent in self._waiting.items() if now - sent >= NO_REPLY]
        return [NoReply(now, self.server, self.local, self._waiting.pop(key)) for key in late]


async def follow(opened: socket.socket, server: Endpoint, tell: Callable[[Fact], None]) -> None:
    """Ask from this socket until cancelled. It is not connected, so each packet's source follows the routes."""
    loop = asyncio.get_running_loop()
    sense = PublicAddress(server, opened.getsockname()[:2])

    def readable() -> None:
        with suppress(OSError):  # ICMP errors; the silence is noticed anyway
            while True:
                for fact in sense.answer(opened.recv(2048), clock.monotonic()):
                    tell(fact)

    loop.add_reader(opened, readable)
    try:
        while True:
            for fact in sense.overdue(clock.monotonic()):
                tell(fact)
            with suppress(OSError):  # no route, or the link is down: a question that nobody hears
                opened.sendto(sense.ask(os.urandom(12), clock.monotonic()), server)
            await asyncio.sleep(STUN_EVERY)
    finally:
        loop.remove_reader(opened)
