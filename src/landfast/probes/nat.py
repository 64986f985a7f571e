"""Mapping and filtering (RFC 5780, sections 4.3 and 4.4), asked in the order that `diagnose.nat` needs to judge.

    every socket     X, X's other port, the other address, X again         one after the other: a sandwich
    then fresh ones  X, X to be answered from elsewhere, X again           never before: a stranger's packet that a NAT
                                                                           took for its own would change the mapping
    at last          X, on the flow that was seen first                    so that nothing changed behind our back

Sockets ask at the same time. A question is repeated by the measured round trip, so loss costs time, and no verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import ChangedResponse, Endpoint, Fact, MappedAddress, NoReply, ServerProbed
from landfast.probes import asking, reached, silence
from landfast.probes.asking import Answer, Socket
from landfast.probes.questions import Translation
from landfast.probes.silence import Doubt
from landfast.wire import stun

FRESH = 2
"""Sockets for each filtering question: one whose plain questions are lost leaves another."""


async def ask(host: Host, question: Translation, tell: Callable[[Fact], None]) -> None:
    """Tell what was seen of a server's addresses and ports: MappedAddress, NoReply, ChangedResponse, ServerProbed;
    TcpTried where nothing answers.

    Raises CapabilityMissing where no route leads to the server.
    """
    own = await asking.source(host, question.server, question.interface)
    with ExitStack() as opened:
        asked = _Asking(host, question, own, tell, opened)
        await asked.mapping()
        if asked.first:
            await asked.filtering()
            await asked.plainly(asked.first.socket, question.server)
        else:
            tell(await reached.over_tcp(host, question.server))


@dataclass(frozen=True)
class _First:
    """The first flow that was answered, and the round trip by then."""

    socket: Socket
    other: Endpoint | None
    """The server's other address and port, as OTHER-ADDRESS has them."""


class _Asking:
    """One asking: what it holds open and what it has learned."""

    def __init__(
        self, host: Host, question: Translation, own: str, tell: Callable[[Fact], None], opened: ExitStack
    ) -> None:
        self.question, self.server = question, question.server
        self.first: _First | None = None
        self._host, self._own, self._tell, self._opened = host, own, tell, opened
        self._answering: set[Endpoint] = set()

    async def mapping(self) -> None:
        """On each of several sockets; then what the server offers is known."""
        sockets = [await self._socket(asking.MAPPING_PORTS) for _ in range(self.question.sockets)]
        await _together(self._sandwich(socket) for socket in sockets)
        offers = [name for name, there in self._elsewhere().items() if there in self._answering]
        self._tell(ServerProbed(clock.monotonic(), self.server, self.first is not None, tuple(offers)))

    async def filtering(self) -> None:
        """On fresh sockets, whether a stranger's answer is let in: one from another port, one from another address."""
        asked = [
            (await self._socket(asking.FILTERING_PORTS), there)
            for there in self._elsewhere().values()
            for _ in range(FRESH)
            if there in self._answering  # silence of somebody who never spoke would tell nothing
        ]
        await _together(self._strangely(socket, there) for socket, there in asked)

    async def plainly(self, socket: Socket, server: Endpoint) -> Answer | None:
        """Where a server sees the socket."""
        began = clock.monotonic()
        answer = await socket.ask(server, sends=self.question.sends)
        if answer is None:
            for sent in socket.unanswered(server):
                if sent >= began:
                    self._tell(NoReply(clock.monotonic(), server, socket.local, sent))
        elif answer.mapped:
            self._answering.add(server)
            self._tell(MappedAddress(answer.at, server, socket.local, answer.mapped))
        return answer

    async def _sandwich(self, socket: Socket) -> None:
        answer = await self.plainly(socket, self.server)
        if answer is None or answer.mapped is None:
            return
        if self.first is None:
            self.first = _First(socket, self.question.other or answer.message.other_address)
        for server in (*self._elsewhere().values(), self.server):
            await self.plainly(socket, server)

    async def _strangely(self, socket: Socket, responder: Endpoint) -> None:
        """Plainly, then to be answered from elsewhere, then plainly: what comes later than that does not come."""
        if await self.plainly(socket, self.server) is None:
            return
        change_ip = responder[0] != self.server[0]
        request = partial(stun.binding_request, change_ip=change_ip, change_port=not change_ip)
        doubt = Doubt(socket, self.server, request)
        rounds = await silence.rounds([doubt], socket, self.server, enough=self.question.sends)
        ended = clock.monotonic()
        await self.plainly(socket, self.server)
        received = sum(answer.source == responder for answer in doubt.answers)
        # A server that answers from where it was asked, or refuses, does not do it, and nothing is known.
        if received or (rounds.convincing and not doubt.answers):
            self._tell(ChangedResponse(ended, socket.local, self.server, responder, doubt.sent, received))

    def _elsewhere(self) -> dict[str, Endpoint]:
        """The server's other port, and its other address, as far as it says that it has them."""
        other = self.first.other if self.first else None
        if other is None or not _likely(other, self.server):
            return {}
        places = {"other-port": (self.server[0], other[1]), "other-address": (other[0], self.server[1])}
        return {name: place for name, place in places.items() if place != self.server}

    async def _socket(self, ports: Sequence[int]) -> Socket:
        socket = await asking.anywhere(self._host, ports, address=self._own, interface=self.question.interface)
        self._opened.callback(socket.close)
        if self.first:
            socket.round_trip = self.first.socket.round_trip
        return socket


def _likely(other: Endpoint, server: Endpoint) -> bool:
    """Whether it may be another place of the same server. Nobody shall be able to send us anywhere else of his choice:
    to ourselves, or to a group."""
    there, here = ip_address(other[0]), ip_address(server[0])
    return (
        there.version == here.version
        and there.is_loopback == here.is_loopback
        and there.is_private == here.is_private
        and not (there.is_multicast or there.is_unspecified)
        and other[1] > 0
    )


async def _together(asked: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in asked:
            group.create_task(each)
