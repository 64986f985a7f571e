from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.wire.turn.repetition import RTO, STREAM, Repetition, RoundTrip, waits


def test_over_udp_it_is_sent_when_the_rfc_says_so() -> None:
    request = Repetition(b"", 100.0, waits(RTO, stream=False))
    sent, given_up = [], None
    while given_up is None:
        now = request.due
        if request.timer(now) is None:
            given_up = now
        else:
            sent.append(now - 100.0)
    assert sent == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]  # RFC 8489, section 6.2.1
    assert given_up - 100.0 == 39.5


def test_over_a_stream_it_is_sent_once_and_given_up_as_late() -> None:
    assert waits(RTO, stream=True) == (STREAM,)
    assert sum(waits(RTO, stream=False)) == STREAM


@given(st.floats(0.1, 10), st.floats(0.05, 10))
def test_in_a_hurry_it_is_repeated_in_short_steps_and_given_up_no_later(rto: float, longest: float) -> None:
    plan, usual = waits(rto, stream=False, longest=longest), waits(rto, stream=False)
    assert max(plan) <= longest
    assert sum(plan) == pytest.approx(sum(usual), rel=0.001)
    assert len(plan) >= len(usual) == 7


def test_nothing_happens_before_it_is_due() -> None:
    request = Repetition(b"", 0.0, (1.0,))
    assert request.timer(0.0) is True
    assert request.timer(0.99) is False
    assert request.timer(1.0) is None


def test_the_first_round_trip_counts_threefold() -> None:
    """RFC 6298, section 2.2: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR."""
    trip = RoundTrip(0.25)
    assert (trip.rto, trip.least) == (0.25, None)
    trip.measured(0.2)
    assert trip.rto == pytest.approx(0.6)
    trip.measured(0.1)
    assert trip.least == 0.1
    assert trip.rto == pytest.approx(0.1875 + 4 * (0.75 * 0.1 + 0.25 * 0.1))


def test_a_round_trip_longer_than_the_first_rto_is_measured_at_the_second_request() -> None:
    """With Karn's rule alone each request would be repeated, and none ever measured."""
    trip = RoundTrip(0.1)
    trip.doubted(0.7)
    assert trip.rto == pytest.approx(1.4)
    trip.measured(0.7)
    assert trip.rto == pytest.approx(2.1)
    trip.measured(0.7)
    trip.doubted(60.0)
    assert trip.rto == 2.0
    trip.measured(0.7)
    assert 0.7 < trip.rto < 2.0


@given(st.lists(st.floats(0, 60), min_size=1))
def test_it_is_never_repeated_at_once_nor_before_the_usual_time(trips: list[float]) -> None:
    trip = RoundTrip()
    for seconds in trips:
        trip.measured(seconds)
    assert 0.1 <= trip.rto <= 60 + 4 * 60
    assert trip.least == min(trips)
