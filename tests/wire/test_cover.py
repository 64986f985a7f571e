from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel import iptables, nft
from landfast.wire.cover import Packet, by_iptables, by_nft, covers
from landfast.wire.netfilter import iptables_words
from tests.kernel.places import there

FOUR = Packet(ip_address("10.42.0.1"), ip_address("1.1.1.1"), "wlan0")
SIX = Packet(ip_address("fd00::1"), ip_address("2606:4700:4700::1111"), "wlan0")

# Rules of nat POSTROUTING as `iptables -S` writes them, and whether the packet FOUR leaves with another source by them.
NAT = [
    (["-o wlan0 -j MASQUERADE"], True),  # the source document's
    (["-o wlan+ -j MASQUERADE"], True),
    (["-o eth0 -j MASQUERADE"], False),
    (["! -o eth0 -j MASQUERADE"], True),
    (["-j MASQUERADE"], True),
    (["-s 10.42.0.0/24 ! -o eth1 -j MASQUERADE"], True),  # as Docker's
    (["-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"], False),
    (["! -s 10.42.0.0/16 -o wlan0 -j MASQUERADE"], False),
    (["-o wlan0 -j SNAT --to-source 192.168.1.10"], True),
    (["-o wlan0 -m comment --comment mine -j MASQUERADE --random-fully"], True),
    (["-o wlan0 -m addrtype ! --src-type LOCAL --limit-iface-out -j MASQUERADE"], True),
    (["-o wlan0 -m addrtype --src-type LOCAL --limit-iface-out -j MASQUERADE"], False),
    (["-o wlan0 -m addrtype ! --src-type LOCAL -j MASQUERADE"], False),  # ours is local, to another interface
    (["-o wlan0 -p tcp -m tcp --dport 80 -j MASQUERADE"], False),
    (["-o wlan0 -p udp -j MASQUERADE"], True),
    (["-o wlan0 -p udp -m udp --dport 53 -j MASQUERADE"], False),  # not understood: does not count
    (["-o wlan0 -m mark --mark 0x1 -j MASQUERADE"], False),
    (["-d 10.0.0.0/8 -j RETURN", "-o wlan0 -j MASQUERADE"], True),
    (["-s 10.42.0.0/24 -j ACCEPT", "-o wlan0 -j MASQUERADE"], False),
    (["-s 10.42.0.0/24 -j RETURN", "-o wlan0 -j MASQUERADE"], False),
    (["-j INNER"], True),
    (["-o eth0 -j INNER"], False),
    (["-g INNER", "-j ACCEPT"], True),
    (["-j EMPTY", "-o wlan0 -j MASQUERADE"], True),
    (["-g EMPTY", "-o wlan0 -j MASQUERADE"], False),  # goto does not come back
    (["-j ROUND"], False),
    (["-m policy --dir out --pol none -o wlan0 -j MASQUERADE"], True),
    (["-o wlan0 -m conntrack --ctstate NEW -j MASQUERADE"], True),
]
CHAINS = ["-A INNER -o wlan0 -j MASQUERADE", "-A ROUND -j ROUND"]


def cover4(table: str, lines: list[str], packet: Packet = FOUR) -> bool:
    return by_iptables([iptables_words(line) for line in lines], 4, table, packet) is not None


@pytest.mark.parametrize(("rules", "covered"), NAT, ids=str)
def test_rules_of_iptables_that_translate(rules: list[str], covered: bool) -> None:
    lines = [*(f"-A POSTROUTING {rule}" for rule in rules), *CHAINS]
    assert cover4("nat", lines) is covered
    assert by_iptables([iptables_words(line) for line in lines], 4, "nat", SIX) is None


@pytest.mark.parametrize(
    ("rules", "covered"),
    [
        (["-o wlan0 -s 10.42.0.0/24 -j DROP"], True),
        (["-o wlan0 -m addrtype ! --src-type LOCAL --limit-iface-out -j DROP"], True),
        (["-m conntrack --ctdir REPLY -j RETURN", "-o wlan0 -s 10.42.0.1/32 -j REJECT"], True),
        (["-p tcp -j DROP"], False),
        (["-m owner --uid-owner 7 -j ACCEPT", "-s 10.42.0.1/32 -j DROP"], False),  # may have been accepted before
        (["-m owner --uid-owner 7 -j DROP", "-s 10.42.0.1/32 -j DROP"], True),
        (["-j MAYBE", "-s 10.42.0.1/32 -j DROP"], False),
    ],
)
def test_rules_of_iptables_that_drop(rules: list[str], covered: bool) -> None:
    lines = [*(f"-A OUTPUT {rule}" for rule in rules), "-A MAYBE -m owner --uid-owner 7 -j ACCEPT"]
    assert cover4("filter", lines) is covered


