from __future__ import annotations

from landfast.lab.sim.stack import Hop, Stack

HOST = [
    "link set dev lo up",
    "link set dev wlan0 up",
    "address add 192.168.1.10/24 dev wlan0",
    "route add default via 192.168.1.1 dev wlan0 metric 100",
    "address add 2001:db8:1::a/64 dev wlan0 nodad",
    "route add ::/0 via 2001:db8:1::1 dev wlan0 metric 100",
    "link set dev eth1 up",
    "address add 10.42.0.1/24 dev eth1",
    "link add docker0 type bridge",
    "link set dev docker0 up",
    "address add 172.17.0.1/16 dev docker0",
]
AWAY = "198.51.100.5"


def test_the_default_route_leads_away_and_a_subnet_to_its_own_interface() -> None:
    stack = Stack(HOST)
    assert stack.hop(AWAY) == Hop("wlan0", "192.168.1.1", "192.168.1.10")
    assert stack.hop("10.42.0.7") == Hop("eth1", "10.42.0.7", "10.42.0.1")
    assert stack.hop("2001:db8::5") == Hop("wlan0", "2001:db8:1::1", "2001:db8:1::a")
    assert stack.local["172.17.0.1"] == "docker0"
    assert stack.default(six=False) == stack.default(six=True) == "wlan0"


def test_a_weak_host_sends_any_source_by_the_default_route() -> None:
    hop = Stack(HOST).hop(AWAY, "10.42.0.1")
    assert hop
    assert hop.face == "wlan0"


def test_a_strong_host_has_no_route_for_a_foreign_source() -> None:
    strong = [
        "route add 192.168.1.0/24 dev wlan0 table 100",
        "route add default via 192.168.1.1 dev wlan0 table 100",
        "rule add pref 100 from 192.168.1.10 lookup 100",
        "route add 10.42.0.0/24 dev eth1 table 101",
        "route add unreachable default table 101",
        "rule add pref 100 from 10.42.0.1 lookup 101",
    ]
    stack = Stack(HOST + strong)
    assert stack.hop(AWAY, "10.42.0.1") is None
    assert stack.hop("10.42.0.9", "10.42.0.1") == Hop("eth1", "10.42.0.9", "10.42.0.1")
    assert stack.hop(AWAY, "192.168.1.10") == stack.hop(AWAY)
    stack.do(["rule del pref 100 from 10.42.0.1 lookup 101"])
    assert stack.hop(AWAY, "10.42.0.1")


def test_a_link_that_goes_down_takes_routes_and_ipv6_along_and_keeps_ipv4() -> None:
    stack = Stack(HOST)
    stack.do(["link set dev wlan0 down"])
    assert stack.hop(AWAY) is None
    assert stack.default(six=False) is None
    assert "192.168.1.10" in stack.local
    assert "2001:db8:1::a" not in stack.local
    assert stack.addresses("wlan0") == []


def test_of_two_default_routes_the_smaller_metric_wins() -> None:
    other = ["link set dev wwan0 up", "address add 10.9.0.2/24 dev wwan0"]
    stack = Stack([*HOST, *other, "route add default via 10.9.0.1 dev wwan0 metric 50"])
    assert stack.hop(AWAY) == Hop("wwan0", "10.9.0.1", "10.9.0.2")


def test_replacing_a_route_leaves_one() -> None:
    stack = Stack(HOST)
    stack.do(["route replace default via 192.168.1.2 dev wlan0 metric 100"])
    assert stack.hop(AWAY) == Hop("wlan0", "192.168.1.2", "192.168.1.10")
    stack.do(["link set dev wlan0 down"])
    assert stack.hop(AWAY) is None


def test_the_source_is_the_address_in_the_gateways_subnet() -> None:
    stack = Stack(["link set dev e up", "address add 10.1.0.1/24 dev e", "address add 10.2.0.1/24 dev e"])
    stack.do(["route add default via 10.2.0.9"])
    assert stack.hop(AWAY) == Hop("e", "10.2.0.9", "10.2.0.1")


def test_an_address_replaced_is_another() -> None:
    stack = Stack(HOST)
    stack.do(["address add 192.168.1.128/24 dev wlan0", "address del 192.168.1.10/24 dev wlan0"])
    assert stack.addresses("wlan0") == ["2001:db8:1::a", "192.168.1.128"]
    hop = stack.hop(AWAY)
    assert hop
    assert hop.source == "192.168.1.128"
