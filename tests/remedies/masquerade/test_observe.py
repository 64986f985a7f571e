from __future__ import annotations

import json
from pathlib import Path

import pytest

from landfast.errors import BadFile
from landfast.kernel import nft
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options
from landfast.remedies.masquerade.observe import look, look_at_ours, systemd_runs
from tests.remedies.masquerade import robots

pytestmark = pytest.mark.anyio


async def test_a_host_is_seen_as_it_is(robot: Host) -> None:
    world = await look(robot)
    assert {"wlan0", "eth1", "lo"} <= {interface.name for interface in world.interfaces}
    assert {robots.OWN[4], robots.FOREIGN[6]} <= {str(each.address) for each in world.addresses}
    assert {(route.interface, route.family) for route in world.defaults} == {("wlan0", 4), ("wlan0", 6)}
    assert world.listing == ()
    assert not world.state.enabled
    assert not world.systemd_runs


@pytest.mark.parametrize("backend", ["nft", "iptables"])
async def test_ours_is_seen_beside_others(robot: Host, backend: str) -> None:
    await nft.apply(robot, [{"add": {"table": {"family": "ip", "name": "theirs"}}}])
    await masquerade.enable(robot, Options(backend=backend))  # type: ignore[arg-type]
    listing, state = await look_at_ours(robot)
    assert "theirs" in json.dumps(listing)
    assert "theirs" not in json.dumps(state.nft)
    assert (bool(state.nft), bool(state.iptables)) == (backend == "nft", backend == "iptables")


async def test_a_host_without_nft_has_no_listing(tmp_path: Path) -> None:
    host = robots.fake(tmp_path)
    host.lacks.add("nft")
    assert (await look(host)).listing is None


async def test_iptables_is_not_started_where_nothing_of_ours_can_be(tmp_path: Path) -> None:
    host = robots.fake(tmp_path)
    await look_at_ours(host)
    assert [argv for argv in host.ran if argv[0].startswith("ip") and argv[0] != "ip"] == []


async def test_a_folder_where_a_file_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc/rc.local").mkdir(parents=True)
    with pytest.raises(BadFile, match=r"/etc/rc\.local"):
        await look(robots.fake(tmp_path))


def test_only_this_machine_s_own_systemd_is_told(tmp_path: Path) -> None:
    assert not systemd_runs(FakeHost(tmp_path))
    assert systemd_runs(FakeHost(Path("/"))) is Path("/run/systemd/system").is_dir()
