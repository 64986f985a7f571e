from __future__ import annotations

from pathlib import Path

import pytest

from landfast.errors import ProgramFailed
from landfast.kernel import iptables, nft
from landfast.kernel.fake import FakeHost
from landfast.model.routing import Family
from tests.kernel.places import EVERYWHERE, there

pytestmark = pytest.mark.anyio

PUT = "*nat\n:MINE - [0:0]\n-A MINE -o one -j MASQUERADE\n-A POSTROUTING -m comment --comment x -j MINE\nCOMMIT\n"
TAKEN = "*nat\n:MINE - [0:0]\n-D POSTROUTING -m comment --comment x -j MINE\n-X MINE\nCOMMIT\n"
families = pytest.mark.parametrize("family", [4, 6])


def without_policies(lines: tuple[str, ...]) -> list[str]:
    return [line for line in lines if not line.startswith("-P")]


@families
@EVERYWHERE
async def test_what_is_loaded_is_listed_and_taken_away_again(place: str, family: Family, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await iptables.load(host, family, PUT)
        assert without_policies(await iptables.rules(host, family, "nat")) == [
            "-N MINE",
            "-A POSTROUTING -m comment --comment x -j MINE",
            "-A MINE -o one -j MASQUERADE",
        ]
        assert "-A MINE -o one -c 0 0 -j MASQUERADE" in await iptables.rules(host, family, "nat", counted=True)
        await iptables.load(host, family, TAKEN)
        assert without_policies(await iptables.rules(host, family, "nat")) == []


@EVERYWHERE
async def test_a_table_changes_whole_or_not_at_all(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await iptables.load(host, 4, PUT)
        before = await iptables.rules(host, 4, "nat")
        with pytest.raises(ProgramFailed):
            await iptables.load(host, 4, TAKEN.replace("COMMIT", "-D POSTROUTING -j NOBODY\nCOMMIT"))
        assert await iptables.rules(host, 4, "nat") == before


@EVERYWHERE
async def test_asking_makes_nothing(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        for table in ("nat", "mangle", "filter"):
            assert without_policies(await iptables.rules(host, 4, table)) == []
        assert await nft.text(host) == ""


@EVERYWHERE
async def test_all_tables_with_something_in_them_are_found(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        assert await iptables.tables(host, await nft.listing(host)) == {}
        await iptables.load(host, 6, PUT)
        found = await iptables.tables(host, await nft.listing(host))
        assert list(found) == [(6, "nat")]
        assert "-A MINE -o one -c 0 0 -j MASQUERADE" in found[6, "nat"]
        assert (6, "nat") in await iptables.tables(host, None), "also where nftables cannot be read"


async def test_without_the_programs_there_are_no_tables(tmp_path: Path) -> None:
    assert await iptables.tables(FakeHost(tmp_path, lacks={"iptables", "ip6tables"}), None) == {}


@EVERYWHERE
async def test_rules_are_in_nftables_or_in_legacy_tables(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await iptables.load(host, 4, PUT)
        in_nftables = "nat" in str(await nft.listing(host))
        assert await iptables.speaks_nft(host) is in_nftables
        assert ("nat" in await iptables.legacy_tables(host, 4)) is not in_nftables
