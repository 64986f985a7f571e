"""What passes a router: UDP, IPv6, long packets, foreign sources, what nobody asked for."""

from __future__ import annotations

import errno
import re

from landfast.kernel.host import Host
from landfast.lab.verify.answering import PORTS, Watch
from landfast.lab.verify.asking import Asker
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.points import Hop
from landfast.model.facts import MappedAddress
from landfast.wire import stun

FOREIGN = "198.18.0.1"
"""RFC 2544's range for benchmarks: an address that no network here gives out."""

_DISCARD = 9
"""RFC 863's port: nobody listens there."""

_HEADERS = 28  # bytes, of IPv4 and UDP
_SMALLEST = 576  # RFC 791: every host takes that much
_ETHERNET = 1500

# What the kernel makes of the ICMP codes that stand for a policy (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1).
_REFUSALS = {errno.EHOSTUNREACH, errno.EACCES}


async def udp(hop: Hop, asker: Asker) -> list[Row]:
    """Whether UDP passes to a port that is not DNS's, and if not, whether one is told."""
    line = await asker.line()
    server = asker.responder.other(asker.server, port=True)
    line.connect(server)
    mark = token()
    for _ in range(asker.attempts):
        line.send(stun.binding_request(mark))
    came = await line.wait(mark, asker.round_trip)
    observed: str | None = None
    if came is not None or await asker.fence():
        rejected = _REFUSALS & set(line.errors)
        observed = "open" if mark in line.came else "rejected" if rejected else "blocked"
    return [Row(hop.name, "udp", hop.router.udp, observed, f"port {server[1]}, beside port {PORTS[0]}")]


async def ipv6(hop: Hop, asker: Asker) -> list[Row]:
    """IPv6 up and down, each by itself: what the responder heard, and what came back of its answers."""
    point, server = asker.point, (hop.outside.address6 or "", PORTS[0])
    if not hop.gives6:
        return []  # that nobody has an address is read back (settings.py)
    declared = hop.router.ipv6
    if point.address6 is None:
        return [Row(hop.name, "ipv6", declared, None, f"{point.place} has none")]
    if server not in asker.responder.lines:
        return [Row(hop.name, "ipv6", declared, "off", f"{hop.outside.place} has not {server[0]}")]
    try:
        line = await asker.line(str(point.address6))
    except OSError as problem:
        return [Row(hop.name, "ipv6", declared, "off", f"{point.place}, {point.address6}: {problem.strerror}")]
    mark = token()
    up = await asker.passes(line, stun.binding_request(mark), mark, server)
    down = await asker.arrives(line, mark) if up else None
    observed = {None: None, False: "blocked", True: "on" if down else "one-way"}[up]
    return [Row(hop.name, "ipv6", declared, observed, f"up {_verb(up)}, down {_verb(down)}")]


def _verb(passes: bool | None) -> str:
    return {None: "is not known", False: "is lost", True: "passes"}[passes]


async def unasked(hop: Hop, asker: Asker, outside: Host) -> list[Row]:
    """What becomes of UDP for the router's own address: where it is let in, ICMP says that the port is closed."""
    line = await Line.open(outside, hop.outside.addresses[0])
    refused = fenced = False
    try:
        line.connect((str(hop.routing.pool[0]), _DISCARD))
        for _ in range(asker.attempts + 1):  # ICMP takes another way than the fence: once more, to be sure of silence
            line.send(token())
            fenced = await asker.fence()
            line.read()
            refused = errno.ECONNREFUSED in line.errors
            if refused:
                break
    finally:
        line.close()
    observed = "accept" if refused else "drop" if fenced else None
    return [Row(hop.name, "input", hop.router.input, observed, f"port {_DISCARD} from outside")]


async def foreign(hop: Hop, asker: Asker, watch: Watch, router: Host) -> list[Row]:
    """What becomes of a source that the router did not give out: it leaves raw, or translated, or not at all.

    Not at all: either the gateway's policy dropped it, which counts, or the reverse-path filter, which does not.
    """
    name, declared = hop.name, hop.router
    line = await asker.line(FOREIGN, anywhere=True)
    mark = token()
    for _ in range(asker.attempts):
        line.send(mark, asker.server)
    if not await asker.fence():
        return []
    sources = [address for address, _ in watch.sources(mark)]
    counted = bool(not sources and await violations(router))
    fate = f"left from {sources[0]}" if sources else "was dropped and counted" if counted else "was dropped"
    how = f"a packet from {FOREIGN} {fate}"
    found = [
        Row(name, "gateway", "yes" if declared.gateway else NONE, "yes" if counted else NONE, how),
        # The gateway's policy stands before the filter.
        Row(name, "reverse_path_filter", declared.reverse_path_filter, None if counted else not sources, how),
    ]
    if declared.nat:
        translates = ("lan" if FOREIGN in sources else "all") if sources else None
        found.append(Row(name, "nat.translates", declared.nat.translates, translates, how))
    return found


async def violations(router: Host) -> int:
    """What the gateway's counters say; 0 where there is no such policy."""
    listed = (await router.run(["nft", "list", "ruleset"])).checked().stdout
    return sum(map(int, re.findall(r"counter violations6? \{\s*packets (\d+)", listed)))


async def mtu(hop: Hop, asker: Asker) -> list[Row]:
    """The longest IPv4 packet that passes, up and down, and whether one is told where a longer one does not."""
    up, down = _Direction(asker, up=True), _Direction(asker, up=False)
    await up.measure(hop.router.mtu)
    await down.measure(hop.router.mtu)
    same = down.longest in (up.longest, None)
    longest = up.longest if same else f"{up.longest} up, {down.longest} down"
    found = [Row(hop.name, "mtu", hop.router.mtu, longest, "packets that may not be fragmented, up and down")]
    told = {direction.told for direction in (up, down)} - {None}
    if told:
        signalled = told == {True}
        found.append(Row(hop.name, "mtu_signalled", hop.router.mtu_signalled, signalled, "Packet Too Big was heard"))
    return found


class _Direction:
    """Long packets in one direction through a router."""

    def __init__(self, asker: Asker, *, up: bool) -> None:
        self.asker, self.up = asker, up
        self.longest: int | None = None
        self.told: bool | None = None

    async def measure(self, expected: int) -> None:
        """Find the longest packet; two questions when it is as expected."""
        self.inside = await self.asker.line()
        seen = await self.asker.ask(self.inside, self.asker.server)
        if not isinstance(seen, MappedAddress):
            return
        self.outside = self.asker.responder.lines[self.asker.server]
        self.sender, self.to = (self.inside, self.asker.server) if self.up else (self.outside, seen.mapped)
        if not self._send(token(), expected):
            return  # the sender's own interface is narrower
        if not await self._fits(expected):
            low, high = _SMALLEST, expected
        elif expected == _ETHERNET or not await self._fits(expected + 1):
            low, high = expected, expected + 1
        else:
            low, high = expected + 1, _ETHERNET + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await self._fits(middle) else (low, middle)
        self.longest = low
        if low < _ETHERNET:
            self.told = not self._send(token(), high)

    def _send(self, mark: bytes, length: int) -> bool:
        """False: the kernel knows that it is too long, for it heard Packet Too Big."""
        return self.sender.send(mark.ljust(length - _HEADERS, b"\0"), self.to)

    async def _fits(self, length: int) -> bool:
        mark = token()
        for _ in range(self.asker.attempts):
            self._send(mark, length)
        if self.up:
            return bool(self.asker.responder.heard(mark)) or (
                await self.asker.fence() and bool(self.asker.responder.heard(mark))
            )
        return bool(await self.asker.arrives(self.inside, mark))
