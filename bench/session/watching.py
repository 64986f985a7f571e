"""What a host sent, told apart by what it is: the agent's own bytes (STUN and TURN), and the application's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from landfast.kernel import capture
from landfast.kernel.host import Host

_COOKIE = b"\x21\x12\xa4\x42"  # RFC 8489, section 5
_CHANNEL = 4  # bytes of ChannelData's header (RFC 8656, section 12.4), whose first is 0x40 to 0x4f
_HEAR = 0.2  # seconds


@dataclass
class Sent:
    """IP bytes and packets that left over UDP."""

    own_bytes: int = 0
    own_packets: int = 0
    all_bytes: int = 0


def is_own(payload: bytes) -> bool:
    """Whether a UDP payload is STUN, in a TURN channel or not."""
    if payload[:1] and 0x40 <= payload[0] <= 0x4F:
        payload = payload[_CHANNEL:]
    return payload[4:8] == _COOKIE


@asynccontextmanager
async def sending(host: Host, interface: str) -> AsyncIterator[Sent]:
    """Count while the block lasts."""
    sent = Sent()
    with await capture.Capture.open(host, interface) as watched:

        def read() -> None:
            for frame in watched.drain():
                packet = capture.parse(frame)
                if packet and packet.outgoing and packet.protocol == capture.UDP:
                    sent.all_bytes += packet.length
                    if is_own(packet.payload):
                        sent.own_bytes += packet.length
                        sent.own_packets += 1

        async def reading() -> None:
            while True:
                read()
                await asyncio.sleep(_HEAR)

        task = asyncio.create_task(reading())
        try:
            yield sent
        finally:
            task.cancel()
            read()
