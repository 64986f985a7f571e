"""Relay: does a byte get through a TURN server and back, and if not, which step fails?

The byte goes from the allocation to itself, which needs no other socket and no UDP to us. Where a server does not relay
to itself (many are told not to, and behind some clouds' NAT none can), a second socket of ours is the peer. Either way
the allocation is given back at the end.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from contextlib import closing, suppress

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, Fact, RelayRoundTrip, RelayTried, ServerClock, Step
from landfast.probes import connecting, servers
from landfast.probes.asking import FIRST_RTO, LONGEST_RTO
from landfast.probes.connecting import Line, Problem
from landfast.probes.questions import SENDS, Relay
from landfast.wire.turn import (
    Allocated,
    Arrived,
    Ask,
    Client,
    Code,
    Credential,
    Ended,
    Event,
    Permitted,
    Refused,
    State,
    Transmit,
)

LONGEST = 20.0
"""Seconds for all of it: two steps that nobody answers, and what the others take."""
SILENCE = 2.5
"""Seconds until a server over UDP is silent: the first request is sent at 0, 0.1, 0.3, 0.7 and 1.5 s, as often as SENDS
says, and the last is waited for a second."""
PATIENCE = 4.0
"""Seconds for a request over UDP to a server that has answered before; over TCP, `connecting.PATIENCE`."""
_LAST_WAIT = 1.0  # seconds for what was sent last, and for a server to hear that the allocation is given back
_ECHOES = 3  # the shortest of their round trips counts
_PACKET = 20  # bytes, random: nobody else's
_REDIRECTS = 2  # how often a server may name another one (300): more is a circle
_QUOTA_TRIES, _QUOTA_WAIT = 3, 1.5
"""How often an allocation is asked for that the user's quota has no room for, and how many seconds apart: our own other
questions may have used it up, and coturn counts an allocation over UDP for a second after it was given back."""
_REFUSALS = 2  # ICMP messages that say that nobody listens, until it is believed


async def ask(host: Host, question: Relay, tell: Callable[[Fact], None]) -> None:
    """Try one server, step by step; the first that fails is the last. Raises BadFile for the authority's file."""
    context = await connecting.trust(host, question.authority) if question.server.transport == "tls" else None
    telling = _Telling(question.server.url, tell)
    try:
        async with asyncio.timeout(LONGEST):
            await _try(host, question, context, telling)
    except Problem as problem:
        telling.failed(problem.word)
    except TimeoutError:
        telling.failed("timeout")


class _Telling:
    """One step after the other, as facts."""

    def __init__(self, url: str, tell: Callable[[Fact], None]) -> None:
        self.url, self.tell = url, tell
        self.begin(Step.NAME)

    def begin(self, step: Step, at: float | None = None) -> None:
        self._step, self._told = step, False
        self._began = clock.monotonic() if at is None else at

    def done(self, at: float | None = None) -> None:
        at = clock.monotonic() if at is None else at
        self._tell(RelayTried(at, self.url, self._step, True, at - self._began))

    def failed(self, problem: str, code: int | None = None) -> None:
        now = clock.monotonic()
        self._tell(RelayTried(now, self.url, self._step, False, now - self._began, code, problem))

    def _tell(self, fact: RelayTried) -> None:
        if not self._told:  # what comes to an end while the allocation is given back is no step any more
            self.tell(fact)
        self._told = True


async def _try(host: Host, question: Relay, context: ssl.SSLContext | None, telling: _Telling) -> None:
    server = question.server
    try:
        async with asyncio.timeout(servers.PATIENCE):
            address = await servers.resolve(host, server.host)
    except TimeoutError:
        raise Problem("timeout") from None
    if not address:
        raise Problem("no address")
    telling.done()
    at = (address, server.port)
    for _ in range(1 + _REDIRECTS):
        line = await _line(host, question, at, context, telling)
        with closing(line):
            driven = _Driven(_client(question), line)
            try:
                other = await _relay(host, driven, telling, question)
            finally:
                await driven.release()
        if other is None:
            return
        at = other
    telling.failed("redirected in a circle", Code.TRY_ALTERNATE)


def _client(question: Relay) -> Client:
    server = question.server
    return Client(Credential(server.username, server.password), stream=server.transport != "udp", rto=FIRST_RTO)


