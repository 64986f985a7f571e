"""Networks as they stand: every profile, seen from its hosts by real packets."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from landfast.kernel.host import Host
from landfast.lab import build, parse, topology
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.topology import POOLS, PUBLIC, SERVER_ADDRESSES, SERVER_ADDRESSES6
from tests.lab.mirror import Mirror, world

pytestmark = [pytest.mark.lab, pytest.mark.anyio]
QUESTION = b"who am I"


def bare(network: Network | str) -> Lab:
    """A network without its servers, not verified."""
    return Lab(network, verified=False, served=False)


async def first_packet(host: Host, mirror: Mirror, source: str) -> str:
    """The address that the server sees of the only datagram that is ever sent."""
    with await host.udp(source) as asking:
        asking.connect(mirror.socket.getsockname())
        asking.send(QUESTION)
        answer = await asyncio.get_running_loop().sock_recv(asking, 100)
    return answer.removeprefix(QUESTION).split()[0].decode()


# One of each shape every time, all in the proof.
SHAPES = ("open", "home", "mifi", "cgnat-unpaired", "dual-stack")
PROFILES = [
    pytest.param(name, marks=() if name in SHAPES else pytest.mark.proof)
    for name in parse.profiles()
    if name != "udp-blocked"
]


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_first_packet_reaches_the_server_and_its_answer_the_robot(profile: str) -> None:
    async with world(profile) as here:
        seen = {host: await first_packet(here.lab.host(host), here.mirror, "0.0.0.0") for host in ("robot", "operator")}
        for host, address in seen.items():
            [via] = [each.via for each in here.lab.plan.attachments if each.host == host]
            assert ip_address(address) in (PUBLIC if via == "internet" else POOLS)
        assert [said for said, _ in here.mirror.heard] == [QUESTION] * 2


async def test_where_udp_is_blocked_only_dns_reaches_the_server() -> None:
    async with bare("udp-blocked") as lab:
        robot, server = lab.host("robot"), lab.host("server")
        with (
            await server.udp(str(SERVER_ADDRESSES[0]), 7000) as other,
            await server.udp(str(SERVER_ADDRESSES[0]), 53) as dns,
        ):
            with await robot.udp() as asking:
                asking.sendto(QUESTION, other.getsockname())
                asking.sendto(QUESTION, dns.getsockname())  # takes the same way, and so comes later
            assert await asyncio.get_running_loop().sock_recv(dns, 100) == QUESTION
            with pytest.raises(BlockingIOError):
                other.recv(100)
            with await lab.host("operator").udp() as asking:
                asking.sendto(QUESTION, other.getsockname())
            assert await asyncio.get_running_loop().sock_recv(other, 100) == QUESTION


async def test_ipv6_stands_at_the_first_packet_and_is_not_translated() -> None:
    async with world("dual-stack", ipv6=True) as here:
        [own] = [each.address6 for each in here.lab.plan.attachments if each.host == "robot"]
        assert own
        assert await first_packet(here.lab.host("robot"), here.mirror, "::") == str(own.ip)
        assert here.mirror.socket.getsockname()[0] == str(SERVER_ADDRESSES6[0])


async def test_each_host_knows_the_others_by_name() -> None:
    async with bare("mifi") as lab:
        expected = {host: {str(lab.plan.address(host))} for host in ("robot", "operator", "server")}
        for place in (*lab.network.hosts, "server", "carrier"):
            host = lab.host(place)
            lines = [line.split() for line in (host.root / "etc/hosts").read_text().splitlines()]
            assert {name: {a for a, *names in lines if name in names} for name in expected} == expected
            assert (host.root / "etc/hostname").read_text() == f"{place}\n"
        told = await lab.host("robot").run(["cat", "/etc/hosts", "/etc/resolv.conf"])
        assert f"{lab.plan.address('operator')} operator\n" in told.checked().stdout
        assert "nameserver" not in told.stdout


async def masquerading(lab: Lab) -> list[str]:
    said = await lab.host("robot").run(["iptables", "-t", "nat", "-S", "POSTROUTING"])
    return [line for line in said.checked().stdout.splitlines() if line.startswith("-A")]


async def test_docker_s_own_rule_stands_where_it_is_declared() -> None:
    network = parse.profile("mifi")
    robot = network.hosts["robot"]
    docker = {"docker0": robot.bridges["docker0"].but(masquerade=True)}
    async with bare(network.but(hosts={**network.hosts, "robot": robot.but(bridges=docker)})) as lab:
        assert await masquerading(lab) == ["-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"]
    async with bare(network) as lab:
        assert await masquerading(lab) == []


EVERYTHING = """
title = "Whatever a network may have"
observed_on = ["this test"]

[routers.fifteen-letters]
ipv6 = "on"

[routers.middle]
via = "fifteen-letters"
ipv6 = "on"
mtu = 1400

[routers.low]
via = "middle"
lan = "10.0.0.0/8"

[routers.lte]

[hosts.robot]
routing = "strong"
foreign_ipv6 = "2001:db8:f::1"
bridges = { docker0 = {}, br-0123456789ab = { address = "172.18.0.1/16" } }

[hosts.robot.interfaces]
wlan0.via = "low"
wan.via = "middle"
eth0.via = "middle"
wwan0.via = "lte"
spare.address = "10.42.0.1/24"
another.address = "10.43.0.1/24"

[hosts.operator.interfaces]
eth0.via = "internet"

[hosts.eth0.interfaces]
eth0.via = "low"
"""


async def test_a_network_with_everything_stands_and_each_strong_address_leads_out_of_its_own_interface() -> None:
    network = parse.parse(EVERYTHING, "everything.toml")
    async with world(network) as here:
        robot = here.lab.host("robot")
        pools = {name: routing.pool[0] for name, routing in here.lab.plan.routings.items()}
        for each in here.lab.plan.attachments:
            if each.host == "robot":
                top = network.path(each.via)[-1]
                assert await first_packet(robot, here.mirror, str(each.address.ip)) == str(pools[top])
        for foreign in ("10.42.0.1", "10.43.0.1", "172.17.0.1", "172.18.0.1"):
            with await robot.udp(foreign) as asking, pytest.raises(OSError, match="No route to host"):
                asking.sendto(QUESTION, here.mirror.socket.getsockname())


async def test_without_nat_the_server_sees_the_robot_s_own_address() -> None:
    network = parse.profile("cgnat")
    routers = {name: router.but(nat=None) for name, router in network.routers.items()}
    async with world(network.but(routers=routers)) as here:
        assert await first_packet(here.lab.host("robot"), here.mirror, "0.0.0.0") == "192.168.1.10"


async def test_a_router_that_is_loaded_anew_has_counted_nothing() -> None:
    async with world("mifi") as here:
        robot, carrier = here.lab.host("robot"), here.lab.host("carrier")
        with await robot.udp("10.42.0.1") as foreign:
            foreign.sendto(QUESTION, here.mirror.socket.getsockname())
        await first_packet(robot, here.mirror, "0.0.0.0")  # takes the same way, and so comes later
        assert (await here.lab.violations()).packets == 1
        await build.load(carrier, here.lab.plan.routings["carrier"])
        assert (await here.lab.violations()).packets == 0


async def test_every_place_of_the_plan_is_a_host_with_the_addresses_that_it_says() -> None:
    async with bare("home") as lab:
        for name, place in topology.plan(lab.network).places.items():
            if name == "nowhere":
                continue
            said = (await lab.host(name).run(["ip", "-brief", "address"])).checked().stdout
            for line in place.lines:
                if line.startswith("address add "):
                    assert line.split()[2] in said
