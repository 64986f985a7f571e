from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.rhythm import Rhythm
from tests.session.ice.world import connected


def beaten(*gaps: float) -> Rhythm:
    rhythm, now = Rhythm(0.1), 10.0
    rhythm.beat(now)
    for gap in gaps:
        now += gap
        rhythm.beat(now)
    return rhythm


def test_few_packets_are_no_rhythm() -> None:
    assert Rhythm(0.1).patience is None
    assert beaten(*[0.02] * 7).patience is None
    assert beaten(*[0.02] * 8).patience == pytest.approx(0.1)


def test_patience_is_three_usual_gaps_and_never_below_the_suspicion() -> None:
    assert beaten(*[0.05] * 20).patience == pytest.approx(0.15)
    assert beaten(*[0.01] * 20).patience == pytest.approx(0.1)
    assert beaten(*[0.02] * 30, 0.9).usual == pytest.approx(0.02)  # one gap is none of the nine in ten


def test_a_silence_that_was_there_a_moment_ago_is_not_suspicious() -> None:
    frame = [*[0.001] * 11, 0.1]
    assert beaten(*frame * 4).patience == pytest.approx(0.15)  # a video in bursts
    stall = [0.02] * 20 + [0.09]
    assert beaten(*stall).patience == pytest.approx(0.135)
    assert beaten(*stall, *[0.02] * 32).patience == pytest.approx(0.1)  # and long ago


def test_a_pause_is_no_gap() -> None:
    assert beaten(*[0.02] * 20, 1.5).usual == pytest.approx(0.02)


def test_a_peer_that_has_nothing_to_say_has_no_rhythm() -> None:
    rhythm = beaten(*[0.02] * 20)
    rhythm.clear()
    assert rhythm.patience is None


@given(st.lists(st.floats(0, 5), max_size=60))
def test_whatever_comes_patience_stays_within_reason(gaps: list[float]) -> None:
    rhythm = beaten(*gaps)
    assert 0.005 <= rhythm.usual <= 0.2
    assert rhythm.patience is None or 0.1 <= rhythm.patience <= 0.6 + 1e-9


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=60))
def test_a_silence_too_short_to_be_suspicious_is_known_at_once(gaps: list[float]) -> None:
    rhythm, now = Rhythm(0.05), 0.0
    for gap in gaps:
        now += gap
        rhythm.beat(now)
        assert rhythm.least >= 0.05
        assert rhythm.patience is None or rhythm.least <= rhythm.patience


@pytest.mark.parametrize("every", [0.04, 0.15, 0.3])
def test_a_ping_in_time_leaves_the_rhythm_what_it_is(every: float) -> None:
    world, a, b = connected(every=every, seconds=10)
    world.run(6)
    for end in (a, b):
        assert end.agent._lasting.rhythm.patience == pytest.approx(3 * min(every, 0.2))
