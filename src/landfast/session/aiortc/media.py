"""Audio and video that wait for the path, and a picture that goes on when it is back.

aiortc's sender counts on while nobody hears it, and its receiver asks once for what is missing, then waits until 512
packets stand behind the gap: half a minute of a small picture. Both do for a path that loses single packets. On one
that goes away and comes back, what was asked for is lost as easily as what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiortc
from aiortc import MediaStreamTrack, RTCRtpTransceiver
from aiortc.codecs import is_rtx
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.rtp import RTP_HISTORY_SIZE, RtpPacket
from aiortc.utils import uint16_add

from landfast import clock
from landfast.session.aiortc.ice import RTCIceTransport

AGAIN = (100, 200, 400)
"""Milliseconds until what is missing is asked for once more. The first is two round trips of a cellular network."""
PATIENCE = 1000
"""Milliseconds that the picture stands still for a packet: what a request takes at a round trip of 700 ms."""
FEW = 32
"""Packets that are asked for again: 38 kB. More of them would fill a narrow path with copies."""
FORGET = 5000
"""Milliseconds without a packet, after which the bit rate is estimated anew: aiortc's estimator takes one step for each
millisecond of a silence, and its time stamps repeat after 64 s."""
_HALF = 1 << 15  # sequence numbers that are further ahead are behind (RFC 1982)


class RTCRtpSender(aiortc.RTCRtpSender):
    """Encodes and numbers nothing without consent.

    If 32768 packets went nowhere, the peer's SRTP would take the next for an old one, and be deaf for good (RFC 3711,
    appendix A): audio after eleven minutes, video within two. What comes first after a silence is a key frame.
    """

    async def _next_encoded_frame(self, codec: RTCRtpCodecParameters) -> RTCEncodedFrame | None:
        ice = self.transport.transport
        if isinstance(ice, RTCIceTransport) and not ice.transport.agent.may_send(clock.monotonic()):
            await self.track.recv()  # frames do not pile up in the track
            self._send_keyframe()
            return None
        return await super()._next_encoded_frame(codec)


@dataclass
class Hole:
    """The oldest packet that is missing. Times are milliseconds."""

    number: int
    since: int
    asked: int
    times: int = 0


class RTCRtpReceiver(aiortc.RTCRtpReceiver):
    """Asks again for what is missing of a picture, and begins a new picture where asking is of no use."""

    def __init__(self, kind: str, transport: RTCDtlsTransport) -> None:
        super().__init__(kind, transport)
        self._hole: Hole | None = None
        self._codec: RTCRtpCodecParameters | None = None
        self._source: int | None = None
        self._heard: int | None = None

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        codec = self.__codecs.get(packet.payload_type)
        if not self._enabled or codec is None or self.__nack_generator is None:
            await super()._handle_rtp_packet(packet, arrival_time_ms)
            return
        if self._heard is not None and arrival_time_ms - self._heard > FORGET:
            self.__remote_bitrate_estimator = RemoteBitrateEstimator()
        self._heard = arrival_time_ms
        if not is_rtx(codec):
            self._codec, self._source = codec, packet.ssrc
            newest = self.__nack_generator.max_seq
            if newest is not None and RTP_HISTORY_SIZE < uint16_add(packet.sequence_number, -newest) < _HALF:
                await self._begin_anew()  # the sender does not remember all that is missing
        await super()._handle_rtp_packet(packet, arrival_time_ms)
        await self._mend(arrival_time_ms)

    async def _mend(self, now: int) -> None:
        assert self.__nack_generator
        origin = self.__jitter_buffer._origin or 0
        ahead = [seq for seq in self.__nack_generator.missing if uint16_add(seq, -origin) < _HALF]
        oldest = min(ahead, key=lambda seq: uint16_add(seq, -origin), default=None)
        before, self._hole = self._hole, None
        if before and before.number != oldest:
            self._catch_up()
        if oldest is None:
            return
        hole = self._hole = before if before and before.number == oldest else Hole(oldest, now, now)
        if now - hole.since > PATIENCE:
            await self._begin_anew()
        elif hole.times < len(AGAIN) and now - hole.asked > AGAIN[hole.times] and len(ahead) <= FEW:
            hole.asked, hole.times = now, hole.times + 1
            await self._send_rtcp_nack(self._source or 0, sorted(ahead))

    def _catch_up(self) -> None:
        """Show all that is whole: aiortc takes one frame for each packet that comes, and would stay behind."""
        while self._codec and (frame := self.__jitter_buffer._remove_frame(0)) and self.__decoder_thread:
            frame.timestamp = self.__timestamp_mapper.map(frame.timestamp)
            self.__decoder_queue.put((self._codec, frame))

    async def _begin_anew(self) -> None:
        assert self.__nack_generator
        self._hole = None
        self.__nack_generator.missing.clear()
        self.__nack_generator.max_seq = None
        self.__jitter_buffer.remove(self.__jitter_buffer.capacity)
        self.__jitter_buffer._origin = None
        await self._send_rtcp_pli(self._source or 0)


def transceiver(
    direction: str, kind: str, track: MediaStreamTrack | None, transport: RTCDtlsTransport
) -> RTCRtpTransceiver:
    """Both ends of one medium, on one transport."""
    sender, receiver = RTCRtpSender(track or kind, transport), RTCRtpReceiver(kind, transport)
    receiver._set_rtcp_ssrc(sender._ssrc)
    return RTCRtpTransceiver(kind, receiver, sender, direction)
