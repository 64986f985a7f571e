from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import nft
from landfast.kernel.fake import FakeHost, Refused
from tests.kernel.places import EVERYWHERE, there

pytestmark = pytest.mark.anyio

TABLE = {"table": {"family": "ip", "name": "mine"}}
CHAIN = {"chain": {"family": "ip", "table": "mine", "name": "out"}}
RULE = {
    "rule": {
        "family": "ip",
        "table": "mine",
        "chain": "out",
        "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "one"}},
            {"counter": {"packets": 0, "bytes": 0}},
            {"drop": None},
        ],
    }
}
BROKEN = {"rule": {"family": "ip", "table": "nobody's", "chain": "out", "expr": [{"drop": None}]}}


def plain(listed: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [{kind: {k: v for k, v in body.items() if k != "handle"}} for each in listed for kind, body in each.items()]


@EVERYWHERE
async def test_what_is_applied_is_listed(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        assert await nft.listing(host) == ()
        await nft.apply(host, [{"add": each} for each in (TABLE, CHAIN, RULE)])
        assert plain(await nft.listing(host)) == [TABLE, CHAIN, RULE]
        await nft.apply(host, [{"delete": TABLE}])
        assert await nft.listing(host) == ()
        assert await nft.text(host) == ""


@EVERYWHERE
async def test_a_transaction_is_all_or_nothing(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        with pytest.raises(ProgramFailed) as problem:
            await nft.apply(host, [{"add": each} for each in (TABLE, CHAIN, BROKEN)])
        assert "nobody's" in problem.value.given
        assert await nft.listing(host) == ()


@EVERYWHERE
async def test_what_the_kernel_accepts_is_found_out_without_a_trace(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await nft.apply(host, [{"add": {"table": {"family": "ip", "name": "theirs"}}}])
        before = await nft.text(host)
        assert await nft.accepts(host, [TABLE, CHAIN, RULE])
        assert not await nft.accepts(host, [TABLE, CHAIN, BROKEN])
        assert await nft.text(host) == before


@pytest.mark.needs("namespaces", "nft-nat")
async def test_text_is_loaded_whole_or_not_at_all(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        await nft.load(host, "table ip one {\n}\n")
        with pytest.raises(ProgramFailed) as problem:
            await nft.load(host, "table ip two {\n}\nthis is none\n")
        assert problem.value.given.startswith("table ip two")
        assert await nft.text(host) == "table ip one {\n}\n"


@pytest.mark.parametrize(
    ("said", "capability"),
    [
        ("Operation not permitted (you must be root)", "CAP_NET_ADMIN"),
        ("Error: JSON support not compiled-in", "nft with JSON"),
    ],
)
async def test_what_is_missing_is_named(
    said: str, capability: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> str:
        raise Refused(said)

    host = FakeHost(tmp_path)
    monkeypatch.setattr(host, "nft", refused)
    with pytest.raises(CapabilityMissing) as problem:
        await nft.listing(host)
    assert problem.value.capability == capability
