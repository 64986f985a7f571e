"""Audio and video beside the probes: what a prober sends of them, and when the other's came.

Twice told, for each: RTP packets as they leave SRTP, retransmissions not among them, and frames as an application gets
them from its track, after the jitter buffer and the decoder.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from aiortc.codecs import is_rtx
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from av import VideoFrame

from landfast import clock

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT, RATE = 160, 120, 15
"""Pixels and frames a second: small, for two encoders and two decoders share two cores with a network."""
_CLOCK = 90_000  # ticks of a second of video (RFC 7741, section 4.1)
_STRIPE = 8  # pixels

Arrivals = dict[str, list[float]]
"""By stream (`audio`, `video`, `audio frames`, `video frames`): when, in monotonic seconds."""


class Stripe(MediaStreamTrack):
    """A stripe that wanders over a picture: something to encode in every frame, at hardly any cost."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._began: float | None = None
        self._number = 0

    async def recv(self) -> VideoFrame:
        if self._began is None:
            self._began = clock.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._number / RATE - clock.monotonic()))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        at = self._number * _STRIPE % (WIDTH - _STRIPE)
        for plane in frame.planes:
            scale = WIDTH // plane.width
            line = bytearray(b"\x80" * plane.line_size)
            line[at // scale : (at + _STRIPE) // scale] = b"\xff" * (_STRIPE // scale)
            plane.update(bytes(line) * plane.height)
        frame.pts, frame.time_base = self._number * _CLOCK // RATE, Fraction(1, _CLOCK)
        self._number += 1
        return frame


class Media:
    """One connection's: `said` hears of a track that has ended."""

    def __init__(self, connection: Any, said: Callable[[str], None]) -> None:
        self._connection, self._said = connection, said
        self._heard: Arrivals = {}
        self._watching: set[asyncio.Task[None]] = set()
        connection.addTrack(AudioStreamTrack())
        connection.addTrack(Stripe())
        connection.on("track", self._track)

    def take(self) -> Arrivals:
        """What came since this was last asked."""
        heard, self._heard = self._heard, {}
        return heard

    def _track(self, track: MediaStreamTrack) -> None:
        (transceiver,) = (each for each in self._connection.getTransceivers() if each.receiver.track is track)
        receiver = transceiver.receiver
        handle = receiver._handle_rtp_packet  # noqa: SLF001 -- nothing between SRTP and the jitter buffer is public
        again = {each.payloadType for each in transceiver._codecs if is_rtx(each)}  # noqa: SLF001

        async def handled(packet: Any, arrival_time_ms: int) -> None:
            if packet.payload_type not in again:
                self._came(track.kind)
            await handle(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = handled  # noqa: SLF001
        task = asyncio.create_task(self._watch(track))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watch(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                await track.recv()
                self._came(f"{track.kind} frames")
        except MediaStreamError:
            self._said(f"{track.kind} closed")

    def _came(self, stream: str) -> None:
        self._heard.setdefault(stream, []).append(round(clock.monotonic(), 4))
