from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.model.facts import Endpoint, HopSeen, PortMappingAsked, decode
from landfast.probes import carrier
from landfast.probes.carrier import is_nat_pmp, is_pcp, nat_pmp_external, pcp_announce
from landfast.probes.questions import CarrierNat
from tests.lan import lan
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio

FOUND = b"HTTP/1.1 200 OK\r\nEXT:\r\nst: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n\r\n"
PMP = bytes([0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7])


async def told(host: Host, question: CarrierNat) -> Told:
    tell = Told()
    await carrier.ask(host, question, tell)
    return tell


def way(found: Told) -> list[tuple[int, str | None]]:
    return [(fact.distance, fact.address) for fact in found.of(HopSeen)]


@pytest.mark.lab
async def test_the_routers_on_the_way_name_themselves_up_to_the_server() -> None:
    async with Lab("cgnat", verified=False) as lab:
        found = await told(lab.host("robot"), CarrierNat(lab.services.stun))
    [(first, mifi), (second, carrier_), *others] = way(found)
    assert (first, mifi) == (1, "192.168.1.1")
    assert second == 2
    assert carrier_
    assert carrier_.startswith("100.64.")
    assert len(others) <= 1, "the internet's router, and no farther"


_PROGRAM = """\
import asyncio, sys
from landfast.kernel.host import Host
from landfast.model.facts import encode
from landfast.probes import carrier
from landfast.probes.questions import CarrierNat
asyncio.run(carrier.ask(Host.here(), CarrierNat((sys.argv[1], int(sys.argv[2]))), lambda fact: print(encode(fact))))
"""


@pytest.mark.lab
async def test_an_ordinary_user_may_ask() -> None:
    async with Lab("cgnat", verified=False) as lab:
        server, port = lab.services.stun
        argv = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
        argv += [sys.executable, "-c", _PROGRAM, server, str(port)]
        said = (await lab.host("robot").run(argv)).checked()
    found = Told(decode(line) for line in said.stdout.splitlines())
    assert way(found)[0] == (1, "192.168.1.1")


@pytest.mark.lab
async def test_a_way_that_ends_is_told_as_far_as_it_goes() -> None:
    """Nobody is there: the last router says so, once."""
    async with Lab("home", verified=False, served=False) as lab:
        found = way(await told(lab.host("robot"), CarrierNat(("198.51.100.77", 9))))
    assert found[0] == (1, "192.168.1.1")
    named = [router for _, router in found if router]
    assert len(named) == len(set(named))


@pytest.mark.lab
async def test_routers_are_asked_over_ipv6_too() -> None:
    async with Lab("dual-stack", verified=False) as lab:
        server = lab.host("server")
        six = (await server.run(["ip", "-6", "-o", "address", "show", "scope", "global"])).stdout.split()[3]
        found = way(await told(lab.host("robot"), CarrierNat((six.partition("/")[0], 3478))))
    assert found
    assert all(router is None or ":" in router for _, router in found)
    assert any(router for _, router in found)


@pytest.mark.lab
async def test_a_router_that_speaks_nothing_has_answered_nothing() -> None:
    async with Lab("home", verified=False, served=False) as lab:
        asked = (await told(lab.host("robot"), CarrierNat(("192.0.2.1", 9)))).of(PortMappingAsked)
    assert {(fact.gateway, fact.protocol, fact.answered) for fact in asked} == {
        ("192.168.1.1", protocol, False) for protocol in carrier.PROTOCOLS
    }


@pytest.mark.lab
async def test_without_a_way_out_nobody_is_asked() -> None:
    async with lan(alone="10.0.0.1/24") as hosts:
        assert await told(hosts["alone"], CarrierNat(("192.0.2.1", 9))) == []


@pytest.mark.lab
async def test_routers_that_say_nothing_are_told_as_such() -> None:
    async with lan(robot="10.0.0.1/24") as hosts:
        (await hosts["robot"].run(["ip", "route", "add", "default", "via", "10.0.0.77"])).checked()
        assert way(await told(hosts["robot"], CarrierNat(("192.0.2.1", 9), hops=2))) == [(1, None), (2, None)]


class Gateway(asyncio.DatagramProtocol):
    """Answers the second request, from whichever socket it is told to."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.heard: list[bytes] = []
        self._answer = answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        self.heard.append(data)
        answer = self._answer(data)
        if answer and self.heard.count(data) > 1:
            self._transport.sendto(answer, addr)


@pytest.mark.lab
async def test_a_gateway_that_speaks_them_is_heard_although_the_first_request_is_lost() -> None:
    loop = asyncio.get_running_loop()
    async with lan(robot="10.0.0.1/24", gateway="10.0.0.254/24") as hosts:
        (await hosts["robot"].run(["ip", "route", "add", "default", "via", "10.0.0.254"])).checked()
        answers: Iterable[tuple[int, Callable[[bytes], bytes | None]]] = [
            (5351, lambda data: PMP if data == b"\0\0" else bytes([2, 128]) + bytes(22)),
            (1900, lambda _: FOUND),
        ]
        gateways = []
        for port, answer in answers:
            opened = await hosts["gateway"].udp("10.0.0.254", port)
            gateways.append(await loop.create_datagram_endpoint(lambda answer=answer: Gateway(answer), sock=opened))  # type: ignore[misc]
        with closing(gateways[0][0]), closing(gateways[1][0]):
            asked = (await told(hosts["robot"], CarrierNat(("192.0.2.1", 9), hops=1))).of(PortMappingAsked)
        pcp = next(data for data in gateways[0][1].heard if data[:1] == b"\2")
    assert {(fact.protocol, fact.answered, fact.external) for fact in asked} == {
        ("nat-pmp", True, "203.0.113.7"),
        ("pcp", True, None),
        ("upnp", True, None),
    }
    assert (pcp[1], len(pcp), IPv4Address(pcp[-4:])) == (0, 24, IPv4Address("10.0.0.1")), "ANNOUNCE, with our address"


@pytest.mark.parametrize(
    ("data", "accepted", "external"),
    [
        (PMP, True, "203.0.113.7"),
        (bytes([0, 128, 0, 3, 0, 0, 0, 9]), True, None),  # network failure
        (bytes([0, 128, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0]), True, None),  # it has none yet
        (bytes(12), False, None),
        (bytes([2, 128]) + bytes(22), False, None),
    ],
)
def test_what_nat_pmp_answers(data: bytes, accepted: bool, external: str | None) -> None:
    assert is_nat_pmp(data) is accepted
    if accepted:
        assert nat_pmp_external(data) == external


@given(st.binary(max_size=64))
def test_no_answer_can_raise(data: bytes) -> None:
    nat_pmp_external(data)
    assert not (is_nat_pmp(data) and is_pcp(data))


def test_a_request_is_no_response() -> None:
    assert is_pcp(bytes([2, 128]) + bytes(22))
    assert not is_pcp(pcp_announce(IPv4Address("10.0.0.1")))
