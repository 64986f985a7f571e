"""The source leak, proved: packets are sent from each foreign source, and what leaves the egress is looked at.

Each packet lives for one hop (TTL 1): it leaves this host, which is all that is asked, and no router passes it on. So
the asking does not do to the carrier what it looks for. One packet with an address of the egress follows them: what has
not left when that one has will not leave. Where packets may not be captured nothing is sent.

Then, if `towards` answers STUN over IPv4, a real ICE agent gathers from it as it does for every connection: how long
that takes, and how many foreign packets it costs, is what the leak means in practice. Without a server nothing is
gathered.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from ipaddress import ip_address

from landfast import clock
from landfast.errors import CapabilityMissing, UnknownName, WorldError
from landfast.kernel import routes
from landfast.kernel.capture import Capture, Packet, Source, parse
from landfast.kernel.host import Host
from landfast.model.address import Address, is_foreign, own
from landfast.model.facts import Endpoint, Fact, ForeignSourceTried, Gathered
from landfast.model.routing import Question
from landfast.peers import agent
from landfast.probes.asking import Socket, token
from landfast.probes.questions import Leak
from landfast.wire import cover, stun

LEAVES_WITHIN = 1.5
"""Seconds until a packet that was sent has left: it may wait for the gateway's link-layer address, which is asked for
again after 1 s (RFC 4861, section 10: RETRANS_TIMER; Linux asks by ARP as often)."""
_OVERTAKEN = 0.1
"""Seconds for what the follower has overtaken: a queueing discipline serves each flow in its turn."""
_SERVER_SENDS = 3  # to find a server that answers: silence here only means that nothing is gathered


class Exits:
    """The packets that leave an interface while this is open. `addresses` are the interface's own."""

    def __init__(self, source: Source, addresses: Collection[Address]) -> None:
        self.packets: list[Packet] = []
        self._addresses = addresses
        self._source = source
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(source.fileno(), self.drain)

    def drain(self) -> None:
        """Take what waits."""
        found = (parse(frame) for frame in self._source.drain() if frame.outgoing)
        self.packets += [packet for packet in found if packet]
        self._news.set()

    async def until(self, holds: Callable[[], bool], within: float) -> None:
        """Wait until packets make it true, or that many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not holds():
                    self._news.clear()
                    await self._news.wait()

    @property
    def complete(self) -> bool:
        """Whether the kernel could keep every packet for us."""
        return self._source.dropped() == 0

    def marked(self, marks: Iterable[bytes]) -> list[Packet]:
        """Those that carry one of these transaction ids, with whichever source they left."""
        wanted = set(marks)
        return [packet for packet in self.packets if packet.payload[8:20] in wanted]

    def asked_from_foreign(self, server: Endpoint, since: float) -> int:
        """STUN requests to the server that have left with a foreign source."""
        return sum(
            packet.at >= since
            and (str(packet.destination), packet.dport) == server
            and is_foreign(packet.source, self._addresses)
            and (message := stun.parse(packet.payload)) is not None
            and message.is_request
            for packet in self.packets
        )

    def close(self) -> None:
        self._loop.remove_reader(self._source.fileno())
        self._source.close()


async def ask(host: Host, question: Leak, tell: Callable[[Fact], None]) -> None:
    """Try. Raises CapabilityMissing without the program `ip`."""
    there = ip_address(question.towards[0])
    addresses = [each for interface in await routes.interfaces(host) for each in interface.addresses]
    leaving = await routes.foreign_sources(host, addresses, {there.version: there})
    ways = await routes.egress(host, [Question(there)])
    async with AsyncExitStack() as stack:
        exits: dict[str, Exits] = {}
        for egress in dict.fromkeys([*(packet.egress for packet in leaving), *filter(None, ways.values())]):
            with suppress(CapabilityMissing, UnknownName, WorldError):  # no right to it, or the interface has just gone
                exits[egress] = Exits(await Capture.open(host, egress), own(addresses, egress))
                stack.callback(exits[egress].close)
        trying = [_try(host, exits.get(packet.egress), question, packet, tell) for packet in leaving]
        answers, *_ = await asyncio.gather(_answers(host, question.towards), *trying)
        if answers and there.version == 4:  # aioice asks STUN servers over IPv4 only
            await _gather(host, exits.values(), question.towards, tell)


async def _try(
    host: Host, exits: Exits | None, question: Leak, packet: cover.Packet, tell: Callable[[Fact], None]
) -> None:
    source = str(packet.source)
    if exits is None:
        tell(ForeignSourceTried(clock.monotonic(), source, packet.egress, 0, None))
        return
    anyone = "::" if packet.source.version == 6 else "0.0.0.0"
    with ExitStack() as stack:
        try:
            trying = stack.enter_context(closing(await _for_one_hop(host, source)))
            following = stack.enter_context(closing(await _for_one_hop(host, anyone, packet.egress)))
        except OSError:  # the address or the interface has just gone
            return
        marks, last = [token() for _ in range(question.sends)], token()
        for mark in marks:
            trying.send(stun.binding_request(mark), question.towards)
        following.send(stun.binding_request(last), question.towards)
        await exits.until(lambda: bool(exits.marked([last])), LEAVES_WITHIN)
        await exits.until(lambda: len(exits.marked(marks)) == len(marks), _OVERTAKEN)
    left = sum(each.source == packet.source for each in exits.marked(marks))
    certain = left or (exits.marked([last]) and exits.complete)
    tell(ForeignSourceTried(clock.monotonic(), source, packet.egress, len(marks), left if certain else None))


async def _for_one_hop(host: Host, address: str, interface: str = "") -> Socket:
    """A socket whose packets no router passes on."""
    opened = await Socket.open(host, address=address, interface=interface)
    lives = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if ":" in address else (socket.IPPROTO_IP, socket.IP_TTL)
    opened.socket.setsockopt(*lives, 1)
    return opened


async def _answers(host: Host, server: Endpoint) -> bool:
    """Whether there is a STUN server that answers us."""
    try:
        asking = await Socket.open(host, address="::" if ":" in server[0] else "0.0.0.0")
    except OSError:
        return False
    with closing(asking):
        return await asking.ask(server, sends=_SERVER_SENDS) is not None


async def _gather(host: Host, exits: Collection[Exits], server: Endpoint, tell: Callable[[Fact], None]) -> None:
    began = clock.monotonic()
    gathering = await agent.run(host, stun=server)
    for each in exits:
        each.drain()
    foreign = sum(each.asked_from_foreign(server, began) for each in exits)
    certain = foreign or (exits and all(each.complete for each in exits))
    seconds = gathering.ended - gathering.began
    tell(Gathered(gathering.ended, agent.STACK, seconds, len(gathering.candidates), foreign if certain else None))
