"""What each router is in nft's words, and that this kernel takes all of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from landfast.kernel import nft
from landfast.kernel.sandbox import Sandbox
from landfast.lab import parse, ruleset, topology
from landfast.lab.network import Nat, Network
from landfast.lab.ruleset import CLEAR, GENERATION_PORTS, GENERATIONS, Weather
from landfast.lab.topology import Routing

SYMMETRIC = {"mapping": "address-and-port-dependent", "ports": "random"}
BLOCK = {"ports": "block", "block": [2000, 2063]}


def routing(robots: int = 1, **router: Any) -> Routing:
    """A router `home` on the internet with so many subscribers."""
    hosts = {f"h{number}": {"interfaces": {"eth0": {"via": "home"}}} for number in range(robots - 1)}
    network = {
        "title": "a test",
        "observed_on": ["nowhere"],
        "routers": {"home": router},
        "hosts": {
            "robot": {"interfaces": {"wlan0": {"via": "home"}}},
            "operator": {"interfaces": {"eth0": {"via": "internet"}}},
            **hosts,
        },
    }
    return topology.plan(Network.model_validate(network)).routings["home"]


def of(profile: str, router: str) -> Routing:
    return topology.plan(parse.profile(profile)).routings[router]


def rules(text: str, chain: str) -> list[str]:
    """The rules of one chain, without its hook."""
    found = re.search(rf"  chain {chain} {{\n    type [^\n]*\n(.*?)  }}", text, re.DOTALL)
    return [line.strip() for line in found[1].splitlines()] if found else []


def priority(text: str, chain: str) -> int:
    found = re.search(rf"  chain {chain} {{\n    type filter hook prerouting priority (-?\d+);", text)
    assert found
    return int(found[1])


def test_a_home_router_is_one_rule() -> None:
    assert ruleset.nat(of("home", "home")) == (
        "table ip nat\n"
        "delete table ip nat\n"
        "table ip nat {\n"
        "  chain post {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        '    oifname "wan" snat to 203.0.113.10\n'
        "  }\n"
        "}\n"
    )
    assert ruleset.router(of("home", "home")) == (
        "table inet router\n"
        "delete table inet router\n"
        "table inet router {\n"
        "  chain input {\n"
        "    type filter hook input priority 0; policy accept;\n"
        '    iifname "wan" meta l4proto udp ct state new drop\n'
        "  }\n"
        "}\n"
    )


def test_the_mifi_translates_only_its_lan() -> None:
    assert rules(ruleset.nat(of("mifi", "mifi")), "post") == [
        'oifname "wan" ip saddr 192.168.1.0/24 snat to 100.64.0.2',
    ]
    assert rules(ruleset.nat(of("mifi-masquerade-all", "mifi")), "post") == ['oifname "wan" snat to 100.64.0.2']


def test_the_carrier_drops_and_counts_what_it_gave_to_nobody() -> None:
    text = ruleset.router(of("mifi", "carrier"))
    assert "  counter violations { }\n" in text
    assert rules(text, "sources") == [
        'iifname "lan" meta nfproto ipv4 ip saddr != { 100.64.0.2 } counter name violations drop',
    ]
    both = ruleset.router(routing(robots=2, gateway={}, ipv6="on"))
    assert rules(both, "sources") == [
        'iifname "lan" meta nfproto ipv4 ip saddr != { 192.168.1.10, 192.168.1.11 } counter name violations drop',
        'iifname "lan" meta nfproto ipv6 ip6 saddr != { fe80::/10, ::, 2001:db8:1::/64 } counter name violations6 drop',
    ]
    assert "violations" not in ruleset.router(of("cgnat", "carrier"))


def test_carrier_grade_nat_takes_a_port_at_random_and_a_subscriber_s_address() -> None:
    assert rules(ruleset.nat(of("cgnat", "carrier")), "post") == [
        'oifname "wan" meta l4proto udp ip saddr 100.64.0.2 snat to 203.0.113.10:1024-65535 fully-random',
        'oifname "wan" meta l4proto udp snat to 203.0.113.10:1024-65535 fully-random',
        'oifname "wan" ip saddr 100.64.0.2 snat to 203.0.113.10',
        'oifname "wan" snat to 203.0.113.10',
    ]


def test_unpaired_sessions_have_each_address_of_the_pool_alike() -> None:
    text = ruleset.nat(routing(nat=SYMMETRIC | {"pooling": "arbitrary", "pool": 3}))
    assert rules(text, "post")[:3] == [
        'oifname "wan" meta l4proto udp numgen random mod 3 < 1 snat to 203.0.113.12:1024-65535 fully-random',
        'oifname "wan" meta l4proto udp numgen random mod 2 < 1 snat to 203.0.113.11:1024-65535 fully-random',
        'oifname "wan" meta l4proto udp snat to 203.0.113.10:1024-65535 fully-random',
    ]


def test_a_budget_of_mappings_counts_each_subscriber_s_ports() -> None:
    text = ruleset.nat(routing(robots=2, budget={"of": "mappings", "limit": 7, "refusal": "reject"}))
    for number in (0, 1):
        head = f"set ports{number} {{ type inet_service; flags dynamic,timeout; timeout 120s; size 7; }}"
        assert f"  {head}\n" in text
    assert rules(text, "budget") == [
        'oifname "wan" ip saddr 192.168.1.10 meta l4proto udp update @ports0 { udp sport } accept',
        'oifname "wan" ip saddr 192.168.1.10 meta l4proto udp reject with icmp type admin-prohibited',
        'oifname "wan" ip saddr 192.168.1.11 meta l4proto udp update @ports1 { udp sport } accept',
        'oifname "wan" ip saddr 192.168.1.11 meta l4proto udp reject with icmp type admin-prohibited',
    ]


def test_a_budget_of_sessions_counts_the_sessions_that_live() -> None:
    assert rules(ruleset.nat(of("cgnat-budget", "carrier")), "budget") == [
        'oifname "wan" meta l4proto udp ct state new add @sessions { ip saddr ct count over 64 } drop',
    ]


def test_without_nat_there_is_no_table() -> None:
    assert ruleset.nat(routing(nat=None)) == ""


@pytest.mark.parametrize(
    ("router", "rule"),
    [
        ({"udp": "blocked"}, 'iifname "lan" meta l4proto udp udp dport != 53 drop'),
        ({"udp": "rejected"}, 'iifname "lan" meta l4proto udp udp dport != 53 reject with icmpx type admin-prohibited'),
        ({"ipv6": "one-way"}, 'iifname "wan" meta nfproto ipv6 meta l4proto { tcp, udp } drop'),
        ({"ipv6": "on"}, 'iifname "wan" meta nfproto ipv6 ct state established,related accept'),
        ({"mtu": 1280, "mtu_signalled": False}, "ip length > 1280 drop"),
        ({"mtu": 1280, "mtu_signalled": False}, "ip6 length > 1240 drop"),
    ],
)
def test_each_word_on_a_router_is_a_rule_that_others_lack(router: dict[str, Any], rule: str) -> None:
    assert rule in rules(ruleset.router(routing(**router)), "forward")
    assert rules(ruleset.router(routing(mtu=1280)), "forward") == []
    assert rules(ruleset.router(routing()), "forward") == []


def test_nothing_lets_a_large_packet_past_a_black_hole() -> None:
    said = rules(ruleset.router(routing(ipv6="on", udp="rejected", mtu=1280, mtu_signalled=False)), "forward")
    assert said[:2] == ["ip length > 1280 drop", "ip6 length > 1240 drop"]
    assert len(said) == 5


def test_an_open_input_has_no_rule() -> None:
    assert rules(ruleset.router(routing(input="accept")), "input") == []


def test_strangers_come_in_where_the_filter_lets_them() -> None:
    opened = ruleset.nat(routing(nat={"filtering": "endpoint-independent"}))
    entry = 'iifname "wan" ip daddr { 203.0.113.10 } meta l4proto udp dnat ip to ip daddr . udp dport map'
    assert rules(opened, "pre") == [f"{entry} @mappings", f"{entry} @streams"]
    assert rules(opened, "forward") == []
    by_address = ruleset.nat(routing(nat={"filtering": "address-dependent"}))
    assert rules(by_address, "pre") == rules(opened, "pre")
    assert rules(by_address, "forward")[-1] == 'iifname "wan" meta l4proto udp drop'
    assert rules(ruleset.nat(routing()), "pre") == []


def test_the_lifetimes_of_remembered_mappings_are_the_router_s() -> None:
    nat = {"filtering": "endpoint-independent", "udp_timeout": 7, "udp_stream_timeout": 9}
    text = ruleset.nat(routing(nat=nat))
    assert re.findall(r"map (\w+) {.*timeout (\d+)s; size", text) == [("mappings", "7"), ("streams", "9")]
    same = ruleset.nat(routing(nat=nat | {"udp_stream_timeout": 7}))
    assert re.findall(r"map (\w+) {", same) == ["mappings"]


def test_what_strangers_send_refreshes_nothing_where_only_outbound_does() -> None:
    both, outbound = (
        rules(ruleset.nat(routing(nat={"filtering": "endpoint-independent", "refresh": refresh})), "remember")
        for refresh in ("both", "outbound")
    )
    assert [rule for rule in both if 'iifname "wan"' in rule]
    assert outbound == [rule for rule in both if 'iifname "wan"' not in rule]


ROUND = range(2 * GENERATIONS + 1)


def external(text: str, port: int) -> range:
    """The ports that an inner one may become: the kernel keeps it where it lies in the first rule's range that fits."""
    for rule in rules(text, "post"):
        fits = re.search(r"udp sport (\d+)-(\d+)", rule)
        if fits and not int(fits[1]) <= port <= int(fits[2]):
            continue
        into = re.search(r":(\d+)-(\d+)$", rule)
        if into is None or int(into[1]) <= port <= int(into[2]):
            return range(port, port + 1)
        return range(int(into[1]), int(into[2]) + 1)
    raise AssertionError("no rule fits")


