"""What a line promises, whatever comes when."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from landfast.lab.delayline import DelayLine, Manner, finds_neighbours

EVENLY = Manner(delay=0.02, jitter=0, reorder=0, room=1000)
times = st.lists(st.floats(0, 10), min_size=1, max_size=50).map(sorted)


def numbered(number: int) -> bytes:
    return number.to_bytes(60, "big")


def travel(line: DelayLine, entering: list[float]) -> list[tuple[int, float]]:
    """Frames enter at these times; each that comes out, and when."""
    came: list[tuple[int, float]] = []
    for number, now in enumerate(entering):
        came += _out(line, now)
        line.enter(numbered(number), now)
    return came + _out(line, float("inf"))


def _out(line: DelayLine, until: float) -> list[tuple[int, float]]:
    came: list[tuple[int, float]] = []
    while line.deadline is not None and line.deadline <= until:
        at = line.deadline
        came += [(int.from_bytes(frame, "big"), at) for frame in line.leave(at)]
    return came


def test_a_frame_waits_exactly_the_delay() -> None:
    line = DelayLine(EVENLY, random.random)
    line.enter(b"frame", 1.0)
    assert line.deadline == 1.02
    assert line.leave(1.019) == []
    assert line.leave(1.02) == [b"frame"]
    assert line.deadline is None


@given(times, st.integers())
def test_jitter_keeps_the_order_and_its_span(entering: list[float], seed: int) -> None:
    line = DelayLine(Manner(0.02, 0.01, 0, 1000), random.Random(seed).random)
    came = travel(line, entering)
    assert [number for number, _ in came] == list(range(len(entering)))
    for number, at in came:
        assert at >= entering[number] + 0.01
        # Later than its own span only behind one that was before it.
        assert at <= max(entering[: number + 1]) + 0.03


@given(times, st.integers(), st.floats(0, 0.99))
def test_nothing_is_lost_or_doubled_while_there_is_room(entering: list[float], seed: int, reorder: float) -> None:
    line = DelayLine(Manner(0.5, 0.1, reorder, 1000), random.Random(seed).random)
    assert sorted(number for number, _ in travel(line, entering)) == list(range(len(entering)))
    assert line.lost == 0


def test_the_chosen_share_overtakes() -> None:
    drawn = iter([0.5, 0.5, 0.0])  # the first is above the share, and its jitter is drawn; the second below
    line = DelayLine(Manner(0.02, 0, 0.1, 1000), lambda: next(drawn))
    line.enter(numbered(0), 1.0)
    line.enter(numbered(1), 1.001)
    assert line.leave(1.001) == [numbered(1)]
    assert line.leave(1.02) == [numbered(0)]


def test_what_finds_no_room_is_lost_and_counted() -> None:
    line = DelayLine(Manner(0.02, 0, 0, 2), random.random)
    for number in range(5):
        line.enter(numbered(number), 1.0)
    assert line.lost == 3
    assert line.leave(2.0) == [numbered(0), numbered(1)]


def test_neighbours_are_found_at_once_and_nothing_else_is() -> None:
    addresses = bytes(12)
    arp = addresses + b"\x08\x06" + bytes(28)
    ipv6 = addresses + b"\x86\xdd" + bytes(6) + b"\x3a" + bytes(33)  # next header ICMPv6
    line = DelayLine(EVENLY, random.random)
    for frame in (arp, ipv6 + bytes([135]), ipv6 + bytes([136]), ipv6 + bytes([128])):
        line.enter(frame, 1.0)
    assert set(line.leave(1.0)) == {arp, ipv6 + bytes([135]), ipv6 + bytes([136])}


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frame(frame: bytes) -> None:
    assert finds_neighbours(frame) in (True, False)
