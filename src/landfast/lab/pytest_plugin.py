"""A pytest plugin: the fixture `network`, for tests with or without asyncio.

    def test_upload_survives_a_new_address(network):
        with network("cgnat") as lab:
            lab.event("change-public-address")
            assert lab.run("robot", ["my-app", "--upload"]).code == 0

    async def test_the_same(network):
        async with network("cgnat") as lab:
            await lab.event("change-public-address")

Each use builds and verifies a network of its own, in namespaces of its own, so tests may run in parallel (xdist).
Where the host cannot build one the test fails with CapabilityMissing, which names what provides it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from landfast.lab.blocking import BlockingLab
    from landfast.lab.lab import Lab
    from landfast.lab.network import Network


class Standing(AbstractContextManager["BlockingLab"], AbstractAsyncContextManager["Lab"]):
    """A network to enter, with `with` or `async with`."""

    def __init__(self, network: Network | str | Path, **options: Any) -> None:
        from landfast.lab import parse

        self._network = parse.read(network) if isinstance(network, Path) else network
        self._options = options

    def __enter__(self) -> BlockingLab:
        from landfast.lab.blocking import BlockingLab

        self._blocking = BlockingLab(self._network, **self._options)
        return self._blocking.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocking.__exit__(kind, problem, trace)

    async def __aenter__(self) -> Lab:
        from landfast.lab.lab import Lab

        self._lab = Lab(self._network, **self._options)
        return await self._lab.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lab.__aexit__(kind, problem, trace)


@pytest.fixture
def network() -> Callable[..., Standing]:
    """`network("mifi")`, `network(Path("carrier.toml"))` or `network(Network(...))`: a laboratory network to enter."""
    return Standing
