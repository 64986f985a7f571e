"""The benchmark of sessions: how it counts, and the least that it must find."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bench.session.cases import CASES, OTHERS
from bench.session.outage import in_order, is_over, outage, return_after
from bench.session.place import network, stand
from bench.session.play import _session
from bench.session.table import summary
from bench.session.watching import is_own
from landfast import clock
from landfast.lab.network import Occasion

ROOT = Path(__file__).parents[1]
STEADY = [n / 50 for n in range(500)]  # ten seconds at 50 Hz


def without(first: float, last: float) -> list[float]:
    return [at for at in STEADY if not first < at < last]


def test_an_outage_is_the_longest_gap_around_its_event() -> None:
    assert outage(without(4.01, 4.15), 4.02, 4.03, 9) == pytest.approx(0.16)
    assert outage(without(4.5, 4.75), 4.0, 4.03, 9) == pytest.approx(0.26)


def test_a_gap_long_before_or_after_an_event_is_none_of_it() -> None:
    assert outage(without(1.0, 2.0), 4.02, 4.03, 9) == pytest.approx(0.02)
    assert outage(without(7.0, 8.0), 4.02, 4.03, 9.9) == pytest.approx(0.02)


def test_an_outage_that_has_not_ended_is_unknown() -> None:
    assert outage(without(4.1, 99), 4.0, 4.05, 20) is None
    assert outage([], 4.0, 4.05, 20) is None
    assert return_after(without(4.1, 99), 5.0, 20) is None


def test_a_return_counts_from_when_the_way_was_back() -> None:
    assert return_after(without(1.0, 5.13), 5.0, 9) == pytest.approx(0.14)


def test_a_direction_is_over_it_when_it_was_steady_since() -> None:
    assert is_over(STEADY, 4.0, 6.0)
    assert not is_over(STEADY, 4.0, 5.0)
    assert not is_over(without(4.9, 5.6), 4.0, 6.0)


@pytest.mark.parametrize("numbers", [[1, 2], [1, 3, 2], [1, 2, 2, 3], [2, 3]])
def test_what_is_lost_doubled_or_reordered_is_not_in_order(numbers: list[int]) -> None:
    assert in_order([1, 2, 3], 3)
    assert not in_order(numbers, 3)


def test_an_outage_without_an_end_is_the_largest() -> None:
    assert summary([3.0, None, 1.0]) == {"median": 3.0, "max": None, "never": 1, "n": 3, "values": [3.0, None, 1.0]}


def test_stun_is_the_agents_own_in_a_channel_too() -> None:
    check = bytes.fromhex("000100002112a442") + bytes(12)
    assert is_own(check)
    assert is_own(bytes.fromhex("40000014") + check)
    assert not is_own(b"\x17\xfe\xfd" + bytes(40))


def test_no_two_cases_have_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.anyio
@pytest.mark.lab
async def test_a_session_outlives_a_new_public_address() -> None:
    case = next(case for case in CASES if case.name == "change/direct/landfast")
    async with stand(network(), "direct") as place, await _session(case, place) as session:
        await place.lab.event(Occasion.CHANGE_PUBLIC_ADDRESS)
        changed = clock.monotonic()
        async with asyncio.timeout(10):
            while not all(is_over(side.probes, changed, clock.monotonic()) for side in (session.client, session.peer)):
                await session.take()
        assert await session.intact()


def test_every_word_of_a_cases_name_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "benchmarks.md").read_text()
    told = set(re.findall(r"`([^`\s]+)`", page[page.index("\n## Sessions") :]))
    words = {word for case in CASES for word in (case.fault, case.path, case.peer)} | {
        name.split("/")[0] for name in OTHERS
    }
    assert words - told == set()
