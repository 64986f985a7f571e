"""WebRTC opens: what happens to the public address, and to a TCP flow that has nothing to do with it?

What is opened is a real ICE agent in a process of its own, as a connection opens: it gathers from every address of the
host, and then checks a candidate outside. No peer is there; the candidate is the STUN server itself, which is where the
checks of a connection would go as far as the networks on the way can see. So it never stands, and `ConnectionTried` has
`seconds=None` whatever the network: only what happens meanwhile is the answer.

The public address is followed from one socket that nothing else uses: a session's end shows there as silence, then
another address. The bystander asks by STUN over TCP, where the server speaks that; else there is none. What leaves with
a foreign source meanwhile is told too, where packets may be captured.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from landfast import clock
from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.kernel.host import Host
from landfast.model.facts import (
    ConnectionTried,
    EchoAnswered,
    EchoReconnected,
    Endpoint,
    Fact,
    MappedAddress,
)
from landfast.peers import agent
from landfast.probes import leaving, public_address
from landfast.probes.questions import Opens
from landfast.wire import stun

CHECKING = 2.0
"""Seconds of checks after gathering: three of each pair (aioice repeats after 0.5 and 1 s). With the four requests of a
gathering that is not answered, one foreign address sends 7 packets: two openings are more than the 10 at which a
gateway ends a session by default (Cisco StarOS, `ip source-violation`)."""
QUIET = 1.0
"""Seconds that the network must answer for after an opening, so that what it causes is counted with it."""
GAP = CONVINCING_SILENCE * public_address.STUN_EVERY
"""Seconds without any answer that loss does not explain."""
PATIENCE = 10.0
"""Seconds to wait for that: a session that was ended stands again after 2 to 5 s; with as much again for a slow one."""
FIRST_WITHIN = 2.0
"""Seconds until the public address must be known: then ten requests have stayed unanswered."""

_ECHO_EVERY = 0.2  # seconds, as the public address
_CONNECT_S = 1.0
"""A TCP connection that does not stand by then is tried anew; the kernel would repeat a SYN lost in an outage after 1,
3 and 7 s."""
_GIVE_UP_MS = 10_000
"""TCP_USER_TIMEOUT: longer than the retransmissions that bridge an outage of 3 s (0.2 + 0.4 + 0.8 + 1.6 + 3.2 s)."""
_HEADER = 20  # bytes of a STUN message's, whose third and fourth tell the length of the rest (RFC 8489, section 5)


class Watch:
    """What is told passes through here, so that it can be waited for."""

    def __init__(self, tell: Callable[[Fact], None]) -> None:
        self._tell = tell
        self._news = asyncio.Event()
        self._since = self._last = float("-inf")
        """When the network began to answer without a gap, and when it did so last."""

    def __call__(self, fact: Fact) -> None:
        if isinstance(fact, MappedAddress):
            if fact.at - self._last >= GAP:
                self._since = fact.at
            self._last = fact.at
        self._tell(fact)
        self._news.set()

    def quiet_since(self, moment: float) -> bool:
        """Whether from `moment` on there have been answers without a gap for QUIET seconds, until the last of them."""
        return self._last - max(moment, self._since) >= QUIET

    async def known(self, within: float) -> bool:
        """Wait until the public address is known."""
        return await self._until(lambda: self._last > float("-inf"), within)

    async def quiet(self, within: float) -> bool:
        """Wait until the network is quiet, from now on."""
        began = clock.monotonic()
        return await self._until(lambda: self.quiet_since(began), within)

    async def _until(self, holds: Callable[[], bool], within: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        return holds()


async def ask(host: Host, question: Opens, tell: Callable[[Fact], None]) -> None:
    """Open one after the other. Without an answer from the server nothing is opened: there is nothing to see by."""
    watch = Watch(tell)
    with await host.udp("::" if ":" in question.server[0] else "0.0.0.0") as opened:
        following = asyncio.create_task(public_address.follow(opened, question.server, watch))
        beside = asyncio.create_task(accompany(host, question.server, watch))
        try:
            if await watch.known(FIRST_WITHIN):
                async with leaving.watched(host, question.server[0], watch):
                    for _ in range(question.times):
                        gathering = await agent.run(host, stun=question.server, check=[question.server], limit=CHECKING)
                        await watch.quiet(PATIENCE)
                        watch(ConnectionTried(clock.monotonic(), gathering.began, agent.STACK, None))
        finally:
            await _ended((following, beside))


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def accompany(host: Host, server: Endpoint, tell: Callable[[Fact], None]) -> None:
    """Ask by STUN on one TCP connection (RFC 8489, section 6.2.2); when it dies, make a new one. Until cancelled, or
    until it turns out that there is no such server."""
    died, stood = "", False
    while True:
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await _connect(host, server)
        except OSError as problem:  # TimeoutError is one
            if not stood:
                return
            died = died or str(problem) or "no connection"
            await asyncio.sleep(_ECHO_EVERY)
            continue
        if died:
            tell(EchoReconnected(clock.monotonic(), died))
        waiting: dict[bytes, float] = {}
        writing = asyncio.create_task(_write(writer, waiting))
        try:
            while message := await _read(reader):
                sent = waiting.pop(message.transaction_id, None)
                if sent is not None:
                    stood = True
                    tell(EchoAnswered(clock.monotonic(), sent))
            died = "closed by the other side"
        except OSError as problem:
            died = problem.strerror or str(problem)
        finally:
            writing.cancel()
            writer.close()
        if not stood:  # it accepts, but does not answer STUN
            return


async def _connect(host: Host, server: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await host.connect(server)
    opened: socket.socket = writer.get_extra_info("socket")
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP_MS)
    return reader, writer


async def _write(writer: asyncio.StreamWriter, waiting: dict[bytes, float]) -> None:
    with suppress(OSError):  # the reader tells it as well
        while True:
            mark = os.urandom(12)
            waiting[mark] = clock.monotonic()
            writer.write(stun.binding_request(mark))
            await writer.drain()
            await asyncio.sleep(_ECHO_EVERY)


async def _read(reader: asyncio.StreamReader) -> stun.StunMessage | None:
    """The next message; None at the end, and for what is not STUN."""
    try:
        header = await reader.readexactly(_HEADER)
        return stun.parse(header + await reader.readexactly(int.from_bytes(header[2:4], "big")))
    except asyncio.IncompleteReadError:
        return None
