from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given

from landfast.remedies.masquerade.languages import HOOKS, by_table, iptables_lines, nft_json, nft_line
from landfast.remedies.masquerade.options import Action, Scope
from landfast.remedies.masquerade.ruleset import (
    Answer,
    Foreign,
    Form,
    From,
    Leaving,
    Wanted,
    forms,
    rules,
)
from landfast.wire.cover import Packet, covers
from landfast.wire.netfilter import Tables
from tests.remedies.masquerade.wishes import FOREIGN, any_wish

FIB = "fib saddr . oif type != local"
GUARD = [
    "4 leave: ip saddr 0.0.0.0 counter return",
    f'4 leave: oifname "wlan0" rt ipsec missing ct state invalid,untracked {FIB} counter drop',
]
SPARED6 = ["ip6 saddr :: counter return", "ip6 saddr fe80::/10 counter return"]
ANSWERS = "ct direction reply counter return"
DROP = f'oifname "wlan0" rt ipsec missing {FIB} counter drop'


def said(wanted: Wanted) -> list[str]:
    return [f"{rule.family} {rule.place}: {nft_line(rule)}" for rule in rules(wanted)]


@pytest.mark.parametrize(
    ("scope", "action", "nat66", "lines"),
    [
        (
            "foreign",
            "masquerade",
            False,
            [
                f'4 translate: oifname "wlan0" rt ipsec missing {FIB} counter masquerade',
                *GUARD,
                *(f"6 output: {line}" for line in (*SPARED6, ANSWERS, DROP)),
            ],
        ),
        (
            "all",
            "masquerade",
            False,
            [
                '4 translate: oifname "wlan0" rt ipsec missing counter masquerade',
                *GUARD,
                *(f"6 output: {line}" for line in (*SPARED6, ANSWERS, DROP)),
            ],
        ),
        (
            "foreign",
            "drop",
            False,
            [
                *(f"4 output: {line}" for line in ("ip saddr 0.0.0.0 counter return", ANSWERS, DROP)),
                *(f"6 output: {line}" for line in (*SPARED6, ANSWERS, DROP)),
            ],
        ),
        (
            "all",
            "drop",
            False,
            [
                *(f"4 leave: {line}" for line in ("ip saddr 0.0.0.0 counter return", ANSWERS, DROP)),
                *(f"6 leave: {line}" for line in (*SPARED6, ANSWERS, DROP)),
            ],
        ),
        (
            "foreign",
            "masquerade",
            True,
            [
                f'4 translate: oifname "wlan0" rt ipsec missing {FIB} counter masquerade',
                *GUARD,
                *(f"6 translate: {line}" for line in SPARED6),
                f'6 translate: oifname "wlan0" rt ipsec missing {FIB} counter masquerade',
                *(f"6 leave: {line}" for line in SPARED6),
                GUARD[1].replace("4", "6", 1),
            ],
        ),
    ],
    ids=["foreign", "all", "foreign-drop", "all-drop", "nat66"],
)
def test_the_rules_for_each_wish(scope: Scope, action: Action, nat66: bool, lines: list[str]) -> None:
    assert said(Wanted(("wlan0",), Form("nft"), scope, action, nat66)) == lines


def test_without_a_lookup_there_is_a_rule_for_each_address_that_is_foreign_to_that_interface() -> None:
    wanted = Wanted(("wlan0",), Form("nft", "address", spares_ipsec=False), foreign=FOREIGN)
    assert [line for line in said(wanted) if "translate" in line] == [
        f'4 translate: oifname "wlan0" ip saddr {address} counter masquerade' for address in ("10.42.0.1", "172.17.0.1")
    ]
    assert said(wanted)[-1] == '6 output: oifname "wlan0" ip6 saddr fd00::1 counter drop'


def test_the_source_document_s_rule_is_among_those_of_scope_all() -> None:
    wanted = Wanted(("wlan0",), Form("iptables", spares_ipsec=False), "all")
    assert iptables_lines(rules(wanted))[0] == "-o wlan0 -j MASQUERADE"


def test_the_forms_stand_in_their_order_of_preference() -> None:
    order = [str(form) for form in forms("auto") if form.spares_ipsec]
    assert order == ["nft, fib", "iptables, addrtype", "nft, one rule per address", "iptables, one rule per address"]
    assert {form.backend for form in forms("iptables")} == {"iptables"}
    spared = [form.spares_ipsec for form in forms("auto")]
    assert spared == [True, False] * 4  # what the kernel cannot do is left out only after it was tried


@given(any_wish)
def test_every_rule_that_acts_names_its_interface(wanted: Wanted) -> None:
    for rule in rules(wanted):
        leaving = [condition for condition in rule.conditions if isinstance(condition, Leaving)]
        assert bool(leaving) is (rule.verdict != "return")
        assert all(each.interface in wanted.interfaces for each in leaving)


@given(any_wish)
def test_only_a_foreign_source_is_ever_dropped(wanted: Wanted) -> None:
    foreign = {ip_network(address) for _, address in wanted.foreign}
    for rule in rules(wanted):
        if rule.verdict == "drop":
            assert any(c == Foreign() or (isinstance(c, From) and c.network in foreign) for c in rule.conditions)


@given(any_wish)
def test_answers_and_the_unspecified_address_are_spared_before_anything_is_dropped(wanted: Wanted) -> None:
    found = rules(wanted)
    for family, place in {(rule.family, rule.place) for rule in found if rule.verdict == "drop"}:
        here = [rule for rule in found if (rule.family, rule.place) == (family, place)]
        first = next(index for index, rule in enumerate(here) if rule.verdict == "drop")
        spared = {rule.conditions for rule in here[:first] if rule.verdict == "return"}
        assert (From(ip_network("0.0.0.0/32" if family == 4 else "::/128")),) in spared
        guards = all("Untranslatable" in str(rule) for rule in here[first:])  # a packet of no flow answers none
        assert guards or (Answer(),) in spared


@given(any_wish)
def test_ipv6_is_left_alone_only_where_there_is_none(wanted: Wanted) -> None:
    assert any(rule.family == 6 for rule in rules(wanted)) is wanted.ipv6
    if not wanted.nat66:
        assert not any(rule.family == 6 and rule.verdict == "masquerade" for rule in rules(wanted))


@given(any_wish)
def test_the_rules_cover_every_foreign_source(wanted: Wanted) -> None:
    found = rules(wanted)
    packets = [Packet(ip_address("10.42.0.1"), ip_address("1.1.1.1"), "wlan0")]
    if wanted.ipv6:
        packets.append(Packet(ip_address("fd00::1"), ip_address("2606:4700:4700::1111"), "wlan0"))
    tables: Tables = {
        (family, HOOKS[place].table): [f"-A {HOOKS[place].builtin} {line}" for line in iptables_lines(inside)]
        for (family, place), inside in by_table(found).items()
    }
    for packet in packets:
        assert covers(nft_json(found), {}, packet) if wanted.form.backend == "nft" else covers((), tables, packet)
