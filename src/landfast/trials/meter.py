"""The meter: a process of its own on the robot's host that watches while others connect, and prints facts as JSON
Lines.

    python -m landfast.trials.meter --interface wlan0 --stun HOST:PORT --echo HOST:PORT [--pcap FILE]

It asks a STUN server for the public address, captures what leaves the interface, and keeps a TCP connection busy as a
bystander. It ends when its standard input does, so it never outlives who started it; signals of the terminal are left
to that one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from ipaddress import ip_address
from pathlib import Path

from landfast import clock
from landfast.errors import CapabilityMissing
from landfast.kernel import routes
from landfast.kernel.capture import Capture, Frame, Source, parse
from landfast.kernel.host import Host
from landfast.kernel.pcap import PcapWriter
from landfast.model.address import Address, is_foreign, own
from landfast.model.facts import CaptureDropped, EchoReconnected, Endpoint, Fact, WatchBegan, encode, endpoint
from landfast.probes import public_address
from landfast.servers.echo import VARIABLE
from landfast.trials.senses import ECHO_EVERY, Echoes, Flow, departures

_CONNECT_S = 1.0
"""A TCP connection that does not stand by then is tried anew; the kernel would repeat a SYN lost in an outage after 1,
3 and 7 s."""
_GIVE_UP_MS = 10_000
"""TCP_USER_TIMEOUT. Longer than the retransmissions that bridge an outage of 3 s (0.2 + 0.4 + 0.8 + 1.6 + 3.2 s), and
short enough that a connection which a NAT forgot does not hold up the next attempt."""

Say = Callable[[Iterable[Fact]], None]


async def ask_stun(server: Endpoint, say: Say, own_flows: set[Flow]) -> None:
    """Ask for the public address, for ever, from one socket."""
    with await Host.here().udp("::" if ":" in server[0] else "0.0.0.0") as opened:
        own_flows.add((opened.getsockname()[1], ip_address(server[0]), server[1]))
        await public_address.follow(opened, server, lambda fact: say([fact]))


async def be_bystander(server: Endpoint, token: str, say: Say, own_flows: set[Flow]) -> None:
    """Write a line each ECHO_EVERY on one connection, for ever; when it dies, make a new one."""
    died = ""
    while True:
        sense = Echoes()
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(*server)
        except OSError as problem:  # TimeoutError is one
            died = died or str(problem) or "no connection"
            await asyncio.sleep(ECHO_EVERY)
            continue
        line: socket.socket = writer.get_extra_info("socket")
        own_flows.add((line.getsockname()[1], ip_address(server[0]), server[1]))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP_MS)
        if died:
            say([EchoReconnected(clock.monotonic(), died)])
        if token:
            writer.write(token.encode() + b"\n")
        writing = asyncio.create_task(_write(writer, sense), name="bystander")
        try:
            while answer := await reader.readline():
                say(sense.answer(answer, clock.monotonic()))
            died = "closed by the other side"
        except OSError as problem:
            died = problem.strerror or str(problem)
        finally:
            writing.cancel()
            writer.close()


async def _write(writer: asyncio.StreamWriter, sense: Echoes) -> None:
    with suppress(OSError):  # the reader tells it as well
        while True:
            writer.write(sense.line(clock.monotonic()))
            await writer.drain()
            await asyncio.sleep(ECHO_EVERY)


class Departures:
    """Judges what leaves the interface, by the addresses that the interface has then."""

    def __init__(self, interface: str, source: Source, say: Say, pcap: PcapWriter | None = None) -> None:
        self.own_flows: set[Flow] = set()
        self._interface, self._source, self._say, self._pcap = interface, source, say, pcap
        self._addresses: frozenset[Address] = frozenset()
        self._frames: list[Frame] = []
        self._arrived = asyncio.Event()
        self._lost = 0

    async def watch(self) -> None:
        """For ever. Frames are fetched at once, so that none is lost, and judged in turn."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._source.fileno(), self._fetch)
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                await self._judge()
        finally:
            loop.remove_reader(self._source.fileno())

    def _fetch(self) -> None:
        self._frames += self._source.drain()
        self._arrived.set()

    async def _judge(self) -> None:
        frames, self._frames = self._frames, []
        pairs = [(frame, packet) for frame in frames if frame.outgoing and (packet := parse(frame))]
        if any(is_foreign(packet.source, self._addresses) for _, packet in pairs):
            # Perhaps it is not foreign but new: a lease or a network may have changed since we looked.
            self._addresses = own(
                (each for found in await routes.interfaces(Host.here()) for each in found.addresses), self._interface
            )
        if self._pcap:
            self._pcap.write(frame for frame, packet in pairs if is_foreign(packet.source, self._addresses))
        self._say(departures(self._interface, (packet for _, packet in pairs), self._addresses, self.own_flows))
        if more := self._source.dropped() - self._lost:
            self._lost += more
            self._say([CaptureDropped(clock.monotonic(), self._interface, more)])


def say(facts: Iterable[Fact]) -> None:
    """Print facts."""
    if lines := [encode(fact) + "\n" for fact in facts]:
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


async def meter(interface: str, stun: Endpoint, echo: Endpoint, token: str, pcap: Path | None) -> None:
    """Measure until standard input ends."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: None)
    with suppress(PermissionError):
        os.nice(-10)  # a busy processor shall not look like a stalled network
    async with AsyncExitStack() as stack:
        work = []
        try:
            capture = await Capture.open(Host.here(), interface)
        except CapabilityMissing:
            flows: set[Flow] = set()
        else:
            stack.callback(capture.close)
            writer = PcapWriter(pcap, capture.link) if pcap else None
            if writer:
                stack.callback(writer.close)
            leaving = Departures(interface, capture, say, writer)
            flows = leaving.own_flows
            work.append(leaving.watch())
        say([WatchBegan(clock.monotonic(), interface, bool(work))])
        work += [ask_stun(stun, say, flows), be_bystander(echo, token, say, flows)]
        ended = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
        tasks = [asyncio.ensure_future(ended.read()), *map(asyncio.ensure_future, work)]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            task.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="landfast.trials.meter", description="Watch a host while others connect; print facts."
    )
    parser.add_argument("--interface", required=True)
    parser.add_argument("--stun", required=True, type=endpoint, metavar="ADDRESS:PORT")
    parser.add_argument("--echo", required=True, type=endpoint, metavar="ADDRESS:PORT")
    parser.add_argument("--pcap", type=Path, help="append the foreign-source packets to this file")
    given = parser.parse_args()
    asyncio.run(meter(given.interface, given.stun, given.echo, os.environ.get(VARIABLE, ""), given.pcap))
