"""How many sessions, mappings and ports a subscriber gets: flows are opened until no more pass, and counted outside.

A flow is one packet, written by hand: 16000 sockets would be too many.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import product

from landfast.lab.network import Nat, Ports
from landfast.lab.verify.answering import PORTS, Watch
from landfast.lab.verify.asking import Asker
from landfast.lab.verify.line import token
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.points import Hop
from landfast.model.facts import Endpoint
from landfast.model.nat import Mapping, Pooling

Reset = Callable[[], Awaitable[None]]

MOST = 16000
"""Flows that are opened at most; the kernel tracks 65536 in all of its namespaces together (nf_conntrack_max)."""

# Inner ports of these flows, below those of our lines (points.first_port).
_FIRST_PORT = 1024
# More than the limit, to see a larger one; and when none is declared, more than a careless budget allows.
_MORE, _UNLIMITED = 1.25, 300
# A block that can be filled to the last port: the kernel looks 128 times for a free one (nf_nat_core.c).
_BLOCK = 128
# Packets before the watch is read, whose buffer takes 1800; a cable with a delay is a process that carries fewer.
_AT_ONCE, _ON_A_WIRE, _PAUSE = 500, 10, 0.01
_SO_BINDTODEVICE = 25  # <asm-generic/socket.h>
_PROHIBITED = bytes((3, 13))  # ICMP's type and code (RFC 1812, section 5.2.7.1)


async def rows(hop: Hop, asker: Asker, watch: Watch, reset: Reset) -> list[Row]:
    """The budget, or that there is none; and a block's ports."""
    budget = hop.router.budget
    servers = _servers(hop, asker)
    possible = min(MOST, _ports(hop.router.nat) * len(servers) // 2)
    number = int(budget.limit * _MORE) + 10 if budget else min(_UNLIMITED, possible)
    if number > possible:
        return [Row(hop.name, "budget", "yes", None, f"more than {possible} flows cannot be opened")]
    flows = await _Flows.open(asker, watch)
    try:
        spent = await _spend(flows, servers, number, reset)
        unlimited = spent.sessions == spent.tried or (
            _loses(hop.router.nat) and spent.sessions > (1 - _LOST) * spent.tried
        )
        how = f"{spent.sessions} of {spent.tried} sessions passed"
        found = [Row(hop.name, "budget", "yes" if budget else NONE, NONE if unlimited else "yes", how)]
        if budget:
            found.append(Row(hop.name, "budget.limit", budget.limit, NONE if unlimited else spent.sessions, how))
            of, refusal = (None, None) if unlimited else (spent.of, spent.refusal)
            found.append(Row(hop.name, "budget.of", budget.of, of, "then one more session of the first socket"))
            found.append(Row(hop.name, "budget.refusal", budget.refusal, refusal, "ICMP for those that did not pass"))
        return found + await _block(hop, flows, reset)
    finally:
        flows.close()
        await reset()


# Address-dependent mappings are hashed: of 300 sessions one or two get a port that is taken, and are lost.
_LOST = 0.05


def _loses(nat: Nat | None) -> bool:
    return nat is not None and nat.mapping is Mapping.ADDRESS_DEPENDENT


def _servers(hop: Hop, asker: Asker) -> list[Endpoint]:
    """To whom flows go: where somebody listens, for ICMP about closed ports would leave none for refusals."""
    ports = PORTS if hop.router.udp == "open" else PORTS[:1]
    first, *others = product(hop.outside.addresses, ports)
    assert first == asker.server
    return [first, *others]


def _ports(nat: Nat | None) -> int:
    """How many external ports there are."""
    return nat.block[1] - nat.block[0] + 1 if nat and nat.block else 64000


class _Flows:
    """Opens flows by single packets."""

    def __init__(self, asker: Asker, watch: Watch, opened: socket.socket, complaints: socket.socket) -> None:
        self.asker, self._watch, self._socket, self._complaints = asker, watch, opened, complaints
        self._at_once = _ON_A_WIRE if asker.way.delay else _AT_ONCE

    @classmethod
    async def open(cls, asker: Asker, watch: Watch) -> _Flows:
        """Of whoever asks."""
        opened = await asker.host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, asker.point.interface.encode())
        return cls(asker, watch, opened, await asker.host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()
        self._complaints.close()

    async def passing(self, flows: Sequence[tuple[int, Endpoint]]) -> list[Endpoint]:
        """Send one packet for each inner port and server; the external endpoints of those that passed."""
        marks = [token() for _ in flows]
        for number, ((port, server), mark) in enumerate(zip(flows, marks, strict=True), start=1):
            for _ in range(self.asker.attempts):
                self._send(port, server, mark)
            if not number % self._at_once:
                self._watch.sources(mark)  # reads what has come
                await asyncio.sleep(_PAUSE)
        await self.asker.fence()
        return [seen[0] for mark in marks if (seen := self._watch.sources(mark))]

    def rejected(self) -> bool:
        """Whether ICMP has said that packets of ours are prohibited; what it said is then forgotten."""
        said = False
        with suppress(BlockingIOError):
            while True:
                packet = self._complaints.recv(576)
                header = (packet[0] & 0x0F) * 4
                said |= packet[header : header + 2] == _PROHIBITED
        return said

    def _send(self, port: int, server: Endpoint, mark: bytes) -> None:
        """IPv4 (RFC 791) and UDP (RFC 768) without a checksum; the kernel fills in IPv4's and the length."""
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0)
        packet += self.asker.point.address.packed + IPv4Address(server[0]).packed
        packet += struct.pack("!HHHH", port, server[1], 8 + len(mark), 0) + mark
        self._socket.sendto(packet, (server[0], 0))


@dataclass(frozen=True)
class _Spent:
    """A budget after it was used up, or was not."""

    sessions: int
    tried: int
    of: str
    refusal: str


async def _spend(flows: _Flows, servers: Sequence[Endpoint], number: int, reset: Reset) -> _Spent:
    """Open one session for each of many sockets; what one more of the first socket meets tells what is counted."""
    await reset()
    await flows.asker.fence()  # which is the first
    flows.rejected()
    passed = await flows.passing([(_FIRST_PORT + n, servers[n % len(servers)]) for n in range(number)])
    refusal = "reject" if flows.rejected() else "drop"
    again = await flows.passing([(flows.asker.first_port, servers[-1])])
    return _Spent(len(passed) + 1, number + 1, "mappings" if again else "sessions", refusal)


async def _block(hop: Hop, flows: _Flows, reset: Reset) -> list[Row]:
    """The external ports that sessions with one server get, when there are more of them than ports."""
    nat, budget = hop.router.nat, hop.router.budget
    if nat is None or nat.ports is not Ports.BLOCK or nat.block is None or nat.pooling is Pooling.ARBITRARY:
        return []
    low, high = nat.block
    number = 2 * (high - low + 1)
    if number > 2 * _BLOCK or (budget and budget.limit < number):
        return []
    await reset()
    passed = await flows.passing([(_FIRST_PORT + n, flows.asker.server) for n in range(number)])
    ports = sorted({port for _, port in passed})
    observed = f"{ports[0]}-{ports[-1]}" if ports else None
    return [Row(hop.name, "nat.block", f"{low}-{high}", observed, f"{len(ports)} ports for {number} sessions")]
