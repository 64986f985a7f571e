"""Two connections in one process, and what passes between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiortc
from aiortc import RTCConfiguration

from landfast.session import RTCPeerConnection
from landfast.session.aiortc.ice import RTCIceTransport

ALONE = RTCConfiguration(iceServers=[])
LIMIT = 20  # seconds until something that should happen has not


def ours(configuration: RTCConfiguration = ALONE) -> RTCPeerConnection:
    """With every address, because aiortc uses every address."""
    return RTCPeerConnection(configuration, addresses="all")


def stock() -> aiortc.RTCPeerConnection:
    return aiortc.RTCPeerConnection(ALONE)


async def negotiate(one: aiortc.RTCPeerConnection, other: aiortc.RTCPeerConnection, **options: Any) -> None:
    """An offer by `one`, an answer by `other`."""
    await one.setLocalDescription(await one.createOffer(**options))
    await other.setRemoteDescription(one.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    await one.setRemoteDescription(other.localDescription)


async def until(connection: Any, event: str, condition: Callable[[], bool]) -> None:
    """Wait until one of these events makes it true."""
    news = asyncio.Event()
    connection.on(event, news.set)
    async with asyncio.timeout(LIMIT):
        while not condition():
            news.clear()
            await news.wait()
    connection.remove_listener(event, news.set)


def ice(connection: aiortc.RTCPeerConnection) -> RTCIceTransport:
    """The only transport of one of ours."""
    (transport,) = connection._RTCPeerConnection__iceTransports  # type: ignore[attr-defined]
    assert isinstance(transport, RTCIceTransport)
    return transport


class Call:
    """`one` has offered a channel, and `other` echoes what comes."""

    def __init__(self, one: aiortc.RTCPeerConnection, other: aiortc.RTCPeerConnection) -> None:
        self.one, self.other = one, other
        self.channel = one.createDataChannel("call")
        self.echoes: asyncio.Queue[str] = asyncio.Queue()
        self.channel.on("message", self.echoes.put_nowait)
        other.on("datachannel", self._answering)

    def _answering(self, channel: aiortc.RTCDataChannel) -> None:
        channel.on("message", lambda text: channel.send(f"echo {text}"))

    async def opened(self) -> None:
        """The channel is open."""
        await until(self.channel, "open", lambda: self.channel.readyState == "open")

    async def says(self, text: str) -> None:
        """A message goes there, and its echo comes back, in order."""
        self.channel.send(text)
        async with asyncio.timeout(LIMIT):
            assert await self.echoes.get() == f"echo {text}"


@asynccontextmanager
async def call(
    one: aiortc.RTCPeerConnection | None = None, other: aiortc.RTCPeerConnection | None = None
) -> AsyncIterator[Call]:
    """An open channel; both sides are ours unless given."""
    made = Call(one or ours(), other or ours())
    try:
        await negotiate(made.one, made.other)
        await made.opened()
        yield made
    finally:
        async with asyncio.timeout(LIMIT):
            await made.one.close()
            await made.other.close()
