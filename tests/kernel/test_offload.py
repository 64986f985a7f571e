from __future__ import annotations

import asyncio
import socket

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel import offload
from landfast.kernel.capture import Capture
from landfast.kernel.host import Host
from tests.lan import lan

pytestmark = pytest.mark.anyio


async def largest(sender: Host, receiver: Host, address: str) -> int:
    """Bytes of the largest frame that carries 200 kB of TCP from one to the other."""
    loop = asyncio.get_running_loop()
    listening = await receiver.socket(socket.AF_INET, socket.SOCK_STREAM)
    calling = await sender.socket(socket.AF_INET, socket.SOCK_STREAM)
    frames = []
    with listening, calling, await Capture.open(receiver, "eth0") as capture:
        listening.bind((address, 0))
        listening.listen()
        accepting = loop.create_task(loop.sock_accept(listening))
        await loop.sock_connect(calling, listening.getsockname())
        answering, _ = await accepting
        with answering:
            sending = loop.create_task(loop.sock_sendall(calling, bytes(200_000)))
            left = 200_000
            while left:
                left -= len(await loop.sock_recv(answering, 65536))
                frames += capture.drain()
            await sending
    return max(frame.length for frame in frames if not frame.outgoing)


@pytest.mark.lab
async def test_without_offloads_no_frame_is_larger_than_a_cable_carries() -> None:
    async with lan(robot="10.0.0.1/24", server="10.0.0.2/24") as hosts:
        assert await largest(hosts["robot"], hosts["server"], "10.0.0.2") > 1514
        await offload.disable(hosts["robot"], ["eth0"])
        assert await largest(hosts["robot"], hosts["server"], "10.0.0.2") == 1514


async def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(CapabilityMissing, match="no-such-link"):
        await offload.disable(Host.here(), ["no-such-link"])