# The same question of nft, whose own listing is asked: chains of type nat or filter, and which packets they cover.
NFT = [
    ("ip", "nat", 'oifname "wlan0" masquerade', "4"),
    ("ip", "nat", 'oifname "wl*" masquerade', "4"),
    ("ip", "nat", 'oifname { "eth0", "wlan0" } masquerade', "4"),
    ("ip", "nat", 'oifname != "lo" ip saddr 10.42.0.0/24 counter masquerade random', "4"),
    ("ip", "nat", 'ip saddr { 10.0.0.0/8, 172.16.0.0/12 } oifname "wlan0" snat to 192.168.1.10', "4"),
    ("ip", "nat", 'oifname "wlan0" fib saddr . oif type != local masquerade', "4"),
    ("ip", "nat", 'ip saddr @theirs oifname "wlan0" masquerade', ""),
    ("ip", "nat", 'udp dport 53 oifname "wlan0" masquerade', ""),
    ("ip", "nat", 'meta l4proto { tcp, udp } oifname "wlan0" masquerade', "4"),
    ("ip6", "nat", 'oifname "wlan0" masquerade', "6"),
    ("inet", "nat", 'meta nfproto ipv4 oifname != "lo" masquerade', "4"),
    ("inet", "nat", 'oifname "wlan0" jump inner', "46"),
    ("inet", "nat", "ip6 saddr fd00::/8 masquerade", "6"),
    ("inet", "filter", 'oifname "wlan0" fib saddr . oif type != local drop', "46"),
    ("inet", "filter", 'ct direction reply accept\n oifname "wlan0" ip6 saddr fd00::/8 counter drop', "6"),
    ("inet", "filter", 'meta skuid 7 accept\n oifname "wlan0" ip saddr 10.42.0.1 drop', ""),
    ("inet", "filter", "limit rate 1/second drop", ""),
]


@pytest.mark.anyio
@pytest.mark.needs("namespaces", "nft-fib")
async def test_rules_of_nft_as_it_lists_them(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        for family, kind, rule, covered in NFT:
            hook = "postrouting priority 100" if kind == "nat" else "output priority 0"
            inner = "chain inner { masquerade; }" if kind == "nat" and family != "ip6" else ""
            theirs = "set theirs { type ipv4_addr; }" if "@" in rule else ""
            chain = f"chain out {{ type {kind} hook {hook}; policy accept;\n {rule}\n }}"
            await nft.load(host, f"flush ruleset\ntable {family} theirs {{\n {theirs}\n {inner}\n {chain}\n}}\n")
            listing = await nft.listing(host)
            found = [str(packet.source.version) for packet in (FOUR, SIX) if by_nft(listing, packet)]
            assert "".join(found) == covered, rule
            assert not by_nft(listing, FOUR, without=[f"{family} theirs"])


@pytest.mark.anyio
@pytest.mark.needs("namespaces", "iptables-nat")
async def test_a_rule_given_to_iptables_is_recognised_as_it_lists_it(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        await host.run(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"])
        found = by_iptables([iptables_words(line) for line in await iptables.rules(host, 4, "nat")], 4, "nat", FOUR)
        assert str(found) == "ip nat, POSTROUTING: -A POSTROUTING -o wlan0 -j MASQUERADE"


@pytest.mark.anyio
@pytest.mark.needs("namespaces", "iptables-nat")
async def test_a_rule_that_nft_lists_for_iptables_counts_once(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        await host.run(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"])
        listing = await nft.listing(host)
        found = covers(listing, await iptables.tables(host, listing), FOUR)
        assert [str(cover) for cover in found] == ["ip nat, POSTROUTING: -A POSTROUTING -o wlan0 -j MASQUERADE"]


words = st.sampled_from(
    ["-A", "POSTROUTING", "!", "-o", "-s", "wlan0", "10.0.0.0/8", "-j", "-g", "MASQUERADE", "-m", "x"]
)


@given(st.lists(st.lists(words, max_size=8)))
def test_no_lines_can_raise(lines: list[list[str]]) -> None:
    by_iptables(lines, 4, "nat", FOUR)
