"""The whole walk on a robot in namespaces: found, cured, believed, undone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from landfast.app.doctor import Request
from landfast.app.fix import Fixing, fix, undo
from landfast.errors import CapabilityMissing
from landfast.kernel import nft
from landfast.kernel.host import Host
from landfast.model.remedies import Remedy
from landfast.probes.plan import Wish
from landfast.remedies import masquerade
from landfast.remedies.treat import Paths
from tests.remedies.masquerade import robots

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

LEAK = Request(Wish(only=("interfaces", "leak")))


async def agreed(_: Sequence[Remedy]) -> bool:
    return True


async def refused(_: Sequence[Remedy]) -> bool:
    return False


async def test_a_leak_is_found_cured_believed_and_undone() -> None:
    async with robots.scene() as scene:
        robot = scene.robot
        before = await nft.text(robot)
        fixing = Fixing()
        await fix(robot, LEAK, Paths(), agreed, fixing)
        assert fixing.treatment.by_rules == ("source-address-leak",)
        assert [finding.code for finding in fixing.before.findings] == ["source-address-leak"]
        assert fixing.after.findings == ()
        assert fixing.proved is True
        said = json.loads(json.dumps(fixing.as_json()))
        assert (said["applied"], said["proved"], said["after"]["findings"]) == (["masquerade"], True, [])
        assert await undo(robot, Paths()) == ("masquerade",)
        assert await nft.text(robot) == before
        assert await undo(robot, Paths()) is None


async def test_what_nobody_agreed_to_is_not_done() -> None:
    async with robots.scene() as scene:
        before = await nft.text(scene.robot)
        fixing = Fixing()
        await fix(scene.robot, LEAK, Paths(), refused, fixing)
        assert await nft.text(scene.robot) == before
        assert [remedy.name for remedy in fixing.walked.remedies] == ["masquerade"]
        assert (fixing.proved, fixing.as_json()["after"]) == (None, None)
        assert not (scene.robot.root / "var/lib/landfast").exists()


async def test_where_rules_may_not_be_changed_sessions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def present(_: Host) -> None:
        raise CapabilityMissing("CAP_NET_ADMIN", "root")

    monkeypatch.setattr(masquerade, "present", present)
    async with robots.scene() as scene:
        fixing = Fixing()
        await fix(scene.robot, LEAK, Paths("/etc/session.json", "/var/undo.json"), agreed, fixing)
        assert fixing.treatment.by_policy == ("source-address-leak",)
        assert fixing.proved is None, "a session must show it"
        policy: Path = scene.robot.root / "etc/session.json"
        assert json.loads(policy.read_text())["interfaces"] == ["wlan0"]
        assert await undo(scene.robot, Paths("/etc/session.json", "/var/undo.json")) == ("policy",)
        assert not policy.exists()