async def _line(host: Host, question: Relay, at: Endpoint, context: ssl.SSLContext | None, telling: _Telling) -> Line:
    telling.begin(Step.CONNECT)
    if question.server.transport == "udp":
        return await connecting.datagrams(host, at)
    connected = await connecting.tcp(host, at)
    telling.done()
    if context is None:
        return await connecting.stream(connected)
    telling.begin(Step.TLS)
    try:
        line = await connecting.stream(connected, context, question.server.host)
    except Problem as problem:
        if problem.word == "not-yet-valid":
            ahead = await connecting.valid_from(host, at, context, question.server.host)
            if ahead is not None:
                telling.tell(ServerClock(clock.monotonic(), telling.url, ahead))
        raise
    telling.done()
    return line


class _Driven:
    """A TURN client on its line."""

    def __init__(self, client: Client, line: Line) -> None:
        self.client, self.line = client, line
        self.heard: float | None = None
        """When the first bytes came."""
        self.problem = "timeout"
        """Why nothing comes."""
        self._refusals = 0

    @property
    def longer_patience(self) -> float:
        """Seconds for a request, which the client repeats."""
        return connecting.PATIENCE if self.client.stream else PATIENCE

    @property
    def patience(self) -> float:
        """Seconds that one packet is waited for before the next is sent; a stream repeats by itself."""
        if self.client.stream:
            return LONGEST_RTO
        return min(max(self.client.round_trip.rto, FIRST_RTO), LONGEST_RTO)

    async def until(self, wanted: Callable[[Event], bool], within: float) -> Event | None:
        """The first event that is wanted, or `Ended`; None after so many seconds."""
        limit = clock.monotonic() + within
        while True:
            while item := self.client.poll():
                if isinstance(item, Transmit):
                    self.line.send(item.data)
                elif isinstance(item, Ended) or wanted(item):
                    return item
            now, deadline = clock.monotonic(), self.client.deadline
            if now >= limit or self.client.state is State.ENDED:
                return None
            patience = asyncio.timeout(min(limit, limit if deadline is None else deadline) - now)
            try:
                async with patience:
                    data = await self.line.receive()
            except OSError:  # of which TimeoutError is one: ours, or the kernel's of a connection
                if patience.expired():
                    self.client.handle_timer(clock.monotonic())
                else:
                    self._complained()
            else:
                self._came(data)

    async def expect(self, wanted: Callable[[Event], bool], within: float) -> Event | None:
        """The same of an allocation that stands. Raises Problem when it does not any more."""
        said = await self.until(wanted, within)
        if isinstance(said, Ended):
            raise Problem(self.problem)
        return said

    def _came(self, data: bytes) -> None:
        now = clock.monotonic()
        if not data and self.client.stream:
            self.problem = "closed"
            self.client.lost()
            return
        if self.heard is None:
            self.heard, self.problem = now, "garbled"
        self.client.receive(data, now)

    def _complained(self) -> None:
        self._refusals += 1
        if self.client.stream or (self.heard is None and self._refusals == _REFUSALS):
            self.problem = "closed" if self.client.stream else "refused"
            self.client.lost()

    async def release(self) -> None:
        """Give the allocation back, and wait a little until the server has heard it, if it ever said anything."""
        self.client.close(clock.monotonic())
        answers = self.client.state is State.CLOSING and self.heard is not None
        await self.until(lambda _: False, _LAST_WAIT if answers else 0.0)


async def _relay(host: Host, driven: _Driven, telling: _Telling, question: Relay) -> Endpoint | None:
    """The steps behind the connection; which server to ask instead, when this one says so."""
    if driven.client.stream:
        telling.begin(Step.ALLOCATE)
    said = await _allocate(driven)
    for _ in range(_QUOTA_TRIES - 1):
        if not isinstance(said, Refused) or said.code != Code.QUOTA_REACHED:
            break
        await asyncio.sleep(_QUOTA_WAIT)
        driven.client = _client(question)
        said = await _allocate(driven)
    if not driven.client.stream:
        if driven.heard is None:
            raise Problem(driven.problem)
        telling.done(driven.heard)
        telling.begin(Step.ALLOCATE, driven.heard)
    if isinstance(said, Refused):
        if said.code == Code.TRY_ALTERNATE and said.alternate:
            return said.alternate
        telling.failed(said.reason, said.code)
    elif not isinstance(said, Allocated):
        raise Problem("timeout" if said is None else driven.problem)
    else:
        telling.done()
        await _echo(host, driven, said, telling)
    return None


