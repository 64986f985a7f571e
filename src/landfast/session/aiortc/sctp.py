"""SCTP that is quiet while nobody hears it, and speaks at once when somebody does.

aiortc's retransmission timer neither backs off nor gives up, and its congestion window counts the bytes of messages:
into an outage it sends hundreds of packets a second. So it waits for the path, and goes on when the path is back.
Messages of channels that may lose some would have been sent into the outage and lost; so they are, and do not come
late and in the way of newer ones.
"""

from __future__ import annotations

import asyncio

import aiortc.rtcsctptransport
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import USERDATA_MAX_LENGTH, WEBRTC_DCEP

from landfast.session.aiortc.ice import RTCIceTransport

_INITIAL_WINDOW = 3 * USERDATA_MAX_LENGTH  # bytes: what aiortc begins with (RFC 9260, section 7.2.1)


class RTCSctpTransport(aiortc.rtcsctptransport.RTCSctpTransport):
    """Called as aiortc's is, as in seat.py."""

    def __init__(self, transport: RTCDtlsTransport, port: int = 5000) -> None:
        super().__init__(transport, port)
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

    def _path_changed(self) -> None:
        if self._passable and self._t3_handle:
            self._t3_cancel()
            super()._t3_expired()  # all that is in flight went nowhere: say it again now, not a second later
            self._cwnd = _INITIAL_WINDOW  # nothing was congested

    async def _transmit(self) -> None:
        if self._passable:
            await super()._transmit()
        elif not self._t3_handle:
            self._t3_start()

    def _t3_expired(self) -> None:
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
        for channel, protocol, data in waiting:
            if protocol == WEBRTC_DCEP or (channel.maxRetransmits is None and channel.maxPacketLifeTime is None):
                self._data_channel_queue.append((channel, protocol, data))
            else:
                channel._addBufferedAmount(-len(data))

    def _t1_expired(self) -> None:
        if self._passable:
            super()._t1_expired()
        else:
            self._t1_handle = asyncio.get_running_loop().call_later(self._rto, self._t1_expired)

    def _reconfig_timer_expired(self) -> None:
        if self._passable:
            super()._reconfig_timer_expired()
        else:
            self._reconfig_handle = asyncio.get_running_loop().call_later(self._rto, self._reconfig_timer_expired)
