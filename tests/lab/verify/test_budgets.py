from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from landfast.lab.network import Budget, Link, Nat, Router
from landfast.lab.verify import budgets
from landfast.lab.verify.deep import _Site
from landfast.lab.verify.measured import NONE, Row, Value
from tests.lab.verify import wrong
from tests.lab.verify.slow import asking, differences, missed, site

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


async def ask(at: _Site) -> Sequence[Row]:
    async with asking(at) as (stage, hop, asker):
        return await budgets.rows(hop, asker, stage.watches[hop.router.via], partial(stage.reset, hop.name))


async def test_each_budget_that_was_built_otherwise_is_caught_and_named() -> None:
    assert await missed(wrong.BUDGETS, ask) == {}


@pytest.mark.parametrize(
    ("budget", "seen"),
    [
        (None, {"budget": NONE}),
        (Budget(limit=1), {"budget.limit": 1, "budget.of": "sessions", "budget.refusal": "drop"}),
        (Budget(limit=700, refusal="reject"), {"budget.limit": 700, "budget.refusal": "reject"}),
        (Budget(of="mappings", limit=64), {"budget.limit": 64, "budget.of": "mappings"}),
    ],
)
async def test_a_budget_is_counted_to_the_last_session(budget: Budget | None, seen: dict[str, Value]) -> None:
    rows = await ask(site(wrong.network(Router(budget=budget))))
    assert differences(rows) == []
    assert seen.items() <= {row.axis: row.observed for row in rows}.items()


async def test_lost_packets_and_slow_cables_are_no_budget() -> None:
    far = Router(link=Link(delay_ms=10, loss=0.05), nat=Nat.model_validate(wrong.SYMMETRIC))
    assert [row.observed for row in await ask(site(wrong.network(far)))] == [NONE]


async def test_a_block_is_filled_to_its_last_port() -> None:
    nat = Nat.model_validate({"ports": "block", "block": [2000, 2063]})
    rows = await ask(site(wrong.network(Router(nat=nat))))
    assert {row.axis: row.observed for row in rows} == {"budget": NONE, "nat.block": "2000-2063"}


async def test_more_flows_than_can_be_opened_are_not_tried() -> None:
    (row,) = await ask(site(wrong.network(Router(budget=Budget(limit=50000)))))
    assert (row.axis, row.observed) == ("budget", None)
