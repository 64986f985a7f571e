from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from landfast.lab.network import Nat, Router
from landfast.lab.verify import lifetimes
from landfast.lab.verify.asking import together
from landfast.lab.verify.deep import _Site
from landfast.lab.verify.measured import NONE, Row
from tests.lab.verify import wrong
from tests.lab.verify.slow import asking, differences, missed, site

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


async def ask(at: _Site) -> Sequence[Row]:
    async with asking(at) as (_, hop, asker):
        return await lifetimes.rows(hop, asker, at.horizon)


@pytest.mark.proof
async def test_each_lifetime_that_was_built_otherwise_is_caught_and_named() -> None:
    assert await missed(wrong.LIFETIMES, ask) == {}


KINDS: list[dict[str, Any]] = [
    {},
    {"refresh": "outbound"},
    {"max_age": 9},
    wrong.SYMMETRIC,
    {**wrong.SYMMETRIC, "refresh": "outbound"},
    {"filtering": "endpoint-independent"},
    {"filtering": "endpoint-independent", "refresh": "outbound"},
    {"filtering": "address-dependent"},
    {"filtering": "address-dependent", "refresh": "outbound"},
    {"mapping": "address-dependent", "ports": "random", "filtering": "endpoint-independent"},
]


async def test_whatever_else_a_nat_is_its_mappings_live_as_long_as_declared() -> None:
    nats = [Nat.model_validate({**wrong.BRIEF.model_dump(), **kind}) for kind in KINDS]
    networks = [wrong.network(Router(nat=nat)) for nat in nats]
    for nat, rows in zip(nats, await together(*(ask(site(network)) for network in networks)), strict=True):
        assert differences(rows) == [], nat
        seen = {row.axis: row.observed for row in rows}
        assert seen["nat.udp_timeout"] == 2
        assert seen["nat.udp_stream_timeout"] == 4
        assert seen["nat.refresh"] == nat.refresh
        assert seen["nat.max_age"] == (nat.max_age or NONE)


def test_the_timers_of_a_nat_need_a_little_more_than_the_longest() -> None:
    assert 120 < lifetimes.longest(Nat()) < 130
    assert 4 < lifetimes.longest(wrong.BRIEF) < 8
