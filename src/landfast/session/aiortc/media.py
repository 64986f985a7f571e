"""Audio and video that wait for the path, and go on when it is back.

aiortc's sender counts on while nobody hears it, and its receiver asks once for what is missing, then waits until 512
packets stand behind the gap: half a minute of a small picture, and with 16 a third of a second of sound. That does for
a path that loses single packets. On one that goes away and comes back, what was asked for is lost as easily as what was
sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiortc
from aiortc import MediaStreamTrack, RTCRtpTransceiver
from aiortc.codecs import is_rtx
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.rtp import RTP_HISTORY_SIZE, RtpPacket
from aiortc.utils import uint16_add

from landfast import clock
from landfast.session.aiortc.ice import RTCIceTransport

AGAIN = (100, 200, 400)
"""Milliseconds until a packet is asked for once more. The first is two round trips of a cellular network."""
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


class Sound(JitterBuffer):
    """Passes over what is missing as soon as so many packets as are fetched ahead stand behind it.

    aiortc's wants these in a row, and has them seldom when every tenth is lost. Each packet is a frame (RFC 7587,
    section 4.2; RFC 3551, section 4.2).
    """

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        if sum(each is not None for each in self._packets) <= self._prefetch:
            return None
        while (packet := self._packets[(self._origin or 0) % self._capacity]) is None:
            self.remove(1)
        self.remove(1)
        return JitterFrame(packet._data, packet.timestamp)  # type: ignore[attr-defined] # as aiortc keeps the payload


@dataclass
class Asked:
    """How often a packet was asked for, since when, and when last. Times are milliseconds."""

    since: int
    last: int
    times: int = 0


class RTCRtpReceiver(aiortc.RTCRtpReceiver):
    """Plays what there is of sound. Of a picture, asks again for what is missing, and begins a new one where asking is
    of no use."""

    def __init__(self, kind: str, transport: RTCDtlsTransport) -> None:
        super().__init__(kind, transport)
        if kind == "audio":
            self.__jitter_buffer = Sound(self.__jitter_buffer.capacity, self.__jitter_buffer._prefetch)
        self._asked: dict[int, Asked] = {}
        self._codec: RTCRtpCodecParameters | None = None
        self._source = self._heard = 0

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        codec = self.__codecs.get(packet.payload_type)
        if not self._enabled or codec is None or self.__nack_generator is None:
            await super()._handle_rtp_packet(packet, arrival_time_ms)
            return
        if arrival_time_ms - self._heard > FORGET:
            self.__remote_bitrate_estimator = RemoteBitrateEstimator()
        self._heard = arrival_time_ms
        if not is_rtx(codec):
            self._codec, self._source = codec, packet.ssrc
            newest = self.__nack_generator.max_seq
            if newest is not None and RTP_HISTORY_SIZE < uint16_add(packet.sequence_number, -newest) < _HALF:
                await self._begin_anew()  # the sender does not remember all that is missing
        await super()._handle_rtp_packet(packet, arrival_time_ms)
        await self._mend()

    async def _mend(self) -> None:
        assert self.__nack_generator
        missing, buffer = self.__nack_generator.missing, self.__jitter_buffer
        origin = buffer._origin
        if origin is None:
            return  # there is no picture yet
        gone = self._asked.keys() - missing
        waits = [seq for seq in gone if uint16_add(seq, -origin) < buffer.capacity]
        if any(buffer._packets[seq % buffer.capacity] is None for seq in waits):
            await self._begin_anew()  # it is too old to be asked for, and the picture would wait for it
            return
        if gone:
            self._catch_up()
        ahead = sorted(missing, key=lambda seq: uint16_add(seq, -origin))
        if ahead or gone:
            await self._send_rtcp_nack(self._source, ahead)
        if ahead and self._heard - self._asked[ahead[0]].since > PATIENCE:
            await self._begin_anew()

    async def _send_rtcp_nack(self, media_ssrc: int, lost: list[int]) -> None:
        """Of these, what is due: aiortc asks for all that is missing as often as it misses another."""
        before, self._asked, due = self._asked, {}, []
        for seq in lost:
            asked = self._asked[seq] = before.get(seq) or Asked(self._heard, self._heard)
            if asked.times and (
                len(lost) > FEW or asked.times > len(AGAIN) or self._heard - asked.last <= AGAIN[asked.times - 1]
            ):
                continue
            asked.last, asked.times = self._heard, asked.times + 1
            due.append(seq)
        if due:
            await super()._send_rtcp_nack(media_ssrc, due)

    def _catch_up(self) -> None:
        """Show all that is whole: aiortc takes one frame for each packet that comes, and would stay behind."""
        while self._codec and (frame := self.__jitter_buffer._remove_frame(0)) and self.__decoder_thread:
            frame.timestamp = self.__timestamp_mapper.map(frame.timestamp)
            self.__decoder_queue.put((self._codec, frame))

    async def _begin_anew(self) -> None:
        assert self.__nack_generator
        self._asked.clear()
        self.__nack_generator.missing.clear()
        self.__nack_generator.max_seq = None
        if self.__jitter_buffer._origin is not None:
            self.__jitter_buffer.remove(self.__jitter_buffer.capacity)
            self.__jitter_buffer._origin = None
        await self._send_rtcp_pli(self._source)


def transceiver(
    direction: str, kind: str, track: MediaStreamTrack | None, transport: RTCDtlsTransport
) -> RTCRtpTransceiver:
    """Both ends of one medium, on one transport."""
    sender, receiver = RTCRtpSender(track or kind, transport), RTCRtpReceiver(kind, transport)
    receiver._set_rtcp_ssrc(sender._ssrc)
    return RTCRtpTransceiver(kind, receiver, sender, direction)
