from __future__ import annotations

from landfast.remedies.masquerade.languages import nft_json
from landfast.remedies.masquerade.ruleset import Form, Wanted, rules
from landfast.remedies.masquerade.state import Chain, State, ours, read_chain, with_rules

RULES = rules(Wanted(("wlan0",), Form("iptables"), ipv6=False))
JUMP = ("-A", "POSTROUTING", "-m", "comment", "--comment", "landfast:made-table", "-j", "LANDFAST")


def test_only_our_tables_are_ours() -> None:
    mine = list(nft_json(RULES))
    theirs = [
        {"table": {"family": "inet", "name": "landfast"}},
        {"chain": {"family": "inet", "table": "landfast", "name": "translate"}},
        {"table": {"family": "ip", "name": "landfast2"}},
        {"chain": {"family": "ip", "table": "nat", "name": "landfast"}},
    ]
    assert ours([*theirs, *mine, *theirs]) == tuple(mine)


def test_a_chain_is_read_from_the_lines_of_its_table() -> None:
    lines = [
        ("-P", "POSTROUTING", "ACCEPT"),
        ("-N", "LANDFAST"),
        ("-N", "DOCKER"),
        ("-A", "POSTROUTING", "-s", "172.17.0.0/16", "!", "-o", "docker0", "-j", "MASQUERADE"),
        JUMP,
        ("-A", "LANDFAST", "-o", "wlan0", "-j", "MASQUERADE"),
    ]
    chain = read_chain(4, "translate", lines)
    assert chain == Chain(4, "translate", ("LANDFAST",), ("-o wlan0 -j MASQUERADE",), (" ".join(JUMP[1:]),), "table")
    assert read_chain(4, "translate", lines[:1] + lines[2:4]) is None


def test_a_trial_that_was_killed_is_found_with_what_was_made_for_it() -> None:
    lines = [
        ("-N", "LANDFAST-TRY"),
        ("-A", "LANDFAST-TRY", "-m", "comment", "--comment", "landfast:made-chain", "-j", "RETURN"),
    ]
    chain = read_chain(4, "translate", lines)
    assert chain == Chain(4, "translate", ("LANDFAST-TRY",), (), (), "chain")


def test_a_jump_without_a_chain_is_ours_too() -> None:
    """A flush of the chain by hand leaves it."""
    chain = read_chain(4, "translate", [JUMP])
    assert chain is not None
    assert chain.jumps


def test_what_was_made_is_remembered_in_the_jump() -> None:
    first = with_rules(RULES, "iptables", State(), {(4, "translate"): "table", (4, "leave"): "chain"})
    comments = [chain.jumps[0].split()[4] for chain in first.iptables]
    assert comments == ["landfast:made-table", "landfast:made-chain"]
    assert first.tables_made == ((4, "translate"),)
    # by now the tables are there: what was noted stays
    assert with_rules(RULES, "iptables", first, {}).iptables == first.iptables


def test_rules_are_in_one_backend_at_a_time() -> None:
    in_nft = with_rules(RULES, "nft", State(), {})
    assert (in_nft.nft, in_nft.iptables) == (nft_json(RULES), ())
    in_iptables = with_rules(RULES, "iptables", in_nft, {})
    assert in_iptables.nft == ()
    assert in_nft.enabled
    assert not State().enabled
