from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.lab.gateway import SourcePolicy
from landfast.lab.network import Gateway

# A violation at each of these moments (gaps of seconds); which of them ends the session.
STORIES: dict[str, tuple[Gateway, Sequence[float], list[int]]] = {
    "the tenth ends it": (Gateway(limit=10, period=120), [0.1] * 10, [9]),
    "nine do not": (Gateway(limit=10, period=120), [0.1] * 9, []),
    "a limit of one": (Gateway(limit=1, period=120, outage=3), [0, 1, 1.9, 0.2, 4], [0, 3, 4]),
    "halved once: 9, then 4 and 5 more": (Gateway(limit=10, period=120), [0] * 9 + [120] + [0] * 5, [14]),
    "halved twice: 9, then 2 and 7 more": (Gateway(limit=10, period=120), [0] * 9 + [240] + [0] * 7, [16]),
    "just before the period's end": (Gateway(limit=10, period=120), [0] * 9 + [119.9], [9]),
    "never halved without a period": (Gateway(limit=10, period=None), [0] * 9 + [86400], [9]),
    "limit 0 drops for ever": (Gateway(limit=0, period=120), [0] * 1000, []),
    "nothing counts while it is down": (Gateway(limit=2, period=120, outage=3), [0] * 20 + [3, 0], [1, 21]),
    "a new period begins when it is up": (Gateway(limit=3, period=10, outage=5), [9, 0, 0, 5, 0, 9.9], [2, 5]),
    "ten in each of two periods": (Gateway(limit=10, period=1, outage=0), [0] * 20, [9, 19]),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_session_ends_at_the_limit(story: str) -> None:
    gateway, gaps, ends = STORIES[story]
    policy, now, ended = SourcePolicy(gateway, 0), 0.0, []
    for number, gap in enumerate(gaps):
        now += gap
        if policy.violation(now):
            ended.append(number)
    assert (ended, policy.resets) == (ends, len(ends))


# Quarters of seconds are exact, so that the model and the policy agree about a period's very end.
quarters = st.integers(0, 400).map(lambda n: n / 4)
gateways = st.builds(
    Gateway,
    limit=st.integers(0, 12),
    period=st.one_of(st.none(), st.integers(1, 200).map(lambda n: n / 4)),
    outage=quarters,
)


@given(gateway=gateways, start=quarters, gaps=st.lists(st.one_of(st.just(0.0), quarters), max_size=60))
def test_any_sequence_of_violations(gateway: Gateway, start: float, gaps: list[float]) -> None:
    """Against the manual's words: drop and count, at the limit delete, halve at each period's end."""
    policy, now = SourcePolicy(gateway, start), start
    count, up_at, halve_at = 0, start, start + (gateway.period or float("inf"))
    for gap in gaps:
        now += gap
        while now >= halve_at:
            count, halve_at = count // 2, halve_at + (gateway.period or 0)
        ends = False
        if now >= up_at:
            count += 1
            ends = bool(gateway.limit) and count == gateway.limit
        if ends:
            count, up_at = 0, now + gateway.outage
            halve_at = up_at + (gateway.period or float("inf"))
        assert policy.violation(now) is ends
        assert policy.up_at == up_at
        assert not gateway.limit or policy.count < gateway.limit
