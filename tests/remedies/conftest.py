"""The same robot twice: every test that takes `robot` runs in memory and in real namespaces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from landfast.kernel.host import Host
from tests.remedies.masquerade import robots
from tests.remedies.masquerade.robots import Scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with robots.scene() as found:
        yield found


@pytest.fixture(
    params=[
        "fake",
        pytest.param("real", marks=pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")),
    ]
)
async def robot(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    if request.param == "fake":
        (tmp_path / "etc").mkdir()
        yield robots.fake(tmp_path)
    else:
        async with robots.scene() as found:
            yield found.robot
