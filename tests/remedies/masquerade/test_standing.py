from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from landfast.kernel import nft
from landfast.kernel.host import Host
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options
from landfast.remedies.masquerade.languages import nft_json
from landfast.remedies.masquerade.ruleset import Form, Wanted, rules
from landfast.remedies.masquerade.standing import judge
from landfast.remedies.masquerade.state import State
from landfast.remedies.masquerade.threats import Configuration
from landfast.wire.cover import Packet
from tests.remedies.masquerade.robots import FOREIGN, Scene, ip
from tests.remedies.masquerade.worlds import NO_FILES, world

LEAK = Packet(ip_address("10.42.0.1"), ip_address("1.1.1.1"), "wlan0")
OURS = nft_json(rules(Wanted(("wlan0",), Form("nft"))))


@pytest.mark.anyio
async def test_without_the_remedy_every_foreign_address_can_leave(robot: Host) -> None:
    status = await masquerade.status(robot)
    assert (status.enabled, status.backend, status.rules, status.effective) == (False, None, (), False)
    found = {each.address: (each.interface, each.egress, each.ours, each.others) for each in status.foreign_sources}
    assert found == dict.fromkeys(FOREIGN.values(), ("eth1", "wlan0", None, None))


@pytest.mark.anyio
@pytest.mark.parametrize("backend", ["nft", "iptables"])
async def test_the_rules_in_force_are_told_with_what_they_matched(robot: Host, backend: str) -> None:
    await masquerade.enable(robot, Options(backend=backend, persist="rc.local"))  # type: ignore[arg-type]
    status = await masquerade.status(robot)
    assert (status.enabled, status.backend, status.persistence) == (True, backend, "rc.local")
    assert any(rule.text.lower().endswith("masquerade") for rule in status.rules)
    assert all(source.ours for source in status.foreign_sources)
    assert json.loads(json.dumps(status.as_json()))["schema_version"] == 1


@pytest.mark.anyio
async def test_a_rule_of_another_s_that_does_the_same_is_recognised(robot: Host) -> None:
    chain = {"family": "ip", "table": "theirs", "name": "post"}
    expressions = [
        {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "wlan0"}},
        {"masquerade": None},
    ]
    theirs = [
        {"table": {"family": "ip", "name": "theirs"}},
        {"chain": {**chain, "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}},
        {"rule": {"family": "ip", "table": "theirs", "chain": "post", "expr": expressions}},
    ]
    await nft.apply(robot, [{"add": each} for each in theirs])
    found = {each.address: each for each in (await masquerade.status(robot)).foreign_sources}
    assert found[FOREIGN[4]].others == "ip theirs, post: oifname wlan0 masquerade"
    assert (await masquerade.status(robot)).effective is False  # IPv6 still leaks
    await masquerade.enable(robot)
    found = {each.address: each for each in (await masquerade.status(robot)).foreign_sources}
    assert found[FOREIGN[4]].ours
    assert found[FOREIGN[4]].others


@pytest.mark.anyio
@pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")
async def test_an_address_that_policy_routing_keeps_at_home_cannot_leave(scene: Scene) -> None:
    """As a strong host routes: what comes from eth1's address leaves by eth1."""
    await ip(scene.robot, "rule add from 10.42.0.1 lookup 100\nroute add default via 10.42.0.7 table 100\n")
    found = {each.address for each in (await masquerade.status(scene.robot)).foreign_sources}
    assert found == {FOREIGN[6]}


def test_with_nothing_that_could_leak_effectiveness_is_unknown() -> None:
    here = world(listing=OURS, state=State(OURS, (), NO_FILES))
    assert judge(here, {}, [], Configuration(), None).effective is None


def test_a_rule_for_another_interface_is_not_effective() -> None:
    other = nft_json(rules(Wanted(("eth0",), Form("nft"))))
    here = world(listing=other, state=State(other, (), NO_FILES))
    status = judge(here, {}, [LEAK], Configuration(), None)
    assert (status.enabled, status.effective) == (True, False)


def test_packets_are_counted_where_a_rule_acts() -> None:
    counted = json.loads(json.dumps(OURS).replace('"packets": 0', '"packets": 7'))
    here = world(listing=tuple(counted), state=State(OURS, (), NO_FILES))
    status = judge(here, {}, [LEAK], Configuration(), None)
    acting = [rule for rule in status.rules if not rule.text.endswith("return")]
    assert status.matched_packets == 7 * len(acting)
    assert len(acting) == 3


def test_lines_of_iptables_are_counted_too() -> None:
    lines = [
        "-P POSTROUTING ACCEPT -c 9 900",
        "-N LANDFAST -c 0 0",
        "-A POSTROUTING -m comment --comment landfast -c 5 400 -j LANDFAST",
        "-A LANDFAST -o wlan0 -m addrtype ! --src-type LOCAL --limit-iface-out -c 3 240 -j MASQUERADE",
    ]
    status = judge(world(), {(4, "nat"): lines}, [LEAK], Configuration(), None)
    (rule,) = status.rules
    assert (rule.packets, rule.bytes, rule.table) == (3, 240, "ip nat")
    assert status.effective is True


def test_warnings_are_for_rules_that_are_there() -> None:
    flushing = Configuration(nftables_flushes=True)
    assert judge(world(), {}, [], flushing, None).warnings == ()
    here = world(listing=OURS, state=State(OURS, (), NO_FILES))
    assert judge(here, {}, [], flushing, 4.0).warnings
    assert judge(here, {}, [], flushing, 4.0).unconfirmed_s == 4.0
