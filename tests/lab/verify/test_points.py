from __future__ import annotations

import pytest

from landfast.lab import parse, topology
from landfast.lab.network import Link, Nat, Router
from landfast.lab.verify.points import THE_SERVER, Way, first_port, hops, points, way, way_of
from tests.lab.verify.wrong import network


def test_each_router_is_asked_through_by_its_own_subscriber_and_answered_by_what_is_above_it() -> None:
    carrier, mifi, office = hops(topology.plan(parse.profile("mifi")))
    assert [(hop.name, hop.inside and hop.inside.place) for hop in (carrier, mifi, office)] == [
        ("carrier", "mifi"),
        ("mifi", "robot"),
        ("office", "operator"),
    ]
    assert carrier.outside == office.outside == THE_SERVER
    assert (mifi.outside.place, mifi.outside.addresses) == ("carrier", ("100.64.0.1", "203.0.113.10"))


def test_hosts_ask_rather_than_routers() -> None:
    home, _ = hops(topology.plan(network(deep=Router(via="home"))))
    assert [(point.place, point.routes) for point in home.subscribers] == [("robot", False), ("deep", True)]


def test_a_router_that_nobody_is_behind_has_no_inside() -> None:
    _, spare = hops(topology.plan(network(spare=Router())))
    assert spare.inside is None


def test_everybody_who_was_given_an_address_is_a_point() -> None:
    found = points(topology.plan(parse.profile("mifi")))
    assert [(p.place, p.interface, p.via) for p in found] == [
        ("robot", "wlan0", "mifi"),
        ("operator", "eth0", "office"),
        ("carrier", "wan", "internet"),
        ("mifi", "wan", "carrier"),
        ("office", "wan", "internet"),
    ]


def test_ipv6_addresses_are_where_ipv6_is() -> None:
    (home,) = hops(topology.plan(parse.profile("dual-stack")))
    assert home.gives6
    assert home.outside.all == ["198.51.100.5", "198.51.100.6", "2001:db8::5"]
    assert str(home.subscribers[0].address6) == "2001:db8:1::100a"
    (off,) = hops(topology.plan(network()))
    assert (off.gives6, off.subscribers[0].address6) == (False, None)


def test_cables_one_after_the_other_add_up() -> None:
    whole = way(Link(delay_ms=20, jitter_ms=5, loss=0.1), Link(delay_ms=30, reorder=0.1, loss=0.1))
    assert whole.delay == pytest.approx(0.055)
    assert whole.loss == pytest.approx(0.19)
    assert whole.overtaken == pytest.approx(0.03)
    assert way(Link()) == Way()


def test_the_way_of_a_question_is_its_own_cable_and_its_routers() -> None:
    plan = topology.plan(network(Router(link=Link(delay_ms=40))))
    robot, operator, home = points(plan)
    assert way_of(plan, robot).delay == pytest.approx(0.04)
    assert way_of(plan, operator).delay == 0
    assert way_of(plan, home).delay == pytest.approx(0.04)


@pytest.mark.parametrize("block", [(2000, 2063), (20000, 20063), (24999, 30000), (1024, 65535)])
def test_our_ports_are_apart_from_the_routers_block(block: tuple[int, int]) -> None:
    plan = topology.plan(network(Router(nat=Nat.model_validate({"ports": "block", "block": block}))))
    first = first_port(plan, points(plan)[0])
    assert block == (1024, 65535) or first > block[1] or first + 5000 < block[0]