async def _allocate(driven: _Driven) -> Event | None:
    driven.client.allocate(clock.monotonic())
    if not driven.client.stream and driven.heard is None:
        said = await driven.until(_is_answer, SILENCE)
        if said or driven.heard is None:
            return said
    return await driven.until(_is_answer, driven.longer_patience)


def _is_answer(event: Event) -> bool:
    return isinstance(event, Allocated | Refused)


async def _echo(host: Host, driven: _Driven, allocated: Allocated, telling: _Telling) -> None:
    """A packet to the allocation itself; where that is not to be, to and from a second socket of ours."""
    telling.begin(Step.PERMISSION)
    refusal: Refused | None = None
    permitted: set[str] = set()
    for peer in (allocated.relayed, allocated.mapped):
        if peer is None or peer[0] in permitted:
            continue
        said = await _permit(driven, peer)
        if isinstance(said, Refused):
            refusal = said
        if not isinstance(said, Permitted):
            continue
        if not permitted:
            telling.done()
            telling.begin(Step.ECHO)
        permitted.add(peer[0])
        if peer == allocated.relayed:
            seconds = await _to_itself(driven, peer)
        else:
            seconds = await _to_second_socket(host, driven, allocated.relayed)
        if seconds is not None:
            telling.done()
            telling.tell(RelayRoundTrip(clock.monotonic(), telling.url, seconds, driven.client.round_trip.least))
            return
    if permitted or refusal is None:
        raise Problem("timeout")
    telling.failed(refusal.reason, refusal.code)


async def _permit(driven: _Driven, peer: Endpoint) -> Event | None:
    driven.client.permit(peer, clock.monotonic())

    def said(event: Event) -> bool:
        return isinstance(event, Permitted) or (isinstance(event, Refused) and event.ask is Ask.PERMIT)

    return await driven.expect(said, driven.longer_patience)


async def _to_itself(driven: _Driven, relayed: Endpoint) -> float | None:
    """The shortest of a few round trips through the relay."""
    sent: dict[bytes, float] = {}  # and not come back
    times: list[float] = []
    while len(times) < _ECHOES and len(sent) < SENDS:
        packet, now = secrets.token_bytes(_PACKET), clock.monotonic()
        sent[packet] = now
        driven.client.send(packet, relayed, now)
        patience = _LAST_WAIT if len(sent) == SENDS else driven.patience
        said = await driven.expect(lambda event: isinstance(event, Arrived) and event.data in sent, patience)
        if isinstance(said, Arrived):
            times.append(clock.monotonic() - sent.pop(said.data))
    return min(times, default=None)


async def _to_second_socket(host: Host, driven: _Driven, relayed: Endpoint) -> float | None:
    """From a socket of ours through the relay to us, and the other way. The first opens our NAT for the second."""
    loop = asyncio.get_running_loop()
    try:
        second = await host.udp("::" if ":" in relayed[0] else "0.0.0.0")
    except OSError:  # a kernel without this family
        return None
    with second:
        sent: dict[bytes, float] = {}
        said: Event | None = None
        while said is None and len(sent) < SENDS:
            packet = secrets.token_bytes(_PACKET)
            sent[packet] = clock.monotonic()
            with suppress(OSError):  # no way there, or what ICMP said of the one before
                second.sendto(packet, relayed)
            patience = _LAST_WAIT if len(sent) == SENDS else driven.patience
            said = await driven.expect(lambda event: isinstance(event, Arrived) and event.data in sent, patience)
        if not isinstance(said, Arrived):
            return None
        seconds = clock.monotonic() - sent[said.data]
        back = secrets.token_bytes(_PACKET)
        for _ in range(SENDS):
            driven.client.send(back, said.peer, clock.monotonic())
            await driven.until(lambda _: False, 0.0)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(driven.patience):
                    while await loop.sock_recv(second, 2 * _PACKET) != back:
                        pass
                    return seconds
    return None
