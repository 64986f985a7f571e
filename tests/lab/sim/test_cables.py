from __future__ import annotations

import random
from itertools import pairwise

import pytest

from landfast.lab.network import Link
from landfast.lab.sim.cables import Way
from landfast.lab.sim.packet import Lost


def way(**link: float) -> Way:
    return Way(Link.model_validate(link), random.Random(7).random)


def test_a_plain_cable_does_nothing() -> None:
    assert way().plain
    assert way().out(1500, 3.0) == 3.0


def test_the_delay_is_one_way() -> None:
    assert way(delay_ms=20).out(100, 1.0) == pytest.approx(1.02)


def test_jitter_spreads_and_keeps_the_order() -> None:
    line = way(delay_ms=20, jitter_ms=10)
    out = [line.out(100, number / 1000) for number in range(500)]
    times = [each for each in out if isinstance(each, float)]
    assert all(first <= second for first, second in pairwise(times))
    waits = [when - number / 1000 for number, when in enumerate(times)]
    assert min(waits) >= 0.01 - 1e-9
    assert max(waits) <= 0.03 + 1e-9
    assert max(waits) - min(waits) > 0.005


def test_what_is_reordered_overtakes() -> None:
    line = way(delay_ms=20, reorder=0.25)
    out = [line.out(100, 0.0) for _ in range(1000)]
    assert out.count(0.0) == pytest.approx(250, abs=50)
    assert out.count(0.02) == 1000 - out.count(0.0)


def test_loss_takes_its_share() -> None:
    line = way(loss=0.2)
    out = [line.out(100, 0.0) for _ in range(2000)]
    assert out.count(Lost.LOSS) == pytest.approx(400, abs=60)


def test_a_slow_link_lets_frames_wait_a_fifth_of_a_second_and_loses_the_rest() -> None:
    line = way(rate_kbit=800)  # 100 bytes a millisecond
    out = [line.out(986, 0.0) for _ in range(60)]  # frames of 1000 bytes
    passed = [when for when in out if isinstance(when, float)]
    assert out[len(passed) :] == [Lost.RATE] * (60 - len(passed))
    assert passed[:3] == [0.0, 0.0, 0.0]  # two full frames and what a tick brings
    assert passed[-1] == pytest.approx(0.2, abs=0.01)
    assert line.out(986, 10.0) == 10.0  # it has rested
