from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.candidate import PREFERENCE, Type, foundation, pair_priority, priority

PRIORITIES = st.integers(1, 2**31 - 1)


def test_a_peer_reflexive_address_is_better_than_any_that_was_signalled() -> None:
    """Else Chromium would not follow the session to it."""
    least = priority(Type.PEER_REFLEXIVE, 0)
    assert all(priority(kind, 65535) < least for kind in Type if kind is not Type.PEER_REFLEXIVE)
    assert len(set(PREFERENCE.values())) == len(Type)


@given(PRIORITIES, PRIORITIES)
def test_both_sides_order_their_pairs_alike(ours: int, theirs: int) -> None:
    """What RFC 8445, section 6.1.2.3, is for: each knows who controls."""
    assert pair_priority(ours, theirs) >> 32 == min(ours, theirs)
    assert pair_priority(ours, theirs) < 2**64
    if ours != theirs:
        assert pair_priority(ours, theirs) != pair_priority(theirs, ours)


def test_foundations_differ_with_type_base_server_and_transport() -> None:
    everything = itertools.product(Type, ("192.0.2.1", "2001:db8::1"), ("", "stun"), ("udp", "tcp"))
    found = [foundation(*one) for one in everything]
    assert len(set(found)) == len(found)
    assert all(len(one) <= 32 for one in found)
