from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landfast.lab import exported, parse
from landfast.lab.network import Gateway, Network, Ports, Router
from landfast.model.facts import (
    BindingTried,
    Fact,
    ForeignSourcePossible,
    ForeignSourceTried,
    HopSeen,
    InterfaceSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    MappingsAsked,
    PublicAddressChanged,
    RoundTrips,
)
from landfast.model.nat import Filtering, Mapping, Pooling
from tests.diagnose.stories import (
    OWN,
    PUBLIC,
    SIX,
    STORIES,
    X,
    age,
    host,
    lengths,
    lifetime,
    nat,
    openings,
    scattered,
    symmetric,
)

FACTS = st.lists(st.one_of([st.from_type(kind) for kind in get_args(Fact)]), max_size=12)


def network(*parts: list[Fact]) -> Network:
    return exported.network([fact for part in parts for fact in part]).network


def border(*parts: list[Fact]) -> Router:
    """The outermost router of what is exported."""
    return [*network(*parts).routers.values()][-1]


def read_back(made: exported.Exported) -> Network:
    return parse.parse(exported.toml(made), "carrier.toml").but(name="")


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_read_back_as_it_was_exported(name: str) -> None:
    made = exported.network(STORIES[name].facts)
    assert read_back(made) == made.network


@given(FACTS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_was_told_can_be_built(facts: list[Fact]) -> None:
    made = exported.network(facts)
    assert read_back(made) == made.network


@given(st.lists(st.sampled_from([story.facts for story in STORIES.values()]), min_size=2, max_size=3))
@settings(deadline=None)
def test_any_two_or_three_faults_can_be_built(stories: list[tuple[Fact, ...]]) -> None:
    made = exported.network([fact for story in stories for fact in story])
    assert read_back(made) == made.network


# NAT


@pytest.mark.parametrize(
    ("facts", "mapping", "ports", "pooling"),
    [
        (nat(), Mapping.ENDPOINT_INDEPENDENT, Ports.PRESERVING, Pooling.PAIRED),
        (
            nat(lambda local, _: (PUBLIC, local[1] % 1000 + 9)),
            Mapping.ENDPOINT_INDEPENDENT,
            Ports.RANDOM,
            Pooling.PAIRED,
        ),
        (nat(symmetric), Mapping.ADDRESS_AND_PORT_DEPENDENT, Ports.RANDOM, Pooling.PAIRED),
        (
            nat(lambda local, server: (PUBLIC, local[1] % 1000 * 9 + int(server[0][-1]))),
            Mapping.ADDRESS_DEPENDENT,
            Ports.RANDOM,
            Pooling.PAIRED,
        ),
        (nat(scattered), Mapping.ADDRESS_AND_PORT_DEPENDENT, Ports.RANDOM, Pooling.ARBITRARY),
    ],
)
def test_the_mapping_is_the_measured_one(facts: list[Fact], mapping: Mapping, ports: Ports, pooling: Pooling) -> None:
    made = border(facts).nat
    assert made
    assert (made.mapping, made.ports, made.pooling) == (mapping, ports, pooling)


@pytest.mark.parametrize(
    ("strangers", "filtering"),
    [
        ((), Filtering.ADDRESS_AND_PORT_DEPENDENT),
        (("other-port",), Filtering.ADDRESS_DEPENDENT),
        (("other-port", "other-address"), Filtering.ENDPOINT_INDEPENDENT),
    ],
)
def test_the_filtering_is_the_measured_one(strangers: tuple[str, ...], filtering: Filtering) -> None:
    made = border(nat(strangers=strangers)).nat
    assert made
    assert made.filtering is filtering


def test_a_pool_has_the_addresses_that_were_seen() -> None:
    made = border(nat(scattered)).nat
    assert made
    assert made.pool == 3


def test_without_a_nat_the_robot_stands_on_the_internet() -> None:
    made = network(host(), nat(lambda local, _: local))
    assert made.routers == {}
    assert made.hosts["robot"].interfaces["wlan0"].via == "internet"


def test_without_a_nat_a_router_stands_there_for_what_else_is_wrong() -> None:
    made = border(host(), nat(lambda local, _: local), lengths(1280))
    assert (made.nat, made.mtu, made.mtu_signalled) == (None, 1280, False)


def fine(seconds: float, state: str) -> list[Fact]:
    """Tried in steps of 1 %, as a real measurement is."""
    silences = [5 * 1.01**number for number in range(330)]
    return [
        BindingTried(10 + silent, X, state, silent, silent + 3, silent < seconds, True)  # type: ignore[arg-type]
        for silent in silences
    ]


@pytest.mark.parametrize(("unreplied", "stream"), [(20, 20), (20, 60), (30, 120), (45, 90)])
def test_timers_are_the_measured_ones(unreplied: int, stream: int) -> None:
    made = border(nat(), fine(unreplied, "unreplied"), fine(stream, "stream")).nat
    assert made
    assert made.udp_timeout == pytest.approx(unreplied, abs=0.02 * unreplied)
    assert made.udp_stream_timeout == pytest.approx(stream, abs=0.02 * stream)


def test_a_timer_that_never_ran_out_is_longer_than_anybody_looked() -> None:
    made = border(nat(), lifetime(500.0)).nat
    assert made
    assert made.udp_stream_timeout > 120


def test_what_dies_of_age_has_that_age_and_usual_timers() -> None:
    made = border(nat(strangers=("other-port",)), age(60.0), lifetime(60.0)).nat
    assert made
    assert made.max_age == pytest.approx(60, abs=3)
    assert made.udp_stream_timeout == 120
    assert made.filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT


def test_who_is_kept_alive_from_inside_only_is_so() -> None:
    fed: list[Fact] = [BindingTried(60.0, X, "stream", 5.0, 40.0 + each, False, True, "inbound") for each in range(3)]
    made = border(nat(), lifetime(20.0), fed).nat
    assert made
    assert made.refresh == "outbound"


def test_a_budget_is_the_measured_one() -> None:
    made = border([*STORIES["cgnat-budget"].facts]).budget
    assert made
    assert made.limit == 64


def test_a_budget_counts_what_earlier_questions_hold() -> None:
    earlier = nat(start=1.0)
    flows = {(fact.local, fact.server) for fact in earlier if isinstance(fact, MappedAddress)}
    asked = [MappedAddress(3.0, X, (OWN, 60000 + each), (PUBLIC, 60000 + each)) for each in range(40)]
    made = border(earlier, [*asked, MappingsAsked(4.0, X, 128, 40, True)]).budget
    assert made
    assert made.limit == 40 + len(flows)
    made = border(earlier, [replace(each, at=93.0) for each in asked], [MappingsAsked(94.0, X, 128, 40, True)]).budget
    assert made
    assert made.limit == 40


# Carriers


def test_a_second_nat_is_a_carrier_behind_the_router() -> None:
    made = network([*STORIES["cgnat"].facts])
    assert [(name, router.via) for name, router in made.routers.items()] == [
        ("router", "carrier"),
        ("carrier", "internet"),
    ]
    carrier, router = made.routers["carrier"], made.routers["router"]
    assert str(carrier.lan) == "100.64.0.0/24"
    assert carrier.nat
    assert router.nat
    assert (carrier.nat.mapping, router.nat.mapping) == (
        Mapping.ADDRESS_AND_PORT_DEPENDENT,
        Mapping.ENDPOINT_INDEPENDENT,
    )


def test_two_private_networks_are_the_ones_that_were_seen() -> None:
    hops: list[Fact] = [HopSeen(1.0, 1, "192.168.1.1"), HopSeen(1.0, 2, "10.20.30.1")]
    assert str(network(nat(), hops).routers["carrier"].lan) == "10.20.30.0/24"


def test_filtering_is_as_weak_at_both_nats() -> None:
    hops: list[Fact] = [HopSeen(1.0, 2, "100.64.0.1")]
    made = network(nat(strangers=("other-port", "other-address")), hops)
    assert {router.nat.filtering for router in made.routers.values() if router.nat} == {Filtering.ENDPOINT_INDEPENDENT}


def test_a_leak_that_ends_sessions_is_a_gateway_with_a_policy() -> None:
    made = network([*STORIES["mifi"].facts])
    assert made.routers["carrier"].gateway == Gateway()
    assert made.routers["router"].nat
    assert made.routers["router"].nat.translates == "lan"
    assert str(made.hosts["robot"].interfaces["eth1"].address) == "10.42.0.1/24"


def test_a_leak_without_a_change_is_a_leak_without_a_policy() -> None:
    made = network([*STORIES["mifi without a server"].facts])
    assert [router.gateway for router in made.routers.values()] == [None]
    assert "eth1" in made.hosts["robot"].interfaces


def test_an_address_that_changes_by_itself_is_an_event() -> None:
    made = network(host(), nat(), [PublicAddressChanged(50.0, PUBLIC, "203.0.113.11")])
    assert [event.what for event in made.events] == ["change-public-address"]
    made = network(host(), nat(), openings(2, leak=False, change=True))
    assert [event.first_stun for event in made.events] == [True]


# The robot


def test_a_covered_bridge_is_masqueraded_and_an_uncovered_one_is_not() -> None:
    facts: list[Fact] = [
        InterfaceSeen(0.0, "docker0", True, ("172.17.0.1/16",)),
        ForeignSourcePossible(0.1, "172.17.0.1", "docker0", "wlan0", "iptables: nat POSTROUTING", True),
        ForeignSourcePossible(0.1, "172.18.0.1", "br-0a1b2c3d4e5f", "wlan0", None, True),
    ]
    bridges = network(host(), facts).hosts["robot"].bridges
    assert {name: (str(bridge.address), bridge.masquerade) for name, bridge in bridges.items()} == {
        "docker0": ("172.17.0.1/16", True),
        "br-0a1b2c3d4": ("172.18.0.1/32", False),
    }


def test_what_was_tried_and_stayed_is_not_exported() -> None:
    facts: list[Fact] = [
        ForeignSourcePossible(0.1, "10.42.0.1", "eth1", "wlan0", None, True),
        ForeignSourceTried(0.5, "10.42.0.1", "wlan0", 3, 0),
    ]
    assert list(network(host(), facts).hosts["robot"].interfaces) == ["wlan0"]


def test_a_foreign_address_of_ipv6_is_one() -> None:
    facts: list[Fact] = [ForeignSourcePossible(0.1, "fd00:1::2", "tun0", "wlan0", None, True)]
    assert str(network(host(), facts).hosts["robot"].foreign_ipv6) == "fd00:1::2"


def test_the_routers_network_is_not_one_of_the_robots_own() -> None:
    facts: list[Fact] = [
        InterfaceSeen(0.0, "eth1", True, ("192.168.1.7/24",)),
        ForeignSourcePossible(0.1, "192.168.1.7", "eth1", "wlan0", None, True),
    ]
    assert str(border(host(), facts).lan) == "192.168.2.0/24"


@pytest.mark.parametrize("name", ["WLAN0", "enp3s0:1", "0eth", "lo", "läuft", "", "a-very-long-name", "docker0-p0"])
def test_a_name_that_the_laboratory_does_not_allow_becomes_one_that_it_does(name: str) -> None:
    facts: list[Fact] = [ForeignSourcePossible(0.1, "10.42.0.1", name, "wlan0", None, True)]
    made = exported.network([*host(), *facts])
    assert len(read_back(made).hosts["robot"].interfaces) + len(made.network.hosts["robot"].bridges) == 2


def test_delay_and_loss_are_the_measured_ones() -> None:
    made = network(host(), [RoundTrips(2.0, X, (OWN, 1), 100, (0.0805,) * 81)])
    link = made.hosts["robot"].interfaces["wlan0"].link
    assert link.delay_ms == pytest.approx(40, rel=0.02)
    assert link.loss == pytest.approx(0.1, rel=0.02)


def test_what_the_laboratory_takes_itself_is_no_delay() -> None:
    made = network(host(), [RoundTrips(2.0, X, (OWN, 1), 20, (0.0004,) * 20)])
    assert made.hosts["robot"].interfaces["wlan0"].link.delay_ms == 0


# Passage


def test_blocked_udp_is_blocked() -> None:
    assert border([*STORIES["udp-blocked"].facts]).udp == "blocked"


@pytest.mark.parametrize(("told", "signalled"), [(False, False), (True, True)])
def test_a_narrow_path_is_told_of_or_not(told: bool, signalled: bool) -> None:
    made = border(host(), nat(), lengths(1400, told=told))
    assert (made.mtu, made.mtu_signalled) == (1400, signalled)


def test_a_path_narrower_than_the_laboratory_can_is_its_narrowest() -> None:
    made = exported.network([*host(), *nat(), *lengths(1200)])
    assert made.network.routers["router"].mtu == 1280
    assert any("1200 bytes" in comment for comment in made.comments)


@pytest.mark.parametrize(
    ("families", "tried", "ipv6"),
    [
        ((4,), [], "off"),
        ((4, 6), [], "on"),
        ((4, 6), [Ipv6Tried(2.0, SIX, ("2001:db8:1::2", 9), 5, True, False)], "one-way"),
    ],
)
def test_ipv6_is_as_it_was(families: tuple[int, ...], tried: list[Fact], ipv6: str) -> None:
    assert border(host(families=families), nat(), tried).ipv6 == ipv6


def test_what_is_not_known_is_said() -> None:
    made = exported.network(host())
    for what in ("mapping", "filtering", "lifetime", "delay"):
        assert any(what in comment for comment in made.comments)
    assert f"# {made.comments[0]}" in exported.toml(made)


def test_no_public_address_is_told() -> None:
    text = exported.toml(exported.network(STORIES["mifi"].facts))
    assert PUBLIC not in text
    assert X[0] not in text


def test_long_packets_that_somebody_spoke_of_and_that_never_passed_say_nothing() -> None:
    assert border(host(), [LongPackets(1.0, X, True, 1400, 5, 0, True, 5)]).mtu == 1500
