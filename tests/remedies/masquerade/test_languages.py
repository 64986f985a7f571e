from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from landfast.kernel import iptables, nft
from landfast.remedies.masquerade.languages import (
    CHAIN,
    HOOKS,
    by_table,
    canonical,
    iptables_lines,
    nft_json,
    nft_text,
    read_rule,
    readable,
)
from landfast.remedies.masquerade.ruleset import Form, Wanted, rules
from tests.kernel.places import there
from tests.remedies.masquerade.wishes import ALL, any_wish

REAL = pytest.mark.needs("namespaces", "nft-fib", "iptables-nat")


@given(any_wish)
def test_a_rule_written_as_json_is_read_back(wanted: Wanted) -> None:
    found = rules(wanted)
    listed = [each["rule"] for each in nft_json(found) if "rule" in each]
    assert [counted.rule for each in listed if (counted := read_rule(each))] == sorted_as_listed(found)


def sorted_as_listed(found: Any) -> list[Any]:
    return [rule for inside in by_table(found).values() for rule in inside]


@pytest.mark.parametrize(
    "changed",
    [
        {"expr": []},
        {"expr": [{"drop": None}]},
        {
            "expr": [
                {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}},
                {"counter": {}},
                {"drop": None},
            ]
        },
        {"expr": [{"counter": {"packets": 0, "bytes": 0}}, {"accept": None}]},
        {"chain": "theirs"},
    ],
    ids=str,
)
def test_a_rule_that_we_never_write_is_none_of_ours(changed: dict[str, Any]) -> None:
    (rule, *_) = [each["rule"] for each in nft_json(rules(Wanted(("wlan0",), Form("nft")))) if "rule" in each]
    assert read_rule(rule) is not None
    assert read_rule({**rule, **changed}) is None


@given(any_wish)
def test_an_older_listing_is_the_same(wanted: Wanted) -> None:
    """nft 0.9.8 lists each chain with its rules behind it."""
    written = nft_json(rules(wanted))
    chains = [each for each in written if "chain" in each]
    listed = []
    for table in (each for each in written if "table" in each):
        listed.append(table)
        for chain in (c for c in chains if c["chain"]["family"] == table["table"]["family"]):
            name = (chain["chain"]["family"], chain["chain"]["name"])
            inside = [e for e in written if "rule" in e and (e["rule"]["family"], e["rule"]["chain"]) == name]
            listed += [{"chain": {**chain["chain"], "handle": 7}}, *inside]
    assert canonical(listed) == written


@REAL
@pytest.mark.anyio
async def test_nft_lists_json_and_text_as_they_were_written(tmp_path: Path) -> None:
    """Every wish, loaded both ways: what is there equals what is wanted, object by object."""
    async with there("real", tmp_path) as host:
        for wanted in (each for each in ALL if each.form.backend == "nft"):
            found = rules(wanted)
            expected = nft_json(found)
            await nft.load(host, "flush ruleset\n" + nft_text(found))
            assert canonical(await nft.listing(host)) == expected
            await nft.load(host, "flush ruleset\n")
            await nft.apply(host, [{"add": each} for each in expected])
            assert canonical(await nft.listing(host)) == expected


@REAL
@pytest.mark.anyio
async def test_iptables_lists_lines_as_they_were_written(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        for wanted in (each for each in ALL if each.form.backend == "iptables"):
            await nft.load(host, "flush ruleset\n")
            for (family, place), inside in by_table(rules(wanted)).items():
                table, lines = HOOKS[place].table, iptables_lines(inside)
                text = "".join(f"-A {CHAIN} {line}\n" for line in lines)
                await iptables.load(host, family, f"*{table}\n:{CHAIN} - [0:0]\n{text}COMMIT\n")
                listed = [line for line in await iptables.rules(host, family, table) if line.startswith("-A")]
                assert listed == [f"-A {CHAIN} {line}" for line in lines]


def test_a_person_reads_the_same_rules() -> None:
    found = rules(Wanted(("wlan0",), Form("nft"), "all"))
    assert list(readable(found, "nft"))[:2] == [
        "table ip landfast, hook postrouting, priority 101:",
        '  oifname "wlan0" rt ipsec missing counter masquerade',
    ]
    assert list(readable(found, "iptables"))[:2] == [
        "table ip nat, from POSTROUTING:",
        "  -o wlan0 -m policy --dir out --pol none -j MASQUERADE",
    ]
