from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import pytest
from aiortc import MediaStreamTrack
from aiortc.codecs import CODECS, get_encoder
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpDecodingParameters, RTCRtpReceiveParameters, RTCRtpRtxParameters
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from aiortc.rtp import RTCP_PSFB_PLI, RTCP_RTPFB_NACK, RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, RtpPacket, wrap_rtx
from av import VideoFrame

from landfast.session import RTCPeerConnection
from landfast.session.aiortc.ice import RTCIceGatherer, RTCIceTransport
from landfast.session.aiortc.media import AGAIN, FEW, FORGET, PATIENCE, RTCRtpReceiver, RTCRtpSender, Sound
from landfast.session.ice.agent import Agent
from landfast.session.ice.settings import Settings
from landfast.session.transport import Transport
from tests.session.aiortc.calls import ALONE, LIMIT, Call, call, ice, negotiate, ours, stock, until

pytestmark = pytest.mark.anyio

KINDS = ("audio", "video")
VP8 = CODECS["video"][0]
SSRC, FIRST, TICKS = 7, 65500, 6000


def picture() -> Any:
    """A camera that does not wait."""
    count = itertools.count()

    async def recv(_track: object) -> VideoFrame:
        frame = VideoFrame(32, 32, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = next(count) * TICKS, Fraction(1, 90_000)
        return frame

    return recv


class Screen:
    """What a connection shows and plays of the other."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.tracks: dict[str, MediaStreamTrack] = {}
        connection.addTrack(AudioStreamTrack())
        connection.addTrack(VideoStreamTrack())
        connection.on("track", lambda track: self.tracks.setdefault(track.kind, track))

    async def goes_on(self) -> None:
        """Frames of both come that nobody has seen yet."""
        async with asyncio.timeout(LIMIT):
            for kind in KINDS:
                waiting: asyncio.Queue[Any] = self.tracks[kind]._queue  # type: ignore[attr-defined]
                for _ in range(waiting.qsize() + 1):
                    await self.tracks[kind].recv()


@asynccontextmanager
async def seen(one: Any = None, other: Any = None) -> AsyncIterator[tuple[Call, Screen, Screen]]:
    """A call with audio and video in the same bundle, both ways."""
    one, other = one or ours(), other or ours()
    screens = Screen(one), Screen(other)
    async with call(one, other) as made:
        for screen in screens:
            await screen.goes_on()
        yield made, *screens


@pytest.mark.parametrize("peer", [ours, stock])
async def test_audio_video_and_data_go_both_ways_over_one_transport(peer: Any) -> None:
    async with seen(ours(), peer()) as (made, _, _):
        ice(made.one)  # there is only one
        await made.says("beside them")
        asked = asyncio.Event()
        sender = made.other.getSenders()[1]
        sender._send_keyframe = asked.set  # type: ignore[method-assign]
        receiver = made.one.getReceivers()[1]
        await receiver._send_rtcp_pli(sender._ssrc)
        async with asyncio.timeout(LIMIT):
            await asked.wait()  # RTCP goes as well


async def test_a_restart_does_not_touch_audio_and_video() -> None:
    async with seen() as (made, one, other):
        tracks = [*one.tracks.values(), *other.tracks.values()]
        await negotiate(made.one, made.other, iceRestart=True)
        transport = ice(made.one).transport
        ufrag = transport.agent.local.ufrag

        def is_new() -> bool:
            selected = transport.agent.stats(0).selected
            return selected is not None and selected.ufrag == ufrag

        await until(ice(made.one), "selectedcandidatepairchange", is_new)
        for screen in (one, other):
            await screen.goes_on()
        assert tracks == [*one.tracks.values(), *other.tracks.values()]


async def test_audio_and_video_go_on_when_a_failed_connection_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Settings(ping=0.1, disconnected=0.3, consent=0.6, rotate=0.2)
    async with seen(*(RTCPeerConnection(ALONE, addresses="all", settings=quick) for _ in KINDS)) as (made, one, other):
        with monkeypatch.context() as patched:
            for connection in (made.one, made.other):
                patched.setattr(ice(connection).transport._sockets, "transmit", lambda *_: None)
            await until(made.one, "connectionstatechange", lambda: made.one.connectionState == "failed")
        await until(made.one, "connectionstatechange", lambda: made.one.connectionState == "connected")
        for screen in (one, other):
            await screen.goes_on()
        await made.says("as ever")


class Wire(RTCDtlsTransport):
    """In the place of DTLS: keeps what a receiver asks for."""

    def __init__(self) -> None:
        ice = RTCIceTransport(RTCIceGatherer(Transport(Agent(controlling=False), policy="loopback")))
        super().__init__(ice, [RTCCertificate.generateCertificate()])
        self.asked: list[Any] = []

    async def _send_rtp(self, data: bytes) -> None:
        self.asked += RtcpPacket.parse(data)


def is_key(payloads: list[bytes]) -> bool:
    """VP8: the first bit of the frame is its inverse (RFC 6386, section 9.1)."""
    return not VpxPayloadDescriptor.parse(payloads[0])[1][0] & 1


async def test_without_consent_nothing_is_encoded_and_a_key_frame_comes_first_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = Wire()
    sender = RTCRtpSender(VideoStreamTrack(), wire)
    monkeypatch.setattr(VideoStreamTrack, "recv", picture())
    consent = True
    monkeypatch.setattr(Agent, "may_send", lambda *_: consent)
    first, second = [await sender._next_encoded_frame(VP8) for _ in KINDS]
    assert first
    assert second
    assert is_key(first.payloads)
    assert not is_key(second.payloads)
    consent = False
    assert [await sender._next_encoded_frame(VP8) for _ in range(3)] == [None] * 3
    consent = True
    after = await sender._next_encoded_frame(VP8)
    assert after
    assert is_key(after.payloads)
    assert after.timestamp - second.timestamp == pytest.approx(4 * TICKS, abs=1)  # the camera has gone on


class Film:
    """A receiver, and a sender's packets for it: one a frame."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.receiver = RTCRtpReceiver("video", self.wire)
        self.receiver._track = RemoteStreamTrack("video")
        self.receiver._set_rtcp_ssrc(9)
        self.packets: list[RtpPacket] = []
        self.now = 0

    def private(self, name: str) -> Any:
        return getattr(self.receiver, f"_RTCRtpReceiver__{name}")

    async def shoot(self, frames: int, *keys: int) -> None:
        encoder, recv = get_encoder(VP8), picture()
        for number in range(frames):
            ((payload,), timestamp) = encoder.encode(await recv(None), number in keys)
            packet = RtpPacket(VP8.payloadType or 0, sequence_number=(FIRST + number) % 65536, timestamp=timestamp)
            packet.ssrc, packet.payload = SSRC, payload
            packet.extensions.abs_send_time = 0
            self.packets.append(packet)

    async def show(self, *numbers: int, every: int = 66) -> None:
        """These of the packets arrive."""
        for number in numbers:
            self.now += every
            await self.receiver._handle_rtp_packet(self.packets[number], self.now)

    async def show_again(self, number: int) -> None:
        """One comes late, as it was asked for (RFC 4588)."""
        late = wrap_rtx(self.packets[number], payload_type=98, sequence_number=number, ssrc=SSRC + 1)
        await self.receiver._handle_rtp_packet(late, self.now)

    def asked_for(self) -> list[list[int]]:
        """Which packets were, at each time."""
        given = [each for each in self.wire.asked if isinstance(each, RtcpRtpfbPacket) and each.fmt == RTCP_RTPFB_NACK]
        return [sorted((seq - FIRST) % 65536 for seq in each.lost) for each in given]

    def pictures_asked_for(self) -> int:
        return sum(isinstance(each, RtcpPsfbPacket) and each.fmt == RTCP_PSFB_PLI for each in self.wire.asked)

    async def decoded(self, frames: int) -> None:
        """So many are there."""
        async with asyncio.timeout(LIMIT):
            for _ in range(frames):
                await self.receiver.track.recv()


@asynccontextmanager
async def film(frames: int, *keys: int) -> AsyncIterator[Film]:
    made = Film()
    await made.shoot(frames, *keys)
    encodings = [RTCRtpDecodingParameters(SSRC, VP8.payloadType or 0, RTCRtpRtxParameters(SSRC + 1))]
    await made.receiver.receive(RTCRtpReceiveParameters(CODECS["video"][:2], encodings=encodings))
    try:
        yield made
    finally:
        await made.receiver.stop()


async def test_what_is_missing_is_asked_for_again_until_it_comes() -> None:
    async with film(20) as made:
        await made.show(0, 1, 2, 4)
        assert made.asked_for() == [[3]]
        await made.show(5, 6, every=AGAIN[0] // 2)
        assert made.asked_for() == [[3]]
        await made.show(7, every=1)
        assert made.asked_for() == [[3]] * 2
        await made.show(8, every=AGAIN[1])
        await made.show(9, every=1)
        assert made.asked_for() == [[3]] * 3
        await made.show_again(3)
        await made.decoded(9)  # all before the newest, at once
        await made.show(10, 11, every=AGAIN[2])
        assert made.asked_for() == [[3]] * 3
        assert made.pictures_asked_for() == 0


async def test_what_was_asked_for_is_not_asked_for_again_because_more_is_missing() -> None:
    async with film(20) as made:
        await made.show(0, 2, 4, 6, every=AGAIN[0] // 4)
        assert made.asked_for() == [[1], [3], [5]]


async def test_a_packet_is_asked_for_four_times() -> None:
    async with film(60) as made:
        await made.show(0, *range(2, 60), every=PATIENCE // 60)
        assert made.asked_for() == [[1]] * (1 + len(AGAIN))


async def test_many_are_asked_for_once() -> None:
    async with film(FEW + 20) as made:
        await made.show(0, FEW + 2, *range(FEW + 3, FEW + 9))
        assert len(made.asked_for()) == 1


async def test_a_packet_that_does_not_come_holds_the_picture_up_for_a_second() -> None:
    async with film(30) as made:
        await made.show(0, 1, 2, *range(4, 6), every=1)
        await made.show(6, every=PATIENCE - 1)
        assert made.pictures_asked_for() == 0
        await made.show(7, every=1)
        assert made.pictures_asked_for() == 1
        await made.show(8, 9, 10)
        await made.decoded(4)
        assert made.asked_for() == [[3]] * 2


async def test_what_the_sender_has_forgotten_holds_nothing_up() -> None:
    async with film(150, 131) as made:
        await made.show(0, *range(2, 130), every=1)
        assert made.pictures_asked_for() == 0
        await made.show(130, every=1)
        assert made.pictures_asked_for() == 1
        await made.show(*range(131, 140), every=1)
        await made.decoded(8)


async def test_another_gap_has_its_own_time() -> None:
    async with film(40) as made:
        for gap in range(2, 38, 2):
            await made.show(gap - 2)
            await made.show(gap)
            await made.show_again(gap - 1)
        assert made.pictures_asked_for() == 0


@pytest.mark.parametrize("first", [0, 40], ids=["within the numbers", "over their end"])
async def test_after_more_than_the_sender_remembers_a_new_picture_begins_at_once(first: int) -> None:
    async with film(first + 140, first) as made:
        await made.show(*range(first, first + 3))
        await made.show(first + 2 + 129 + 1)
        assert (made.asked_for(), made.pictures_asked_for()) == ([], 1)
        await made.show(first + 133, first + 134)
        await made.decoded(4)


async def test_what_the_sender_remembers_is_asked_for() -> None:
    async with film(140) as made:
        await made.show(0, 128)
        assert made.asked_for() == [list(range(1, 128))]
        assert made.pictures_asked_for() == 0


async def test_packets_that_cannot_be_read_are_no_picture_and_no_harm() -> None:
    async with film(200, 190) as made:
        for packet in made.packets[:180]:
            packet.payload = b"\x80"  # more of the descriptor should follow (RFC 7741, section 4.2)
        await made.show(0, 2)
        await made.show_again(1)
        await made.show(170, 172)
        await made.show(*range(190, 195))
        await made.decoded(4)


async def test_the_bit_rate_is_estimated_anew_after_a_silence() -> None:
    async with film(10) as made:
        await made.show(0, 1)
        before = made.private("remote_bitrate_estimator")
        await made.show(2, every=FORGET)
        assert made.private("remote_bitrate_estimator") is before
        await made.show(3, every=FORGET + 1)
        assert made.private("remote_bitrate_estimator") is not before


def sound(*numbers: int) -> list[int]:
    """What is played, in its order, when these packets come."""
    buffer, played = Sound(16, prefetch=4), []
    for number in numbers:
        packet = RtpPacket(sequence_number=(FIRST + number) % 65536, timestamp=number)
        packet._data = b"opus"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        played += [frame.timestamp] if frame else []
    return played


def test_missing_sound_is_passed_over_without_a_pause() -> None:
    assert sound(*range(10)) == list(range(6))
    assert sound(0, 1, 2, 3, 4, *range(8, 20)) == [0, 1, 2, 3, 4, *range(8, 16)]


def test_every_third_packet_lost_is_no_more_than_that() -> None:
    came = [number for number in range(300) if number % 3]
    assert sound(*came) == came[:-4]


def test_sound_that_overtakes_a_little_is_put_in_order() -> None:
    assert sound(0, 1, 5, 2, 4, 3, *range(6, 12)) == list(range(8))
    assert sound(*range(12), 2) == list(range(8))


def test_sound_goes_on_after_a_long_silence() -> None:
    assert sound(*range(10), *range(5000, 5010)) == [*range(6), *range(5000, 5006)]


async def test_a_receiver_of_sound_has_it_so() -> None:
    receiver: Any = RTCRtpReceiver("audio", Wire())
    assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, Sound)


async def test_what_is_not_wanted_are_left_to_aiortc() -> None:
    async with film(10) as made:
        made.receiver._enabled = False
        await made.show(0, 5)
        assert made.wire.asked == []
