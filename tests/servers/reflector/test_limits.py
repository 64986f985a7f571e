from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.servers.reflector.limits import Limits, Rate, Waiting, subscriber

SLOW, WIDE = Rate(2, 5), Rate(1000, 10_000)


def admitted(limits: Limits, address: str, times: int, now: float) -> int:
    return sum(limits.admits(address, now) for _ in range(times))


def test_a_source_has_its_burst_and_then_its_rate() -> None:
    limits = Limits(0, per_source=SLOW, total=WIDE)
    assert admitted(limits, "192.0.2.1", 20, 0) == 5
    assert admitted(limits, "192.0.2.1", 20, 1) == 2
    assert admitted(limits, "192.0.2.1", 20, 100) == 5
    assert admitted(limits, "192.0.2.2", 20, 100) == 5


def test_all_sources_together_have_theirs() -> None:
    limits = Limits(0, per_source=SLOW, total=Rate(1, 12))
    assert sum(admitted(limits, f"192.0.2.{n}", 20, 0) for n in range(10)) == 12
    assert sum(admitted(limits, f"192.0.3.{n}", 20, 3) for n in range(10)) == 3


def test_who_is_refused_costs_the_others_nothing() -> None:
    limits = Limits(0, per_source=SLOW, total=Rate(0, 10))
    assert admitted(limits, "192.0.2.1", 1000, 0) == 5
    assert admitted(limits, "192.0.2.2", 1000, 0) == 5


def test_a_subscriber_of_ipv6_has_one_bucket_for_all_its_addresses() -> None:
    limits = Limits(0, per_source=SLOW, total=WIDE)
    assert sum(admitted(limits, f"2001:db8:0:1::{n:x}", 1, 0) for n in range(20)) == 5
    assert admitted(limits, "2001:db8:0:2::1", 1, 0) == 1
    assert subscriber("fe80::1%eth0") == subscriber("fe80::2")


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 3)), max_size=200))
def test_no_flood_is_remembered_beyond_the_bound_nor_admitted_beyond_the_rate(asked: list[tuple[int, float]]) -> None:
    limits, now, count = Limits(0, per_source=SLOW, total=Rate(3, 20), most_sources=8), 0.0, 0
    for source, pause in asked:
        now += pause
        count += limits.admits(f"192.0.2.{source}", now)
        assert len(limits) <= 8
    assert count <= 20 + 3 * now


@given(st.lists(st.integers(0, 5), max_size=100))
def test_room_for_what_is_put_off_is_bounded_and_comes_back(asked: list[int]) -> None:
    waiting = Waiting(total=20, per_source=6)
    standing = [source for source in asked if waiting.begin(f"192.0.2.{source}")]
    assert len(waiting) == len(standing) <= 20
    assert all(standing.count(source) == min(asked.count(source), 6) or len(standing) == 20 for source in set(asked))
    for source in standing:
        waiting.end(f"192.0.2.{source}")
    assert len(waiting) == 0
    assert waiting._counts == {}
