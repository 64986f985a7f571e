from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, MappedAddress
from landfast.probes import settled
from landfast.probes.questions import Settled
from landfast.wire import stun
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def server(silent_for: int) -> AsyncIterator[Endpoint]:
    """A STUN server that leaves the first requests unanswered."""
    loop = asyncio.get_running_loop()
    with await Host.here().udp("127.0.0.1") as opened:

        async def serve() -> None:
            for number in range(1000):
                data, address = await loop.sock_recvfrom(opened, 2000)
                request = stun.parse(data)
                if request and number >= silent_for:
                    opened.sendto(stun.binding_response(request, address), address)

        serving = asyncio.create_task(serve())
        yield opened.getsockname()
        serving.cancel()


@pytest.mark.parametrize("silent_for", [0, 3])
async def test_it_waits_until_the_network_answers_and_tells_how_it_was_seen_then(silent_for: int) -> None:
    tell = Told()
    async with server(silent_for) as there:
        await settled.ask(Host.here(), Settled(there), tell)
    [fact] = tell.of(MappedAddress)
    assert fact.server == there


async def test_when_patience_ends_it_goes_on_without_a_word() -> None:
    tell = Told()
    async with server(1000) as there:
        await settled.ask(Host.here(), Settled(there, patience=0.01), tell)
    assert tell == []
