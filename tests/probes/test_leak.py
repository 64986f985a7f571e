from __future__ import annotations

import asyncio
from contextlib import closing
from ipaddress import ip_address

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel.capture import ETHERNET, Capture, Frame, Replay
from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.model.facts import ForeignSourceTried, Gathered
from landfast.probes import leak
from landfast.probes.asking import token
from landfast.probes.leak import Exits
from landfast.probes.questions import Leak
from landfast.wire import stun
from tests.kernel.test_capture import ethernet, ipv4, udp
from tests.lan import lan
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio

NOWHERE = ("192.0.2.1", 9)
FOREIGN = {"10.42.0.1", "172.17.0.1"}


async def told(host: Host, question: Leak) -> Told:
    tell = Told()
    await leak.ask(host, question, tell)
    return tell


@pytest.mark.lab
async def test_each_foreign_source_is_seen_to_leave_and_none_of_it_reaches_the_carrier() -> None:
    async with Lab("mifi", verified=False, served=False) as lab:
        found = await told(lab.host("robot"), Leak(NOWHERE))
        tried = found.of(ForeignSourceTried)
        assert {fact.source for fact in tried} == FOREIGN
        assert {(fact.egress, fact.sent, fact.left) for fact in tried} == {("wlan0", 3, 3)}
        assert (await lab.violations()).packets == 0, "the asking does not do what it looks for"
        assert not found.of(Gathered), "nothing to gather from"


@pytest.mark.lab
@pytest.mark.parametrize(
    "rule",
    ["-t nat -A POSTROUTING -o wlan0 -j MASQUERADE", "-A OUTPUT -o wlan0 ! -s 192.168.1.0/24 -j DROP"],
    ids=["translated", "dropped"],
)
async def test_behind_a_rule_none_leaves(rule: str) -> None:
    async with Lab("mifi", verified=False, served=False) as lab:
        robot = lab.host("robot")
        (await robot.run(["iptables", *rule.split()])).checked()
        tried = (await told(robot, Leak(NOWHERE))).of(ForeignSourceTried)
        assert {(fact.source, fact.sent, fact.left) for fact in tried} == {(source, 3, 0) for source in FOREIGN}


@pytest.mark.lab
async def test_gathering_is_slow_and_costs_foreign_packets_until_they_are_translated() -> None:
    """Also where the fault itself does not appear: the leak is the host's."""
    async with Lab("mifi-rpfilter", verified=False) as lab:
        robot = lab.host("robot")
        [gathered] = (await told(robot, Leak(lab.services.stun))).of(Gathered)
        assert gathered.foreign
        assert gathered.seconds > 1
        assert gathered.candidates >= 4, "three addresses, and the one that the server saw"
        (await robot.run(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"])).checked()
        [again] = (await told(robot, Leak(lab.services.stun))).of(Gathered)
        assert again.foreign == 0
        assert again.seconds < gathered.seconds


@pytest.mark.lab
async def test_where_packets_may_not_be_captured_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> Capture:
        raise CapabilityMissing("packet capture", "root")

    async with Lab("mifi", verified=False, served=False) as lab:
        robot = lab.host("robot")
        eyes = Exits(await Capture.open(robot, "wlan0"), ())
        with closing(eyes):
            monkeypatch.setattr(Capture, "open", refused)
            tried = (await told(robot, Leak(NOWHERE))).of(ForeignSourceTried)
            eyes.drain()
            assert {(fact.source, fact.sent, fact.left) for fact in tried} == {(source, 0, None) for source in FOREIGN}
            assert not {str(packet.source) for packet in eyes.packets} & FOREIGN


async def ip(host: Host, *lines: str) -> None:
    (await host.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()


@pytest.mark.lab
async def test_a_foreign_source_leaves_over_ipv6_too() -> None:
    async with lan(robot="10.0.0.1/24", gateway="10.0.0.2/24") as hosts:
        await ip(hosts["gateway"], "address add 2001:db8:1::1/64 dev eth0 nodad")
        await ip(hosts["robot"], "link add eth1 type veth peer name eth1x", "link set eth1 up")
        await ip(
            hosts["robot"], "address add fd00:42::1/64 dev eth1 nodad", "address add 2001:db8:1::9/64 dev eth0 nodad"
        )
        await ip(hosts["robot"], "route add default via 2001:db8:1::1")
        [tried] = (await told(hosts["robot"], Leak(("2001:db8:99::5", 9)))).of(ForeignSourceTried)
        assert (tried.source, tried.egress, tried.sent, tried.left) == ("fd00:42::1", "eth0", 3, 3)


@pytest.mark.lab
async def test_where_nothing_at_all_leaves_it_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No gateway answers to its address: what was sent waits in this host."""
    monkeypatch.setattr(leak, "LEAVES_WITHIN", 0.3)
    async with lan(robot="10.0.0.1/24") as hosts:
        await ip(hosts["robot"], "link add eth1 type veth peer name eth1x", "link set eth1 up")
        await ip(hosts["robot"], "address add 10.42.0.1/24 dev eth1", "route add default via 10.0.0.77")
        [tried] = (await told(hosts["robot"], Leak(NOWHERE))).of(ForeignSourceTried)
        assert (tried.source, tried.sent, tried.left) == ("10.42.0.1", 3, None)


def leaving(source: str, payload: bytes, at: float = 1.0) -> Frame:
    data = ethernet(ipv4(source, "198.51.100.5", 17, udp(5000, 3478, payload)))
    return Frame(at, True, ETHERNET, len(data), data)


async def test_a_translated_packet_has_left_and_others_are_not_waited_for() -> None:
    source, mine, theirs = Replay(), token(), token()
    with closing(Exits(source, {ip_address("192.168.1.10")})) as exits:
        source.feed(leaving("10.42.0.1", stun.binding_request(theirs)))
        source.feed(leaving("192.168.1.10", stun.binding_request(mine)))
        async with asyncio.timeout(20):
            await exits.until(lambda: bool(exits.marked([mine])), 60)
        assert [str(packet.source) for packet in exits.marked([mine])] == ["192.168.1.10"]


async def test_only_requests_to_the_server_from_foreign_sources_count_for_a_gathering() -> None:
    source, request = Replay(), stun.binding_request(token())
    with closing(Exits(source, {ip_address("192.168.1.10")})) as exits:
        source.feed(leaving("10.42.0.1", request, at=1.0))
        source.feed(leaving("10.42.0.1", request, at=3.0))
        source.feed(leaving("192.168.1.10", request, at=3.0))
        source.feed(leaving("10.42.0.1", b"something else", at=3.0))
        exits.drain()
        assert exits.asked_from_foreign(("198.51.100.5", 3478), 2.0) == 1
        assert exits.asked_from_foreign(("198.51.100.6", 3478), 2.0) == 0


async def test_what_never_leaves_is_waited_for_no_longer_than_said() -> None:
    with closing(Exits(Replay(), ())) as exits:
        async with asyncio.timeout(20):
            await exits.until(lambda: False, 0)


async def test_a_capture_that_lost_packets_is_not_complete() -> None:
    with closing(Exits(Replay(dropped=1), ())) as exits:
        assert not exits.complete
