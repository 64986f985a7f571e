from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiortc
import pytest
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from landfast.errors import RequestError
from landfast.session import RTCPeerConnection
from landfast.session.ice.events import RestartWaits, StateChanged
from landfast.session.ice.machine import State
from tests.session.aiortc.calls import LIMIT, call, ice, negotiate, ours, stock, until

pytestmark = pytest.mark.anyio

Make = Callable[[], aiortc.RTCPeerConnection]
SIDES = pytest.mark.parametrize(
    ("one", "other"), [(ours, ours), (ours, stock), (stock, ours)], ids=["both", "offerer", "answerer"]
)


@SIDES
async def test_messages_go_both_ways(one: Make, other: Make) -> None:
    async with call(one(), other()) as made:
        await made.says("hello")
        assert {made.one.iceConnectionState, made.other.iceConnectionState} == {"completed"}
        assert {made.one.connectionState, made.other.connectionState} == {"connected"}


@SIDES
async def test_audio_and_video_arrive_beside_the_data(one: Make, other: Make) -> None:
    caller, callee = one(), other()
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    for each in (caller, callee):
        each.addTrack(AudioStreamTrack())
        each.addTrack(VideoStreamTrack())
        each.on("track", tracks.put_nowait)
    async with call(caller, callee) as made, asyncio.timeout(LIMIT):
        for _ in range(4):
            track = await tracks.get()
            await track.recv()
        await made.says("beside it")
        assert len(transports(caller)) == len(transports(callee)) == 1


def transports(connection: aiortc.RTCPeerConnection) -> set[object]:
    found: set[object] = connection._RTCPeerConnection__iceTransports  # type: ignore[attr-defined]
    return found


async def test_a_restart_that_waits_says_so() -> None:
    async with call() as made:
        told: list[bool] = []
        made.one.on("icerestartwaits", lambda: told.append(True))
        ice(made.one)._told(RestartWaits())
        assert told == [True]


async def test_a_silent_peer_is_disconnected_and_failed_and_never_closed_and_comes_back() -> None:
    """The states of the agent are those of the connection; the sockets and DTLS below stay as they are."""
    async with call() as made:
        transport = ice(made.one)
        seen: list[tuple[str, str]] = []
        made.one.on(
            "connectionstatechange", lambda: seen.append((made.one.iceConnectionState, made.one.connectionState))
        )
        for old, new in [
            (State.COMPLETED, State.DISCONNECTED),
            (State.DISCONNECTED, State.FAILED),
            (State.FAILED, State.COMPLETED),
        ]:
            transport._told(StateChanged(old, new))
        assert seen == [("disconnected", "disconnected"), ("failed", "failed"), ("completed", "connected")]
        await made.says("still the same channel")


async def test_closing_one_side_closes_the_other_as_in_aiortc() -> None:
    async with call() as made:
        await made.one.close()
        await until(made.other, "connectionstatechange", lambda: made.other.connectionState == "closed")


async def test_closing_returns_while_nothing_has_happened_yet() -> None:
    connection = ours()
    connection.createDataChannel("x")
    await connection.close()
    assert connection.connectionState == "closed"


async def test_every_server_of_the_configuration_is_known() -> None:
    servers = [
        RTCIceServer(["stun:192.0.2.1", "stun:[2001:db8::1]:3479"]),
        RTCIceServer(["turn:192.0.2.3", "turns:turn.example?transport=tcp"], "robot", "secret"),
    ]
    connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
    assert [(each.kind, each.host, each.port, each.transport) for each in connection._servers] == [
        ("stun", "192.0.2.1", 3478, "udp"),
        ("stun", "2001:db8::1", 3479, "udp"),
        ("turn", "192.0.2.3", 3478, "udp"),
        ("turn", "turn.example", 5349, "tls"),
    ]


@pytest.mark.parametrize("configuration", [None, RTCConfiguration(), RTCConfiguration(iceServers=[])])
async def test_nobody_is_asked_who_was_not_named(configuration: RTCConfiguration | None) -> None:
    connection = RTCPeerConnection(configuration)
    assert connection._servers == []
    connection.setConfiguration(RTCConfiguration())
    assert connection._servers == []


def test_a_server_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(RequestError, match=r"turn:192\.0\.2\.3"):
        RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer("turn:192.0.2.3")]))


async def test_relay_only_tells_no_address_of_this_host() -> None:
    configuration = RTCConfiguration(iceServers=[], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    connection = ours(configuration)
    connection.createDataChannel("x")
    await connection.setLocalDescription(await connection.createOffer())
    assert "a=candidate" not in connection.localDescription.sdp
    await connection.close()


async def test_sections_that_cannot_be_bundled_each_have_a_transport() -> None:
    configuration = RTCConfiguration(iceServers=[], bundlePolicy=aiortc.RTCBundlePolicy.MAX_COMPAT)
    one, other = ours(configuration), stock()
    one.addTrack(AudioStreamTrack())
    one.createDataChannel("x")
    await one.setLocalDescription(await one.createOffer())
    assert len({each.transport.agent.local for each in one._ice_transports()}) == 2
    await other.setRemoteDescription(one.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    await one.setRemoteDescription(other.localDescription)
    await until(one, "connectionstatechange", lambda: one.connectionState == "connected")
    assert len(one._ice_transports()) == 1
    await negotiate(one, other)  # what is bundled stays so
    await one.close()
    await other.close()