EDGES = [1, 1023, 1024, 2000, 2063, 2064, 32767, 32768, 65535]
EDGES += [first + port for first in range(4096, 65535, GENERATION_PORTS) for port in (-1, 0, 1, 1999, 3998)]


@pytest.mark.parametrize("generation", ROUND)
def test_after_a_generation_no_port_is_what_it_was(generation: int) -> None:
    for nat in ({}, {"ports": "random"}, BLOCK):
        if nat.get("ports") == "random" and not generation:
            continue  # from all ports to one of 4000: the same again is possible, and rare
        before, after = (ruleset.nat(routing(nat=nat), step) for step in (generation, generation + 1))
        assert not [port for port in EDGES if overlap(external(before, port), external(after, port))]


def overlap(one: range, other: range) -> bool:
    return one[0] <= other[-1] and other[0] <= one[-1]


@given(st.integers(1, 65535), st.integers(1, 65535), st.sampled_from(EDGES), st.sampled_from(ROUND[1:]))
def test_no_later_generation_keeps_a_port_whatever_the_declared_block(one: int, other: int, port: int, at: int) -> None:
    declared = routing(nat={"ports": "block", "block": sorted((one, other))})
    block = external(ruleset.nat(declared, at), port)
    assert len(block) == GENERATION_PORTS
    assert port not in block


