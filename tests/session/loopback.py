"""Agents and transports on this host's own address, for tests that need no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from landfast.session.ice.agent import Agent
from landfast.session.ice.events import Event
from landfast.session.ice.settings import Settings
from landfast.session.transport import Transport


class Peer:
    """A transport, and what its agent said."""

    def __init__(self, *, controlling: bool, settings: Settings | None = None) -> None:
        self.said: list[Event] = []
        self._news = asyncio.Event()
        self.transport = Transport(
            Agent(settings or Settings(), controlling=controlling), policy="loopback", tell=self._tell
        )

    def _tell(self, event: Event) -> None:
        self.said.append(event)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was said makes it true."""
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()


async def introduce(one: Peer, other: Peer) -> None:
    """Gather, and tell each what the other has."""
    for each in (one, other):
        await each.transport.gather()
    for mine, theirs in ((one, other), (other, one)):
        mine.transport.set_remote(theirs.transport.agent.local)
        for candidate in theirs.transport.agent.local_candidates:
            mine.transport.add_remote_candidate(candidate)
        mine.transport.add_remote_candidate(None)


@asynccontextmanager
async def connected(settings: Settings | None = None) -> AsyncIterator[tuple[Peer, Peer]]:
    """Two that can send."""
    one, other = Peer(controlling=True, settings=settings), Peer(controlling=False, settings=settings)
    try:
        await introduce(one, other)
        for each in (one, other):
            await each.until(lambda each=each: each.transport.may_send)  # type: ignore[misc]
        yield one, other
    finally:
        one.transport.close()
        other.transport.close()
