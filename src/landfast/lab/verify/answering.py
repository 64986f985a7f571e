"""The other side of a router: a STUN server on two addresses and two ports (RFC 5780), and a watch on what arrives."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import product

from landfast.kernel import capture
from landfast.kernel.host import Host
from landfast.lab.verify.line import TOKEN, Came, Line
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import StunMessage

PORTS = (53, 443)
"""The first passes even where only DNS does. Below 1024, where no NAT puts a mapping that we could be taken for."""


class Responder:
    """Answers Binding requests, honours CHANGE-REQUEST, and knows what came. The first of `lines` is asked first."""

    def __init__(self, lines: dict[Endpoint, Line]) -> None:
        self.lines = lines
        for endpoint, line in lines.items():
            line.asked = lambda came, message, at=endpoint: self._answer(at, came, message)

    @classmethod
    async def open(cls, host: Host, addresses: Sequence[str], address6: str | None = None) -> Responder:
        """Ready when this returns; without the IPv6 address where there is none. Raises OSError for the others."""
        with ExitStack() as undone:
            lines: dict[Endpoint, Line] = {}
            for address, port in product(addresses, PORTS):
                lines[address, port] = await Line.open(host, address, port)
                undone.callback(lines[address, port].close)
            if address6:
                with suppress(OSError):
                    lines[address6, PORTS[0]] = await Line.open(host, address6, PORTS[0])
            undone.pop_all()
        return cls(lines)

    def close(self) -> None:
        """Idempotent."""
        for line in self.lines.values():
            line.close()

    def other(self, endpoint: Endpoint, *, address: bool = False, port: bool = False) -> Endpoint:
        """Who answers when `endpoint` is asked for another address or port."""
        here, there = endpoint
        if port:
            there = PORTS[1 - PORTS.index(there)]
        if address:
            here = next(a for a, _ in self.lines if a != here and (":" in a) == (":" in here))
        return here, there

    def heard(self, mark: bytes) -> Came | None:
        """What came with this token, wherever."""
        for line in self.lines.values():
            line.read()
        return next((line.came[mark][0] for line in self.lines.values() if mark in line.came), None)

    def _answer(self, at: Endpoint, came: Came, message: StunMessage) -> None:
        origin = self.other(at, address=message.change_ip, port=message.change_port)
        self.lines[origin].send(stun.binding_response(message, came.source, origin=origin), came.source)


class Watch:
    """What reaches a router's LAN (or the internet), whether or not it is then dropped: sources, by token."""

    def __init__(self, source: capture.Source) -> None:
        self._source = source
        self._seen: defaultdict[bytes, list[Endpoint]] = defaultdict(list)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(source, self._read)

    @classmethod
    async def open(cls, host: Host) -> Watch:
        """Begin. Raises CapabilityMissing without CAP_NET_RAW."""
        return cls(await capture.Capture.open(host, "lan"))

    def close(self) -> None:
        """Idempotent."""
        if self._source.fileno() >= 0:
            self._loop.remove_reader(self._source)
            self._source.close()

    def sources(self, mark: bytes) -> list[Endpoint]:
        """Where a datagram with this token seemed to come from, for each time it arrived."""
        self._read()
        return self._seen.get(mark, [])

    def _read(self) -> None:
        for frame in self._source.drain():
            packet = capture.parse(frame)
            if packet and not packet.outgoing and packet.protocol == capture.UDP:
                self._seen[packet.payload[:TOKEN]].append((str(packet.source), packet.sport or 0))
