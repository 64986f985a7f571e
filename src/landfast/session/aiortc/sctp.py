"""SCTP that is quiet while nobody hears it, and speaks at once when somebody does.

aiortc's retransmission timer neither backs off nor gives up, and its congestion window counts the bytes of messages:
into an outage it sends hundreds of packets a second. So it waits for the path, and goes on when the path is back.
Messages of channels that may lose some would have been sent into the outage and lost; so they are, and do not come
late and in the way of newer ones.

What must arrive waits as soon as a second has passed without an acknowledgement. It would stand between messages that
are lost, and the peer is told of one such gap in a round trip (FORWARD TSN, RFC 3758). Afterwards it goes in portions,
with new messages of the others between them.

Where much is lost the association begins late with aiortc, or never: what opens it is repeated after 3 s, and INIT with
a tag that no peer takes. Here ICE's round trip tells when.
"""

from __future__ import annotations

import asyncio

import aiortc.rtcsctptransport
from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import (
    SCTP_RTO_INITIAL,
    USERDATA_MAX_LENGTH,
    WEBRTC_DCEP,
    Chunk,
    InitChunk,
    RTCSctpCapabilities,
    SackChunk,
    serialize_packet,
)

from landfast.session.aiortc.ice import RTCIceTransport, patience

_INITIAL_WINDOW = 3 * USERDATA_MAX_LENGTH  # bytes: what aiortc begins with (RFC 9260, section 7.2.1)
_SKIP = 0.1  # seconds: after which a peer that has not acknowledged is told again what to skip, at the latest
_LATER = 1.5  # times the wait before, while no round trip is known: with 2 (RFC 9260), five losses take twice as long
_PORTION = 16  # messages under way at least, of those that have waited: some 10 ms of aiortc's work at either end
_MORE, _LESS = 2, 1 / 2  # a packet that is acknowledged at once makes room for two; one that was late halves it
_LATE = 0.03  # seconds beyond the shortest round trip, somewhere on the way: more than one probe at 50 Hz

_Message = tuple[RTCDataChannel, int, bytes]


