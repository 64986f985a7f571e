from __future__ import annotations

import asyncio

import aiortc
import pytest
from aiortc import RTCSessionDescription
from aiortc.exceptions import InvalidStateError
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from landfast.session import RTCPeerConnection
from tests.session.aiortc.calls import Call, call, ice, negotiate, ours, until

pytestmark = pytest.mark.anyio

ROLLBACK = RTCSessionDescription("", "rollback")


async def test_an_offer_that_is_taken_back_leaves_everything_as_it_was() -> None:
    async with call() as made:
        described = made.one.localDescription, made.one.remoteDescription
        made.one.addTrack(AudioStreamTrack())
        await made.one.setLocalDescription(await made.one.createOffer())
        await made.one.setLocalDescription(ROLLBACK)
        assert made.one.signalingState == "stable"
        assert (made.one.localDescription, made.one.remoteDescription) == described
        await made.says("on the same channel")
        await negotiate(made.one, made.other)  # and what was offered can be offered again
        assert [each.mid for each in made.one.getTransceivers()] == ["1"]
        await made.says("beside the track")


async def test_a_restart_that_is_taken_back_is_offered_again() -> None:
    async with call() as made:
        before = ice(made.one).transport.agent.local
        await made.one.setLocalDescription(await ours_of(made.one).createOffer(iceRestart=True))
        await made.one.setLocalDescription(ROLLBACK)
        assert ice(made.one).transport.agent.local == before
        await negotiate(made.one, made.other)
        assert ice(made.one).transport.agent.local != before
        await made.says("hello")


async def test_the_peers_offer_is_taken_back_with_what_it_made() -> None:
    async with call() as made:
        made.one.addTrack(AudioStreamTrack())
        await made.one.setLocalDescription(await ours_of(made.one).createOffer(iceRestart=True))
        before = ice(made.other).transport.agent.local, ice(made.other).remote
        await made.other.setRemoteDescription(made.one.localDescription)
        assert len(made.other.getTransceivers()) == 1
        await made.other.setRemoteDescription(ROLLBACK)
        assert made.other.getTransceivers() == []
        assert (ice(made.other).transport.agent.local, ice(made.other).remote) == before
        await made.one.setLocalDescription(ROLLBACK)
        await made.says("hello")


async def test_what_is_not_on_offer_cannot_be_taken_back() -> None:
    connection = ours()
    for setting in (connection.setLocalDescription, connection.setRemoteDescription):
        with pytest.raises(InvalidStateError, match="stable"):
            await setting(ROLLBACK)


def ours_of(connection: aiortc.RTCPeerConnection) -> RTCPeerConnection:
    assert isinstance(connection, RTCPeerConnection)
    return connection


async def exchange(polite: RTCPeerConnection, impolite: RTCPeerConnection) -> None:
    """Both offer at once; the impolite side ignores the other's, and the polite side offers again."""
    for each in (polite, impolite):
        await each.setLocalDescription(await each.createOffer())
    await polite.setRemoteDescription(impolite.localDescription)
    await polite.setLocalDescription(await polite.createAnswer())
    await impolite.setRemoteDescription(polite.localDescription)
    await negotiate(polite, impolite)


@pytest.mark.parametrize("restart", [False, True], ids=["", "restarting"])
async def test_offers_that_meet_are_both_fulfilled(restart: bool) -> None:
    async with call() as made:
        polite, impolite = ours_of(made.one), ours_of(made.other)
        before = [ice(each).transport.agent.local for each in (polite, impolite)]
        polite.addTrack(AudioStreamTrack())
        impolite.addTrack(VideoStreamTrack())
        if restart:
            polite.restartIce()
            impolite.restartIce()
        await exchange(polite, impolite)
        for each in (polite, impolite):
            assert {transceiver.kind for transceiver in each.getTransceivers()} == {"audio", "video"}
            assert each.signalingState == "stable"
        after = [ice(each).transport.agent.local for each in (polite, impolite)]
        assert all((new != old) is restart for old, new in zip(before, after, strict=True))
        await made.says("both have what they wanted")


async def test_first_offers_that_meet_connect() -> None:
    polite, impolite = ours(), ours()
    made = Call(impolite, polite)
    polite.createDataChannel("mine too")
    opened: asyncio.Queue[str] = asyncio.Queue()
    impolite.on("datachannel", lambda channel: opened.put_nowait(channel.label))
    await exchange(polite, impolite)
    await made.opened()
    await made.says("hello")
    async with asyncio.timeout(10):
        assert await opened.get() == "mine too"
    await until(polite, "connectionstatechange", lambda: polite.connectionState == "connected")
    await polite.close()
    await impolite.close()
