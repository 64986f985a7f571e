from __future__ import annotations

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel.capture import Capture
from landfast.model.facts import ForeignSourcePacket
from landfast.probes.leaving import MOST, watched
from tests.probes.hearing import Told
from tests.remedies.masquerade import robots
from tests.remedies.masquerade.robots import FOREIGN, OWN, SERVER, say

pytestmark = [pytest.mark.anyio, pytest.mark.needs("namespaces", "veth", "packet-capture")]


async def test_each_packet_that_leaves_with_a_foreign_source_is_told_and_no_other() -> None:
    tell = Told()
    async with robots.scene() as scene:
        async with watched(scene.robot, SERVER[4], tell):
            await say(scene.robot, FOREIGN[4], times=3)
            await say(scene.robot, OWN[4], times=2)
        await say(scene.robot, FOREIGN[4])
    assert [(fact.interface, fact.source, fact.destination) for fact in tell.of(ForeignSourcePacket)] == [
        ("wlan0", FOREIGN[4], SERVER[4])
    ] * 3
    assert len(tell) == 3 < MOST


async def test_where_nothing_may_be_captured_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> None:
        raise CapabilityMissing("packet-capture", "root")

    monkeypatch.setattr(Capture, "open", refused)
    tell = Told()
    async with robots.scene() as scene, watched(scene.robot, SERVER[4], tell):
        await say(scene.robot, FOREIGN[4])
    assert tell == []
