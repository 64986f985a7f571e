from __future__ import annotations

from collections.abc import Sequence

import pytest

from landfast.lab.network import Budget
from landfast.lab.verify import hop
from landfast.lab.verify.measured import Row
from landfast.model.facts import Fact

pytestmark = pytest.mark.anyio


class Router:
    """A router whose sessions are counted."""

    def __init__(self, limit: int) -> None:
        self.limit, self.left, self.resets = limit, limit, 0

    async def reset(self) -> None:
        self.left = self.limit
        self.resets += 1

    def part(self, name: str, cost: int) -> hop._Part:
        async def ask() -> Sequence[Row | Fact]:
            self.left -= cost
            assert self.left >= 0
            return [Row("home", name, True, True, "")]

        return hop._Part(name, cost, 1, ask)


async def spend(limit: int, *costs: int) -> tuple[list[str], list[str], int]:
    router = Router(limit)
    parts = [router.part(f"{number}", cost) for number, cost in enumerate(costs)]
    found, skipped = await hop._within(Budget(limit=limit), parts, router.reset)
    return [row.axis for row in found if isinstance(row, Row)], skipped, router.resets


async def test_without_a_budget_everything_is_asked_at_once() -> None:
    router = Router(10**6)
    parts = [router.part("a", 1), router.part("b", 1)]
    found, skipped = await hop._within(None, parts, router.reset)
    assert (len(found), skipped, router.resets) == (2, [], 0)


async def test_a_budget_that_is_large_enough_is_not_reset() -> None:
    assert await spend(10, 3, 3, 4) == (["0", "1", "2"], [], 0)


async def test_a_small_budget_is_reset_when_it_is_spent() -> None:
    assert await spend(5, 3, 2, 3, 5) == (["0", "1", "2", "3"], [], 3)


async def test_what_a_budget_does_not_allow_is_not_asked() -> None:
    assert await spend(2, 3, 2, 1) == (["1", "2"], ["0"], 2)


async def test_a_budget_of_mappings_counts_mappings() -> None:
    router = Router(10**6)
    found, skipped = await hop._within(Budget(of="mappings", limit=1), [router.part("many", 50)], router.reset)
    assert (len(found), skipped) == (1, [])
