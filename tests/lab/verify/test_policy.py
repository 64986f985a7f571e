from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from landfast.lab.network import Gateway, Router
from landfast.lab.verify import policy
from landfast.lab.verify.deep import _Site
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.points import hops
from tests.lab.verify import wrong
from tests.lab.verify.slow import differences, missed, site

pytestmark = [pytest.mark.anyio, pytest.mark.lab]
HORIZON = 5.0


async def ask(at: _Site) -> Sequence[Row]:
    hop = hops(at.plan)[0]
    assert hop.inside
    return await policy.rows(hop, partial(at.asker, hop.inside), HORIZON)


@pytest.mark.proof
async def test_each_policy_that_was_built_otherwise_is_caught_and_named() -> None:
    assert await missed(wrong.POLICIES, ask) == {}


@pytest.mark.parametrize(
    "gateway",
    [
        Gateway(limit=10, period=3, outage=1),
        pytest.param(Gateway(limit=2, period=None, outage=0, new_address=False), marks=pytest.mark.proof),
        pytest.param(Gateway(limit=600, period=4, outage=0.5), marks=pytest.mark.proof),
        Gateway(limit=0),
    ],
    ids=str,
)
async def test_a_policy_is_seen_as_declared(gateway: Gateway) -> None:
    rows = await ask(site(wrong.network(Router(gateway=gateway))))
    assert differences(rows) == []
    seen = {row.axis: row.observed for row in rows}
    assert seen["gateway.limit"] == gateway.limit
    if gateway.limit:
        assert seen["gateway.period"] == (gateway.period or NONE)
        assert seen["gateway.new_address"] is gateway.new_address


async def test_what_takes_too_many_violations_is_not_tried() -> None:
    (row,) = await ask(site(wrong.network(Router(gateway=Gateway(limit=100_000)))))
    assert (row.axis, row.observed) == ("gateway.limit", None)
    assert await ask(site(wrong.network())) == []
