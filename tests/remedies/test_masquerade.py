"""The remedy on the wire: what the next router sees of a robot with a second network card."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from landfast.kernel import conntrack, nft
from landfast.kernel.capture import Capture, parse
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options
from tests.remedies.masquerade import robots
from tests.remedies.masquerade.robots import FOREIGN, OWN, Scene, foreign, leaving, say, took

pytestmark = [pytest.mark.anyio, pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")]

# As Docker does: a ruleset that asks for the state of a flow, so that the kernel tracks flows before our rules.
TRACKING = """
table ip theirs {
  chain forward { type filter hook forward priority 0; policy accept; ct state established accept; }
  chain output { type filter hook output priority 0; policy accept; ct state established counter accept; }
}
"""


async def test_without_the_remedy_a_foreign_source_leaves(scene: Scene) -> None:
    async with leaving(scene) as seen:
        assert await say(scene.robot, FOREIGN[4], times=3) == 3
        assert await say(scene.robot, FOREIGN[6], times=3) == 3
    assert foreign(seen) == [FOREIGN[4]] * 3 + [FOREIGN[6]] * 3


OPTIONS = [
    Options(backend=backend, scope=scope, action=action, nat66=nat66)
    for backend in ("nft", "iptables")
    for scope in ("foreign", "all")
    for action in ("masquerade", "drop")
    for nat66 in (False, True)
    if not (nat66 and action == "drop") and (backend, scope, action) != ("iptables", "all", "drop")
]


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda o: f"{o.backend}-{o.scope}-{o.action}{'-nat66' if o.nat66 else ''}"
)
async def test_no_foreign_source_leaves(scene: Scene, options: Options) -> None:
    await masquerade.enable(scene.robot, options)
    async with leaving(scene) as seen:
        for family in (4, 6):
            await say(scene.robot, FOREIGN[family], times=3)
            await say(scene.robot, OWN[family], times=2)
    assert foreign(seen) == []
    translated = {4: options.action == "masquerade", 6: options.nat66}
    arrived = [str(packet.source) for packet in seen]
    assert arrived == [OWN[f] for f in (4, 6) for _ in range(3 * translated[f] + 2)]
    status = await masquerade.status(scene.robot)
    assert status.effective is True
    assert status.matched_packets > 0


async def test_after_disabling_it_leaves_again(scene: Scene) -> None:
    await masquerade.enable(scene.robot)
    await say(scene.robot, FOREIGN[4])
    await masquerade.disable(scene.robot)
    async with leaving(scene) as seen:
        await say(scene.robot, FOREIGN[4], port=4001)
    assert foreign(seen) == [FOREIGN[4]]


async def test_a_right_source_is_not_translated(scene: Scene) -> None:
    await masquerade.enable(scene.robot)
    with await scene.robot.udp(OWN[4], 4000) as opened:
        async with leaving(scene) as seen:
            took(opened)
    assert [packet.sport for packet in seen] == [4000]
    flows = {str(flow.original.source): flow for flow in await conntrack.flows(scene.robot)}
    assert not flows[OWN[4]].source_translated


async def test_it_survives_a_new_address_of_the_interface(scene: Scene) -> None:
    """No address is written down: after a DHCP server gave another one, the rule still knows what is foreign."""
    await masquerade.enable(scene.robot)
    moves = (
        "address del 192.168.1.10/24 dev wlan0",
        "address add 192.168.1.77/24 dev wlan0",
        "route replace default via 192.168.1.1",
        "address add 192.168.1.10/32 dev eth1",
    )
    await robots.ip(scene.robot, "".join(f"{line}\n" for line in moves))
    async with leaving(scene) as seen:
        await say(scene.robot, OWN[4])
        await say(scene.robot, FOREIGN[4])
    assert [str(packet.source) for packet in seen] == ["192.168.1.77"] * 2


async def test_a_flow_that_was_open_is_translated_at_once(scene: Scene) -> None:
    """The kernel decides on translation once a flow; without conntrack's forgetting this one would go on as it is."""
    await nft.load(scene.robot, TRACKING)
    with await scene.robot.udp(FOREIGN[4]) as opened, await scene.robot.udp(OWN[4]) as right:
        took(opened)
        took(right)
        before = await conntrack.flows(scene.robot)
        outcome = await masquerade.enable(scene.robot)
        assert any("open flows forgotten by conntrack" in note for note in outcome.notes)
        async with leaving(scene) as seen:
            took(opened)
    assert foreign(seen) == []
    left = [flow.original for flow in await conntrack.flows(scene.robot)]
    assert [flow.original in left for flow in before if str(flow.original.source) == OWN[4]] == [True]


async def test_a_flow_to_a_neighbour_of_the_other_card_is_not_forgotten(scene: Scene) -> None:
    await nft.load(scene.robot, TRACKING)
    with await scene.robot.udp(FOREIGN[4]) as opened:
        opened.sendto(b"x", ("10.42.0.7", robots.PORT))
        (flow,) = [f for f in await conntrack.flows(scene.robot) if str(f.original.destination) == "10.42.0.7"]
        await masquerade.enable(scene.robot)
        assert flow.original in [each.original for each in await conntrack.flows(scene.robot)]


