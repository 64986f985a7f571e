from __future__ import annotations

from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel import sysctl
from tests.kernel.places import EVERYWHERE, there

pytestmark = pytest.mark.anyio


@EVERYWHERE
async def test_what_is_written_is_read(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await sysctl.write(host, {"ipv4/ip_forward": "1"})
        assert await sysctl.read(host, "ipv4/ip_forward") == "1"
        assert await sysctl.read(host, "ipv4/no_such_key") is None


@pytest.mark.needs("namespaces")
async def test_a_key_that_the_kernel_has_not_is_named(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        with pytest.raises(CapabilityMissing, match="ipv4/no_such_key"):
            await sysctl.write(host, {"ipv4/no_such_key": "1"})
        await sysctl.write(host, {"ipv4/no_such_key": "1", "ipv4/ip_forward": "1"}, absent_ok=True)
        assert await sysctl.read(host, "ipv4/ip_forward") == "1"
        with pytest.raises(CapabilityMissing, match="ipv4/ip_forward"):
            await sysctl.write(host, {"ipv4/ip_forward": "neither"})
