from __future__ import annotations

from dataclasses import replace

import pytest

from landfast.session.ice import pairing
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import Path
from landfast.session.ice.pairs import NEVER, Pairs
from tests.session.ice.making import HERE, PEER, candidate

BASE = candidate(endpoint=HERE)


@pytest.mark.parametrize(
    ("remote", "pairs"),
    [
        (candidate(), True),
        (candidate(endpoint=("2001:db8::1", 5)), False),
        (candidate(endpoint=("1f4712db.local", 5)), False),
        (candidate(endpoint=("203.0.113.9", 0)), False),
        (replace(candidate(), transport="tcp", tcp_type="active"), False),
        (replace(candidate(), component=2), False),
        (candidate(endpoint=("169.254.1.1", 5)), False),
    ],
)
def test_only_what_can_reach_each_other_is_paired(remote: Candidate, pairs: bool) -> None:
    assert pairing.can_pair(BASE, remote) is pairs


def test_each_socket_is_paired_with_each_address_once() -> None:
    pairs = Pairs(4)
    bases = [(1, BASE), (2, candidate(Type.RELAYED, ("198.51.100.5", 7)))]
    remotes = [candidate(), candidate(Type.SERVER_REFLEXIVE, ("203.0.113.9", 7))]
    assert pairing.form(pairs, bases, remotes)
    assert len(pairs) == 4
    assert not pairing.form(pairs, bases, remotes)
    assert len(pairs) == 4


def test_a_stranger_that_is_signalled_is_none_any_more() -> None:
    pairs = Pairs(4)
    pairs.add(pairing.stranger(Path(1, PEER), BASE, None))
    assert not pairing.form(pairs, [(1, BASE)], [candidate()])
    (known,) = pairs
    assert (known.stranger, known.remote) == (False, candidate())


def test_a_stranger_is_worth_what_its_check_says() -> None:
    said = pairing.stranger(Path(1, PEER), BASE, 77, asked=5)
    assert (said.remote.type, said.remote.priority, said.asked) == (Type.PEER_REFLEXIVE, 77, 5)
    silent = pairing.stranger(Path(1, PEER), BASE, None)
    assert (silent.remote.priority, silent.asked) == (110 << 24, NEVER)


def test_where_the_peer_sees_us_is_a_candidate_that_we_know_or_a_new_one() -> None:
    mapped = candidate(Type.SERVER_REFLEXIVE, ("192.0.2.1", 4000))
    assert pairing.seen_as(HERE, BASE, [mapped], 5) is BASE
    assert pairing.seen_as(("192.0.2.1", 4000), BASE, [mapped], 5) is mapped
    new = pairing.seen_as(("192.0.2.1", 4001), BASE, [mapped], 5)
    assert (new.type, new.priority, new.related) == (Type.PEER_REFLEXIVE, 5, HERE)
