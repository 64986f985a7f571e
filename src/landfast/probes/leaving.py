"""Foreign sources as they leave, while something else happens: what goes before a change of the public address is known
by the order of time only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

from landfast.errors import CapabilityMissing
from landfast.kernel import routes
from landfast.kernel.capture import UDP, Capture, parse
from landfast.kernel.host import Host
from landfast.model.address import is_foreign, own
from landfast.model.facts import Fact, ForeignSourcePacket
from landfast.model.routing import Question

MOST = 256
"""Packets that are told: a router's default limit is 10, and ten thousand would tell no more."""


@asynccontextmanager
async def watched(host: Host, towards: str, tell: Callable[[Fact], None]) -> AsyncIterator[None]:
    """While the block lasts, tell each UDP packet with a foreign source that leaves by the way to an address. Where
    packets may not be captured nothing is told: that it is unknown shows by the facts of `Leak`."""
    question = Question(ip_address(towards))
    egress = (await routes.egress(host, [question]))[question]
    addresses = own([each for interface in await routes.interfaces(host) for each in interface.addresses], egress or "")
    try:
        if not egress:
            raise CapabilityMissing("a way out", "a route")
        capture = await Capture.open(host, egress)
    except CapabilityMissing:
        yield
        return
    told = 0

    def drain() -> None:
        nonlocal told
        for frame in capture.drain():
            packet = parse(frame) if frame.outgoing else None
            if packet and packet.protocol == UDP and is_foreign(packet.source, addresses) and told < MOST:
                told += 1
                tell(ForeignSourcePacket(packet.at, egress, str(packet.source), str(packet.destination), UDP))

    loop = asyncio.get_running_loop()
    with capture:
        loop.add_reader(capture.fileno(), drain)
        try:
            yield
        finally:
            loop.remove_reader(capture.fileno())
            drain()
