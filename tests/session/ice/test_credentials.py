from __future__ import annotations

import random

import pytest

from landfast.session.ice.credentials import Credentials, drawn


def test_drawn_ones_are_as_long_as_they_must_be_and_differ() -> None:
    draw = random.Random(1).randbytes
    one, other = drawn(draw), drawn(draw)
    assert (len(one.ufrag), len(one.password)) == (4, 24)
    assert one.ufrag != other.ufrag
    assert one.password != other.password


def test_what_sdp_cannot_carry_is_refused() -> None:
    for ufrag, password in (("abc", "x" * 22), ("abcd", "x" * 21), ("ab d", "x" * 22), ("abcd", "x" * 21 + "\r")):
        with pytest.raises(ValueError, match="an ICE"):
            Credentials(ufrag, password)


def test_a_password_is_not_printed() -> None:
    assert "x" * 22 not in repr(Credentials("abcd", "x" * 22))