def test_blocks_of_generations_are_apart_and_in_reach() -> None:
    blocks = [external(ruleset.nat(routing(), step), 1) for step in range(1, GENERATIONS + 1)]
    assert all(len(block) == GENERATION_PORTS and block[0] > 1024 and block[-1] < 65536 for block in blocks)
    assert not any(set(one) & set(other) for one, other in itertools.combinations(blocks, 2))
    again = external(ruleset.nat(routing(), GENERATIONS + 1), 1)
    assert again == blocks[0]


def test_addresses_move_on_with_each_step_and_wrap_around_the_pool() -> None:
    home = routing(nat=SYMMETRIC | {"pool": 20})
    texts = [ruleset.nat(home, addresses=step) for step in range(3)]
    seen = [set(re.findall(r"snat to ([\d.]+)", text)) for text in texts]
    assert seen[0] == {"203.0.113.10"}  # of its one subscriber
    assert seen[1] == {"203.0.113.30"}
    assert texts[2] == texts[0]
    strangers = ruleset.nat(routing(nat={"filtering": "endpoint-independent"}), addresses=1)
    assert "{ 203.0.113.11 }" in strangers
    assert "203.0.113.10" not in strangers


def test_a_clear_sky_is_an_empty_table() -> None:
    assert ruleset.weather(CLEAR) == "table inet weather\ndelete table inet weather\ntable inet weather {\n}\n"


