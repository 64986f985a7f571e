"""What stands between here and the internet: the routers on the way, and whether the gateway maps ports on request.

Routers are asked as by traceroute, with UDP that lives for so many hops; the kernel hands what they say by ICMP to the
very socket (ip(7), IP_RECVERR), so no privilege is needed. Gateways are only asked what they speak and which external
address they have. All is asked at once.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from landfast import clock
from landfast.errors import CapabilityMissing
from landfast.kernel import routes
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, Fact, HopSeen, PortMappingAsked
from landfast.probes import upnp
from landfast.probes.asking import Socket, source
from landfast.probes.questions import CarrierNat

SENDS = 3
"""How often a router or gateway is asked that stays silent. Routers limit what they say, Linux to one a second for each
destination after a burst of six (icmp_ratelimit), so asking more often gains nothing."""
EVERY = 0.25
"""Seconds between these: the first repetition of NAT-PMP (RFC 6886, section 3.1), and a long cellular round trip."""
_PMP_PORT = 5351
_LONGEST = 2048  # bytes of an answer: NAT-PMP's has 12, PCP's at most 1100 (RFC 6887, section 7), SSDP's fits a packet

Protocol = Literal["nat-pmp", "pcp", "upnp"]


async def ask(host: Host, question: CarrierNat, tell: Callable[[Fact], None]) -> None:
    """Ask all at once. Raises CapabilityMissing without the program `ip`."""
    ways = await routes.defaults(host, 4)
    gateways = dict.fromkeys(str(way.gateway) for way in ways if isinstance(way.gateway, IPv4Address))
    await asyncio.gather(
        _hops(host, question, tell),
        *(_mapping(host, gateway, protocol, tell) for gateway in gateways for protocol in PROTOCOLS),
    )


@dataclass(frozen=True)
class Hop:
    """What came of packets that live for so many hops: they arrived, or a router said that it could not pass them."""

    arrived: bool = False
    router: str | None = None


async def _hops(host: Host, question: CarrierNat, tell: Callable[[Fact], None]) -> None:
    """Tell the routers up to `towards`, or to one that can go no further: it names itself for every distance. Without a
    way out there is nobody to ask."""
    try:
        own = await source(host, question.towards)
    except CapabilityMissing:
        return
    distances = range(1, question.hops + 1)
    found = await asyncio.gather(*(_hop(host, question.towards, distance) for distance in distances))
    known: set[str | None] = {own}  # this host itself, when the first router does not answer to its address
    for distance, hop in zip(distances, found, strict=True):
        if hop.arrived or (hop.router and hop.router in known):
            return
        known.add(hop.router)
        tell(HopSeen(clock.monotonic(), distance, hop.router))


async def _hop(host: Host, towards: Endpoint, distance: int) -> Hop:
    six = ":" in towards[0]
    lives = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if six else (socket.IPPROTO_IP, socket.IP_TTL)
    try:
        asking = await Socket.open(host, address="::" if six else "0.0.0.0")
    except OSError:  # a kernel without IPv6
        return Hop()
    with closing(asking):
        asking.socket.setsockopt(*lives, distance)
        for _ in range(SENDS):
            if await asking.ask(towards, sends=1, rto=EVERY):
                return Hop(arrived=True)
            for complaint in asking.errors:
                if complaint.by == towards[0]:  # it is there, without a server
                    return Hop(arrived=True)
                if complaint.by and complaint.number == errno.EHOSTUNREACH:  # what time exceeded is to a socket
                    return Hop(router=complaint.by)
    return Hop()


@dataclass(frozen=True)
class Speech:
    """How a gateway is asked whether it speaks a protocol. `request` is made with our own address; `external` finds out
    which external address it tells, from what `accepts` took for an answer."""

    port: int
    request: Callable[[IPv4Address], bytes]
    accepts: Callable[[bytes], bool]
    external: Callable[[Host, str, bytes], Awaitable[str | None]]


def is_nat_pmp(data: bytes) -> bool:
    """RFC 6886, section 3.2: the answer to the request for the external address; also one that only says why not."""
    return len(data) >= 8 and data[:2] == b"\x00\x80"


def nat_pmp_external(data: bytes) -> str | None:
    """The address in it; None while it has none."""
    if len(data) < 12 or data[2:4] != b"\0\0":
        return None
    told = IPv4Address(data[8:12])
    return None if told.is_unspecified else str(told)


def pcp_announce(client: IPv4Address) -> bytes:
    """RFC 6887, sections 7.1 and 14.1: ANNOUNCE, which changes nothing."""
    return bytes([2]) + bytes(7) + bytes(10) + b"\xff\xff" + client.packed


def is_pcp(data: bytes) -> bool:
    """RFC 6887, section 7.2: any response of version 2."""
    return len(data) >= 24 and data[0] == 2 and data[1] & 0x80 == 0x80


async def _in_the_answer(_host: Host, _gateway: str, data: bytes) -> str | None:
    return nat_pmp_external(data)


async def _untold(_host: Host, _gateway: str, _data: bytes) -> None:
    """PCP tells an external address only with a mapping."""


PROTOCOLS: Mapping[Protocol, Speech] = {
    "nat-pmp": Speech(_PMP_PORT, lambda _: bytes(2), is_nat_pmp, _in_the_answer),  # RFC 6886, section 3.2
    "pcp": Speech(_PMP_PORT, pcp_announce, is_pcp, _untold),
    "upnp": Speech(upnp.PORT, lambda _: upnp.SEARCH, upnp.is_gateway, upnp.external),
}


async def _mapping(host: Host, gateway: str, protocol: Protocol, tell: Callable[[Fact], None]) -> None:
    speech = PROTOCOLS[protocol]
    try:
        client = IPv4Address(await source(host, (gateway, speech.port)))
    except CapabilityMissing:  # its interface has just lost its address: nobody was asked
        return
    answer = await _answer(host, gateway, speech, speech.request(client))
    external = await speech.external(host, gateway, answer) if answer is not None else None
    tell(PortMappingAsked(clock.monotonic(), gateway, protocol, answer is not None, external))


async def _answer(host: Host, gateway: str, speech: Speech, request: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    said: asyncio.Future[bytes] = loop.create_future()
    with await host.udp() as opened:  # not connected: SSDP answers from whichever port it likes

        def readable() -> None:
            with suppress(OSError):
                while True:
                    data, (address, *_) = opened.recvfrom(_LONGEST)
                    if address == gateway and speech.accepts(data) and not said.done():
                        said.set_result(data)

        loop.add_reader(opened, readable)
        try:
            for _ in range(SENDS):
                with suppress(OSError):  # an ICMP error of the last one, or no way at this moment
                    opened.sendto(request, (gateway, speech.port))
                await asyncio.wait([said], timeout=EVERY)
                if said.done():
                    return said.result()
        finally:
            loop.remove_reader(opened)
    return None
