from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiortc import RTCSessionDescription

from landfast.session import RTCPeerConnection
from landfast.session.aiortc.candidates import RTCIceCandidate
from landfast.session.aiortc.trickle import HELD
from tests.session.aiortc.calls import Call, call, ice, ours, until

pytestmark = pytest.mark.anyio


class Wire:
    """What one application sends to the other: descriptions and candidates, in the order of sending."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.connection = connection
        self.sent: list[RTCSessionDescription | RTCIceCandidate | None] = []
        self.over = asyncio.Event()
        connection.on("icecandidate", self._candidate)

    def _candidate(self, candidate: RTCIceCandidate | None) -> None:
        self.sent.append(candidate)
        if candidate is None:
            self.over.set()

    async def describe(self, **options: Any) -> None:
        if self.connection.signalingState == "have-remote-offer":
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        else:
            await self.connection.setLocalDescription(await self.connection.createOffer(**options))
        self.sent.append(self.connection.localDescription)
        async with asyncio.timeout(10):
            await self.over.wait()
        self.over.clear()

    async def deliver(self, to: RTCPeerConnection, *, overtaking: bool = False) -> None:
        """All that was sent; `overtaking`: the candidates first."""
        sent, self.sent = self.sent, []
        if overtaking:
            sent.sort(key=lambda each: isinstance(each, RTCSessionDescription))
        for each in sent:
            if isinstance(each, RTCSessionDescription):
                await to.setRemoteDescription(bare(each))
            else:
                await to.addIceCandidate(each)


def bare(description: RTCSessionDescription) -> RTCSessionDescription:
    """Without its candidates, as if it had been sent at once."""
    lines = [line for line in description.sdp.splitlines() if not line.startswith(("a=candidate", "a=end-of"))]
    return RTCSessionDescription("\r\n".join([*lines, ""]), description.type)


@pytest.mark.parametrize("overtaking", [False, True], ids=["in order", "overtaking"])
async def test_candidates_that_are_trickled_connect_and_connect_again(overtaking: bool) -> None:
    one, other = ours(), ours()
    made = Call(one, other)
    mine, theirs = Wire(one), Wire(other)
    for restart in (False, True):
        await mine.describe(iceRestart=restart)
        await mine.deliver(other, overtaking=overtaking)
        await theirs.describe()
        await theirs.deliver(one, overtaking=overtaking)
        await made.opened()
        await made.says("hello")
    ufrag = ice(one).transport.agent.local.ufrag
    await until(
        ice(one),
        "selectedcandidatepairchange",
        lambda: ufrag == getattr(ice(one).transport.agent.stats(0).selected, "ufrag", ""),
    )
    await made.says("by the new way")
    await one.close()
    await other.close()


async def test_the_description_is_sent_before_its_candidates_and_each_says_where_it_belongs() -> None:
    one = ours()
    one.createDataChannel("x")
    wire = Wire(one)
    await wire.describe()
    described, *found, last = wire.sent
    assert isinstance(described, RTCSessionDescription)
    assert "a=ice-options:trickle" in described.sdp
    assert found
    assert last is None
    for each in found:
        assert isinstance(each, RTCIceCandidate)
        assert (each.sdpMid, each.sdpMLineIndex) == ("0", 0)
        assert f"a=ice-ufrag:{each.usernameFragment}" in described.sdp
    assert one.localDescription.sdp.count("a=candidate:") == len(found)
    assert "a=end-of-candidates" in one.localDescription.sdp
    await one.close()


async def test_who_does_not_listen_gets_them_all_in_the_description() -> None:
    one = ours()
    one.createDataChannel("x")
    await one.setLocalDescription(await one.createOffer())
    assert one.iceGatheringState == "complete"
    assert "a=candidate:" in one.localDescription.sdp
    await one.close()


async def test_who_listens_is_told_of_an_address_that_comes_later() -> None:
    async with call() as made:
        told: asyncio.Queue[RTCIceCandidate | None] = asyncio.Queue()
        made.one.on("icecandidate", told.put_nowait)
        transport = ice(made.one).transport
        transport._policy = "loopback"
        transport._network_changed()
        async with asyncio.timeout(5):
            candidate = await told.get()
        assert candidate
        assert candidate.sdpMid == "0"
        assert candidate.ip in made.one.localDescription.sdp


async def test_held_candidates_are_bounded_and_one_without_a_place_is_refused() -> None:
    other = ours()
    candidate = RTCIceCandidate(1, "0", "192.0.2.9", 1, 1, "udp", "host", sdpMid="0")
    for _ in range(HELD + 9):
        await other.addIceCandidate(candidate)
    assert len(other._early) == HELD
    with pytest.raises(ValueError, match="sdpMid"):
        await other.addIceCandidate(RTCIceCandidate(1, "0", "192.0.2.9", 1, 1, "udp", "host"))
    await other.close()