class RTCSctpTransport(aiortc.rtcsctptransport.RTCSctpTransport):
    """Called as aiortc's is, as in seat.py."""

    def __init__(self, transport: RTCDtlsTransport, port: int = 5000) -> None:
        super().__init__(transport, port)
        self._doubtful = False  # whether the retransmission timer has gone off since anything was acknowledged
        self._held: list[_Message] = []
        self._ready: list[_Message] = []  # the portion of it that went last, which is older than the rest
        self._portion = _PORTION
        self._least = float("inf")  # the shortest round trip since the path was last back
        self._skipped: tuple[int, float] | None = None  # the last FORWARD TSN, and when it was sent
        self._listen(transport)

    def setTransport(self, transport: RTCDtlsTransport) -> None:
        super().setTransport(transport)
        self._listen(transport)

    def _listen(self, transport: RTCDtlsTransport) -> None:
        if isinstance(transport.transport, RTCIceTransport):
            for event in ("statechange", "resumed"):
                transport.transport.on(event, self._path_changed)

    @property
    def _passable(self) -> bool:
        ice = self.transport.transport
        return not isinstance(ice, RTCIceTransport) or ice.transport.may_send

    async def start(self, remoteCaps: RTCSctpCapabilities | None, remotePort: int) -> None:
        self._expect()
        await super().start(remoteCaps, remotePort)

    def _expect(self) -> None:
        """Until SCTP has measured a round trip, ICE has."""
        ice = self.transport.transport
        if self._srtt is None and isinstance(ice, RTCIceTransport):
            self._rto = min(patience(ice.transport), SCTP_RTO_INITIAL)

    def _expect_less(self) -> None:
        """Nothing came in time (RFC 9260, section 6.3.3, E2), and aiortc would go on as often."""
        if self._srtt is None:
            self._rto = min(_LATER * self._rto, SCTP_RTO_INITIAL)

    async def _send_chunk(self, chunk: Chunk) -> None:
        if isinstance(chunk, InitChunk):
            # RFC 9260, section 8.5.1: without a tag, also when the peer's INIT has told its own. aiortc's has it then,
            # and is dropped: when both sides' INIT ACKs were lost there was never an association.
            await self.transport._send_data(serialize_packet(self._local_port, self._remote_port or 0, 0, chunk))
        else:
            await super()._send_chunk(chunk)

    async def _receive_chunk(self, chunk: Chunk) -> None:
        again = isinstance(chunk, InitChunk) and chunk.initiate_tag == self._remote_verification_tag
        if not (again and self._association_state is self.State.ESTABLISHED):
            await super()._receive_chunk(chunk)  # aiortc forgets at each INIT what has come

    def _path_changed(self) -> None:
        self._least = float("inf")  # it may be another path
        if self._passable and self._t3_handle:
            # The peer's own check comes with the answer that brought us here: it is answered before we speak.
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._passable and self._t3_handle:
            self._t3_cancel()
            super()._t3_expired()  # all that is in flight went nowhere: say it again now, not a second later
            self._cwnd = _INITIAL_WINDOW  # nothing was congested

    async def _transmit(self) -> None:
        if self._passable:
            await super()._transmit()
        elif not self._t3_handle:
            self._t3_start()

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        self._doubtful = False
        await super()._receive_sack_chunk(chunk)

    def _update_rto(self, R: float) -> None:
        """A packet was acknowledged after R seconds. What has waited makes no queue, wherever that would be: in a thin
        uplink, or on a busy machine (as RFC 6817, LEDBAT). New messages would wait in it too."""
        super()._update_rto(R)
        self._least = min(self._least, R)
        late = R - self._least > _LATE
        self._portion = max(_PORTION, int(self._portion * _LESS) if late else self._portion + _MORE)

    async def _data_channel_flush(self) -> None:
        if self._doubtful or self._held:
            self._hold()
        await super()._data_channel_flush()

    def _hold(self) -> None:
        """Let what must arrive wait, but for a portion of it."""
        waiting = list(self._data_channel_queue)
        self._data_channel_queue.clear()
        ready, self._ready = {id(each) for each in self._ready}, []
        self._held[:0] = [each for each in waiting if id(each) in ready]
        for each in waiting:
            if each[1] == WEBRTC_DCEP or _may_be_lost(each):
                self._data_channel_queue.append(each)
            elif id(each) not in ready:
                self._held.append(each)
        if not (self._doubtful and self._t3_handle):  # with a timer, an acknowledgement is waited for
            under_way = sum(not (chunk._abandoned or chunk._acked) for chunk in self._sent_queue)
            room = max(0, self._portion - under_way)
            self._ready, self._held = self._held[:room], self._held[room:]
            self._data_channel_queue.extend(self._ready)

    async def _transmit_reconfig(self) -> None:
        if not self._held:  # a channel's last messages go before its end
            await super()._transmit_reconfig()

    def _update_advanced_peer_ack_point(self) -> None:
        """Once in a round trip is enough: aiortc skips at each acknowledgement, and that is acknowledged again.

        aiortc's round trip holds what was waited for a skip that got lost: alone it would make each wait longer.
        """
        super()._update_advanced_peer_ack_point()
        if self._forward_tsn_chunk:
            to, now = self._forward_tsn_chunk.cumulative_tsn, asyncio.get_running_loop().time()
            if self._skipped and self._skipped[0] == to and now < self._skipped[1] + min(self._srtt or _SKIP, _SKIP):
                self._forward_tsn_chunk = None
                if not self._t3_handle:
                    self._t3_start()
            else:
                self._skipped = to, now

    def _t3_expired(self) -> None:
        self._doubtful, self._portion = True, _PORTION
        self._expect_less()
        if self._passable:
            super()._t3_expired()
        else:
            self._t3_handle = None
            self._t3_start()
            self._lose()

    def _lose(self) -> None:
        """What may be lost and has waited."""
        waiting = list(self._data_channel_queue)
        self._data_channel_queue.clear()
        for each in waiting:
            if each[1] != WEBRTC_DCEP and _may_be_lost(each):
                each[0]._addBufferedAmount(-len(each[2]))
            else:
                self._data_channel_queue.append(each)

    def _t1_cancel(self) -> None:
        super()._t1_cancel()
        self._expect()

    def _t1_expired(self) -> None:
        if self._passable:
            if self._rto < SCTP_RTO_INITIAL:
                self._t1_failures -= 1  # aiortc gives up after eight waits, of its own length
            self._expect_less()
            super()._t1_expired()
        else:
            self._t1_handle = asyncio.get_running_loop().call_later(self._rto, self._t1_expired)

    def _reconfig_timer_expired(self) -> None:
        if self._passable:
            super()._reconfig_timer_expired()
        else:
            self._reconfig_handle = asyncio.get_running_loop().call_later(self._rto, self._reconfig_timer_expired)


def _may_be_lost(message: _Message) -> bool:
    channel = message[0]
    return channel.maxRetransmits is not None or channel.maxPacketLifeTime is not None
