from __future__ import annotations

import pytest

from tests.kernel.stories import OF_SANDBOXES, Teller

pytestmark = pytest.mark.needs("namespaces", "veth")


@pytest.mark.anyio
@pytest.mark.parametrize("story", OF_SANDBOXES)
async def test_a_sandbox(story: str, teller: Teller) -> None:
    await teller(story)