@pytest.mark.parametrize("weather", [Weather(suspended=True), Weather(udp_blocked=True)])
def test_violations_are_counted_even_when_nothing_passes(weather: Weather) -> None:
    sources = priority(ruleset.router(of("mifi", "carrier")), "sources")
    early = priority(ruleset.weather(weather), "early")
    assert sources < early < -200  # before conntrack: what is lost refreshes no mapping


def test_bad_weather_adds_up() -> None:
    text = ruleset.weather(Weather(suspended=True, udp_blocked=True, ipv6_one_way=True))
    assert len(rules(text, "early")) == len(rules(text, "forward")) == 2


def nats() -> Iterator[Nat]:
    """Every mapping × filtering × port allocation that can be built, with what else changes the words."""
    dependence = ["endpoint-independent", "address-dependent", "address-and-port-dependent"]
    more: list[dict[str, Any]] = [
        {},
        {"hairpin": True},
        {"refresh": "outbound", "pool": 2},
        {"pooling": "arbitrary", "pool": 3},
        {"translates": "lan", "max_age": 60},
    ]
    for mapping, filtering, ports, others in itertools.product(
        dependence, dependence, ({"ports": "preserving"}, {"ports": "random"}, BLOCK), more
    ):
        try:
            yield Nat.model_validate({"mapping": mapping, "filtering": filtering, **ports, **others})
        except ValidationError:
            continue


def texts() -> Iterator[str]:
    for name in parse.profiles():
        for each in topology.plan(parse.profile(name)).routings.values():
            yield ruleset.nat(each) + ruleset.router(each) + ruleset.weather(CLEAR)
    for nat in nats():
        yield ruleset.nat(routing(nat=nat)) + ruleset.nat(routing(nat=nat), 1, 1)
    for router in (
        {"udp": "rejected", "ipv6": "one-way", "mtu": 1280, "mtu_signalled": False, "input": "accept"},
        {"gateway": {}, "ipv6": "on"},
        {"budget": {"of": "mappings", "limit": 5}},
        {"budget": {"limit": 5, "refusal": "reject"}},
    ):
        yield ruleset.nat(routing(robots=2, **router)) + ruleset.router(routing(robots=2, **router))
    for suspended, blocked, one_way in itertools.product([True, False], repeat=3):
        yield ruleset.weather(Weather(suspended, blocked, one_way))


def test_every_mapping_filtering_and_allocation_is_among_those_that_are_tried() -> None:
    tried = {(nat.mapping, nat.filtering, nat.ports) for nat in nats()}
    assert len(tried) == 3 * (3 + 1 + 2)  # preserving needs independent mapping, by address only random is possible


@pytest.mark.lab
@pytest.mark.anyio
async def test_this_kernel_takes_every_text() -> None:
    async with Sandbox() as sandbox:
        host = await sandbox.host("router")
        for text in texts():
            await nft.load(host, text)
