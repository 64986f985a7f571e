"""Where everything stands: addresses, cables and routes of any network, as the plan says them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile, RequestError
from landfast.lab import parse, topology
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.topology import Plan

ON_THE_INTERNET = {"interfaces": {"eth0": {"via": "internet"}}}


def network(routers: dict[str, Any], robot: dict[str, Any], **hosts: dict[str, Any]) -> Network:
    return Network.model_validate(
        {
            "title": "a test",
            "observed_on": ["nowhere"],
            "routers": routers,
            "hosts": {"robot": robot, "operator": ON_THE_INTERNET, **hosts},
        }
    )


def robot(*via: str, **more: Any) -> dict[str, Any]:
    return {"interfaces": {f"if{number}": {"via": router} for number, router in enumerate(via)}, **more}


def addresses(plan: Plan, place: str) -> list[tuple[str, IPv4Interface | IPv6Interface]]:
    """(Interface, address) of what `ip` will add there."""
    said = (re.match(r"address add (\S+) dev (\S+)", line) for line in plan.places[place].lines)
    return [(found[2], ip_interface(found[1])) for found in said if found]


def routes(plan: Plan, place: str) -> list[str]:
    return [line for line in plan.places[place].lines if line.startswith("route ")]


def reached(plan: Plan, via: str) -> Iterator[tuple[str, IPv4Interface | IPv6Interface]]:
    """(Place, address) of everything on one LAN, its router first."""
    yield from ((via, address) for face, address in addresses(plan, via) if face == "lan")
    ends = [cable.near for cable in plan.cables if cable.far[0] == via]
    yield from ((place, address) for place, end in ends for face, address in addresses(plan, place) if face == end)


def check(plan: Plan) -> None:
    """What holds in every network."""
    for via in ("internet", *plan.network.routers):
        held = list(reached(plan, via))
        twice = [address for address, count in Counter(address.ip for _, address in held).items() if count > 1]
        assert not twice, f"{twice} on {via}"
        lans = {address.network for place, address in held if place == via}
        assert {address.network for _, address in held} <= lans
    ends = [end for cable in plan.cables for end in (cable.near, cable.far)]
    bridges = [(via, "lan") for via in ("internet", *plan.network.routers)]
    bridges += [(name, bridge) for name, host in plan.network.hosts.items() for bridge in host.bridges]
    assert {place for place, _ in ends} <= set(plan.places)
    assert max(Counter([*ends, *bridges]).values()) == 1
    assert all(0 < len(name) <= 15 for _, name in ends)
    for place in plan.places:
        known = {"lo", *(name for where, name in [*ends, *bridges] if where == place)}
        assert {face for face, _ in addresses(plan, place)} <= known
        for line in plan.places[place].lines:
            for named in re.findall(r"\bdev (\S+)", line):
                assert named in known
        if place != "nowhere":
            check_routes(plan, place)


def check_routes(plan: Plan, place: str) -> None:
    """Each step is a neighbour that is there, and no destination is said twice."""
    own = [address for _, address in addresses(plan, place)]
    everybody = {address.ip for name in plan.places for _, address in addresses(plan, name)}
    said = []
    for line in routes(plan, place):
        found = re.match(
            r"route add (\S+) via (\S+)(?: dev (\S+))?(?: metric (\d+))?(?: mtu \d+)?(?: table (\d+))?$", line
        )
        if not found:
            continue
        step = ip_address(found[2])
        assert step in everybody
        assert any(step in address.network for address in own)
        said.append((found[1], found[4], found[5], step.version))
    assert len(said) == len(set(said))


@pytest.mark.parametrize("profile", parse.profiles())
def test_every_profile_has_a_sound_plan(profile: str) -> None:
    check(topology.plan(parse.profile(profile)))


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """Up to five routers in any tree, a robot with up to four interfaces, a third host."""
    names = draw(st.lists(st.sampled_from(["home", "a", "lan-of-carriers", "mifi", "fifteen-letters"]), unique=True))
    routers = {}
    for number, name in enumerate(names):
        routers[name] = {
            "via": draw(st.sampled_from(["internet", *names[:number]])),
            "ipv6": draw(st.sampled_from(["off", "on", "one-way"])),
            "mtu": draw(st.sampled_from([1500, 1280])),
            "nat": draw(st.sampled_from([{}, None])),
        }
    via = st.sampled_from(["internet", *names])
    faces = draw(st.lists(st.sampled_from(["wlan0", "wlan0-b", "wan", "eth0"]), min_size=1, unique=True))
    interfaces = {face: {"via": draw(via)} for face in faces}
    interfaces |= {"spare": {"address": "10.42.0.1/24"}} if draw(st.booleans()) else {}
    host = {
        "interfaces": interfaces,
        "bridges": {"docker0": {}} if draw(st.booleans()) else {},
        "routing": draw(st.sampled_from(["weak", "strong"])),
        "foreign_ipv6": draw(st.sampled_from([None, "2001:db8:f::1"])),
    }
    third = {"interfaces": {"eth0": {"via": draw(via)}}}
    return {"routers": dict(draw(st.permutations(list(routers.items())))), "robot": host, "third": third}


@given(networks())
def test_any_network_has_a_sound_plan_and_always_the_same(declared: dict[str, Any]) -> None:
    plan = topology.plan(network(**declared))
    check(plan)
    assert topology.plan(network(**declared)) == plan


def test_of_nested_routers_each_leads_up_and_hides_what_is_below() -> None:
    plan = topology.plan(network({"mifi": {"via": "carrier"}, "carrier": {}}, robot("mifi")))
    assert routes(plan, "carrier") == ["route add default via 203.0.113.1"]
    assert routes(plan, "mifi") == ["route add default via 192.168.2.1"]
    assert routes(plan, "robot") == ["route add default via 192.168.1.1 dev if0 metric 100"]
    assert routes(plan, "internet") == []
    assert [(a.host, str(a.address), str(a.gateway)) for a in plan.attachments] == [
        ("robot", "192.168.1.10/24", "192.168.1.1"),
        ("operator", "192.0.2.20/24", "192.0.2.1"),
    ]
    assert plan.routings["carrier"].subscribers == (IPv4Address("192.168.2.2"),)
    assert plan.routings["mifi"].subscribers == (IPv4Address("192.168.1.10"),)


def test_everyone_above_a_router_without_nat_knows_the_way_to_its_lan() -> None:
    routers = {"top": {}, "middle": {"via": "top"}, "bare": {"via": "middle", "nat": None, "lan": "10.9.0.0/16"}}
    plan = topology.plan(network(routers, robot("bare")))
    assert "route add 10.9.0.0/16 via 203.0.113.10" in routes(plan, "internet")
    assert "route add 10.9.0.0/16 via 192.168.1.2" in routes(plan, "top")
    assert "route add 10.9.0.0/16 via 192.168.2.2" in routes(plan, "middle")


def test_ipv6_stands_only_where_every_router_on_the_path_has_it() -> None:
    routers = {
        "top": {"ipv6": "on"},
        "six": {"via": "top", "ipv6": "one-way"},
        "four": {"via": "top"},
        "beneath": {"via": "four", "ipv6": "on"},
    }
    plan = topology.plan(network(routers, robot("six", "beneath"), low=robot("beneath")))
    assert [(a.host, a.interface, a.address6 and str(a.address6)) for a in plan.attachments] == [
        ("robot", "if0", "2001:db8:2::100a/64"),
        ("robot", "if1", None),
        ("operator", "eth0", "2001:db8::1014/64"),
        ("low", "if0", None),
    ]
    off = {name for name, place in plan.places.items() if place.sysctls["ipv6/conf/all/disable_ipv6"] == "1"}
    assert off == {"four", "beneath", "low", "nowhere"}
    assert "route add 2001:db8:2::/64 via 2001:db8::100" in routes(plan, "internet")
    assert "route add 2001:db8:2::/64 via 2001:db8:1::101" in routes(plan, "top")
    assert plan.routings["top"].prefixes6 == (ip_network("2001:db8:1::/64"), ip_network("2001:db8:2::/64"))
    assert (plan.routings["beneath"].lan6, plan.routings["beneath"].prefixes6) == (None, ())


def test_only_routers_forward() -> None:
    plan = topology.plan(parse.profile("mifi"))
    forwarding = {name for name, place in plan.places.items() if place.sysctls["ipv4/ip_forward"] == "1"}
    assert forwarding == {"internet", "carrier", "mifi", "office"}


def test_the_timers_and_the_path_filter_of_a_router_are_its_namespace_s() -> None:
    routers = {"home": {"nat": {"udp_timeout": 7, "udp_stream_timeout": 8}, "reverse_path_filter": True}}
    place = topology.plan(network(routers, robot("home"))).places["home"]
    assert place.sysctls["netfilter/nf_conntrack_udp_timeout"] == "7"
    assert place.sysctls["netfilter/nf_conntrack_udp_timeout_stream"] == "8"
    assert place.later["ipv4/conf/lan/rp_filter"] == "1"


def test_a_smaller_mtu_is_on_routes_only_where_it_is_signalled() -> None:
    open_, silent = ({"home": {"mtu": 1280, "ipv6": "on", "mtu_signalled": signalled}} for signalled in (True, False))
    assert routes(topology.plan(network(open_, robot("home"))), "home") == [
        "route add default via 203.0.113.1 mtu 1280",
        "route replace 203.0.113.0/24 dev wan proto kernel scope link src 203.0.113.10 mtu 1280",
        "route add ::/0 via 2001:db8::1 mtu 1280",
        "route replace 2001:db8::/64 dev wan proto kernel metric 256 mtu 1280",
    ]
    assert not any("mtu" in line for line in topology.plan(network(silent, robot("home"))).places["home"].lines)


def test_the_first_interface_with_a_via_has_the_default_route() -> None:
    host = {"interfaces": {"spare": {"address": "10.0.0.1/8"}, "wlan0": {"via": "home"}, "wwan0": {"via": "lte"}}}
    plan = topology.plan(network({"home": {}, "lte": {}}, host))
    assert plan.egress("robot") == "wlan0"
    assert plan.address("robot") == IPv4Address("192.168.1.10")
    assert plan.address("server") == topology.SERVER_ADDRESSES[0]
    assert routes(plan, "robot") == [
        "route add default via 192.168.1.1 dev wlan0 metric 200",
        "route add default via 192.168.2.1 dev wwan0 metric 300",
    ]


def test_two_foreign_interfaces_lead_nowhere() -> None:
    host = robot("home")
    host["interfaces"] |= {"eth1": {"address": "10.42.0.1/24"}, "eth2": {"address": "10.43.0.1/24"}}
    plan = topology.plan(network({"home": {}}, host))
    check(plan)
    nowhere = [cable for cable in plan.cables if cable.far[0] == "nowhere"]
    assert [cable.near for cable in nowhere] == [("robot", "eth1"), ("robot", "eth2")]
    for cable in nowhere:
        assert f"link set dev {cable.far[1]} up" in plan.places["nowhere"].lines
    assert not any("eth1" in line or "eth2" in line for line in routes(plan, "robot"))
    assert [a.interface for a in plan.attachments if a.host == "robot"] == ["if0"]


def test_a_strong_host_has_a_table_for_each_of_its_addresses() -> None:
    host = robot("home", routing="strong", bridges={"docker0": {}})
    host["interfaces"]["eth1"] = {"address": "10.42.0.1/24"}
    lines = topology.plan(network({"home": {}}, host)).places["robot"].lines
    assert [line for line in lines if "table" in line or line.startswith("rule")] == [
        "route add 192.168.1.0/24 dev if0 table 100",
        "route add default via 192.168.1.1 dev if0 table 100",
        "rule add pref 100 from 192.168.1.10 lookup 100",
        "route add 10.42.0.0/24 dev eth1 table 101",
        "route add unreachable default table 101",
        "rule add pref 100 from 10.42.0.1 lookup 101",
        "route add 172.17.0.0/16 dev docker0 table 102",
        "route add unreachable default table 102",
        "rule add pref 100 from 172.17.0.1 lookup 102",
    ]
    weak = topology.plan(network({"home": {}}, host | {"routing": "weak"})).places["robot"].lines
    assert not any("table" in line for line in weak)


def test_a_foreign_ipv6_address_turns_ipv6_on_for_a_host_of_ipv4() -> None:
    plan = topology.plan(network({"home": {}}, robot("home", foreign_ipv6="2001:db8:f::1")))
    assert plan.places["robot"].sysctls["ipv6/conf/all/disable_ipv6"] == "0"
    assert ("foreign6", IPv6Interface("2001:db8:f::1/64")) in addresses(plan, "robot")
    assert not any("::" in line for line in routes(plan, "robot"))


def test_cables_of_one_host_to_one_router_have_different_names() -> None:
    host = {"interfaces": {name: {"via": "home"} for name in ("wan", "eth0", "wireless1", "wireless2")}}
    plan = topology.plan(
        network({"home": {}}, host, **{"robot-number-1": robot("home"), "robot-number-2": robot("home")})
    )
    check(plan)
    assert len([cable for cable in plan.cables if cable.far[0] == "home"]) == 6


POOL = {"nat": {"mapping": "address-and-port-dependent", "ports": "random", "pool": 15}}


def test_pools_of_six_routers_have_no_address_in_common() -> None:
    plan = topology.plan(network({f"r{number}": POOL for number in range(6)}, robot("r0")))
    pools = [address for routing in plan.routings.values() for address in routing.pool]
    assert len(pools) == len(set(pools)) == 6 * topology.POOL_SPAN
    assert all(address in topology.POOLS for address in pools)
    check(plan)


@pytest.mark.parametrize("pool", range(1, 21))
def test_addresses_in_use_move_on_and_wrap_around_the_pool(pool: int) -> None:
    nat = POOL["nat"] | {"pool": pool}
    routing = topology.plan(network({"home": {"nat": nat}}, robot("home"))).routings["home"]
    seen = [routing.in_use(step) for step in range(2 * topology.POOL_SPAN)]
    assert all(len(set(used)) == pool and set(used) <= set(routing.pool) for used in seen)
    assert all(not set(one) & set(other) for one, other in pairwise(seen))
    around = topology.POOL_SPAN // pool
    assert seen[around] == seen[0]
    assert len(set(seen)) == around


def test_the_internet_has_room_for_six_routers() -> None:
    seven: dict[str, dict[str, str]] = {f"r{number}": {} for number in range(7)}
    with pytest.raises(RequestError, match="routers: at most 6 may stand directly on the internet"):
        Lab(network(seven, robot("r0")))
    topology.plan(network(seven | {"r6": {"via": "r0"}}, robot("r0")))


def test_behind_a_router_is_room_for_eight_more() -> None:
    eight: dict[str, dict[str, str]] = {"home": {}} | {f"r{number}": {"via": "home"} for number in range(8)}
    check(topology.plan(network(eight, robot("home"))))
    with pytest.raises(RequestError, match=r"routers\.more\.via: at most 8 routers may stand behind home"):
        Lab(network(eight | {"more": {"via": "home"}}, robot("home")))


@pytest.mark.parametrize(("via", "most"), [("home", 118), ("internet", 108)])
def test_hosts_are_given_the_lower_half_of_a_lan(via: str, most: int) -> None:
    already = 1  # the robot there, or the operator here
    hosts = {f"h{number}": robot(via) for number in range(most - already)}
    there = network({"home": {}}, robot("home"), **hosts)
    plan = topology.plan(there)
    assert max(a.address.ip.packed[3] for a in plan.attachments if a.via == via) == 127
    with pytest.raises(RequestError, match=rf"hosts\.more\.interfaces\.if0: at most {most} hosts may stand on {via}"):
        Lab(there.but(hosts={**there.hosts, "more": robot(via)}))


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"bridges": {"if0": {}}}, "if0"),
        ({"bridges": {"a-bridge-or-1": {}, "a-bridge-or-2": {}}}, "a-bridge-or--p0"),
        ({"interfaces": {"lo": {"via": "internet"}}}, "lo"),
        ({"interfaces": {"all": {"via": "internet"}}}, "all"),
        ({"interfaces": {"foreign6": {"via": "internet"}}, "foreign_ipv6": "2001:db8:f::1"}, "foreign6"),
    ],
)
def test_two_interfaces_of_a_host_have_two_names(more: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"hosts.robot: the interface name '{name}' is taken"):
        topology.plan(network({}, robot("internet") | more))


@pytest.mark.parametrize("lan", ["198.51.0.0/16", "203.0.113.0/24", "192.0.0.0/8", "192.168.1.0/24"])
def test_a_lan_is_not_one_that_it_leads_to(lan: str) -> None:
    routers = {"top": {}, "low": {"via": "top", "lan": lan}}
    with pytest.raises(ValueError, match=rf"routers\.low\.lan: {lan} overlaps \S+ of (internet|top), where it leads"):
        topology.plan(network(routers, robot("low")))


def test_what_cannot_be_laid_out_is_a_bad_file_and_no_defect() -> None:
    text = 'title = "t"\nobserved_on = ["x"]\n[hosts]\noperator.interfaces.eth0.via = "internet"\n'
    text += 'robot.interfaces.eth0.via = "internet"\nrobot.bridges.eth0 = {}\n'
    with pytest.raises(BadFile, match=r"x\.toml:5: hosts\.robot: the interface name 'eth0' is taken"):
        parse.parse(text, "x.toml")