@pytest.mark.parametrize(
    ("options", "arrives"),
    [
        (Options(), [OWN[4]]),
        (Options(scope="all"), [OWN[4]]),
        (Options(action="drop"), ["10.42.0.7"]),
        (Options(action="drop", scope="all"), []),
    ],
    ids=["foreign", "all", "foreign-drop", "all-drop"],
)
async def test_what_is_forwarded_for_others(scene: Scene, options: Options, arrives: list[str]) -> None:
    """A container, a sensor: masquerade covers them; `drop` leaves them to `scope all`."""
    await masquerade.enable(scene.robot, options)
    async with leaving(scene) as seen:
        await say(scene.sensor, "10.42.0.7")
    assert [str(packet.source) for packet in seen] == arrives


async def test_an_operator_who_came_in_to_a_foreign_address_is_answered(scene: Scene) -> None:
    """Else `enable` would cut the branch she sits on."""
    await robots.ip(scene.router, "route add 10.42.0.0/24 via 192.168.1.10\n")
    for options in OPTIONS:
        await masquerade.enable(scene.robot, options)
        with await scene.robot.udp(FOREIGN[4], 2222) as served, await scene.router.udp("192.168.1.1") as operator:
            operator.sendto(b"hello", (FOREIGN[4], 2222))
            loop = asyncio.get_running_loop()
            data, address = await loop.sock_recvfrom(served, 100)
            served.sendto(data, address)
            assert (await loop.sock_recvfrom(operator, 100))[1][0] == FOREIGN[4]
        await masquerade.disable(scene.robot)


async def test_what_nat_cannot_reach_does_not_leave_either(scene: Scene) -> None:
    """A packet of no flow (here: kept from conntrack) is translated by nobody."""
    await nft.load(
        scene.robot,
        "table ip theirs {\n"
        " chain raw { type filter hook output priority -300; policy accept; udp dport 9 notrack; }\n"
        "}\n",
    )
    async with leaving(scene) as seen:
        await say(scene.robot, FOREIGN[4])
    assert foreign(seen) == [FOREIGN[4]]
    await masquerade.enable(scene.robot)
    async with leaving(scene) as seen:
        await say(scene.robot, FOREIGN[4])
    assert foreign(seen) == []


@pytest.mark.parametrize("options", [Options(), Options(nat66=True), Options(action="drop", scope="all")], ids=str)
async def test_neighbour_discovery_and_duplicate_address_detection_go_on(scene: Scene, options: Options) -> None:
    await masquerade.enable(scene.robot, options)
    watcher = await scene.robot.start(["ip", "-6", "monitor", "address"])
    assert watcher.stdout
    with await Capture.open(scene.router, "lan0") as capture:
        await robots.ip(scene.robot, "neighbour flush dev wlan0\naddress add 2001:db8:1::77/64 dev wlan0\n")
        async with asyncio.timeout(10):
            while True:  # the kernel tells the address again when it is no longer tentative: nobody objected
                line = (await watcher.stdout.readline()).decode()
                if "2001:db8:1::77" in line and "tentative" not in line:
                    break
        packets = [packet for frame in capture.drain() if (packet := parse(frame))]
    solicitations = [p for p in packets if p.source.is_unspecified and p.payload[:1] == bytes([135])]
    assert "ff02::1:ff00:77" in [str(p.destination) for p in solicitations]  # RFC 4862, section 5.4.2
    async with leaving(scene) as seen:
        await say(scene.robot, "2001:db8:1::77")
    assert [str(packet.source) for packet in seen] == ["2001:db8:1::77"]


async def test_docker_rule_covers_its_own_bridge_and_is_recognised(scene: Scene) -> None:
    """Docker's default rule catches this host's packets from the bridge's address too."""
    with suppress(ValueError):
        await robots.ip(scene.robot, "address add 172.17.0.1/16 dev eth1\n")
    rule = ["iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "172.17.0.0/16", "!", "-o", "eth1", "-j", "MASQUERADE"]
    (await scene.robot.run(rule)).checked()
    async with leaving(scene) as seen:
        await say(scene.robot, "172.17.0.1")
        await say(scene.robot, FOREIGN[4])
    assert foreign(seen) == [FOREIGN[4]]
    sources = {each.address: each for each in (await masquerade.status(scene.robot)).foreign_sources}
    assert sources["172.17.0.1"].others is not None
    assert sources[FOREIGN[4]].others is None


async def test_the_source_document_s_rule_is_recognised(scene: Scene) -> None:
    assert (await masquerade.status(scene.robot)).effective is False
    rule = ["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"]
    (await scene.robot.run(rule)).checked()
    sources = {each.address: each for each in (await masquerade.status(scene.robot)).foreign_sources}
    assert sources[FOREIGN[4]].others == "ip nat, POSTROUTING: -A POSTROUTING -o wlan0 -j MASQUERADE"
    assert sources[FOREIGN[6]].others is None  # IPv4's rule does nothing for IPv6
