"""Rollback, and offers that meet (W3C webrtc, section 4.4.1.5; JSEP, RFC 8829, section 4.1.10.2).

An offer is taken back by `setLocalDescription(RTCSessionDescription("", "rollback"))`, or by setRemoteDescription of
the peer's offer while ours is out: what the polite side of the "perfect negotiation" does. What it made is unmade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from aiortc import RTCConfiguration, RTCRtpTransceiver, RTCSctpTransport, RTCSessionDescription, sdp
from aiortc.exceptions import InvalidStateError
from aiortc.rtcdtlstransport import RTCDtlsTransport

from landfast.session.aiortc import trickle
from landfast.session.aiortc.ice import RTCIceTransport
from landfast.session.aiortc.seat import Options
from landfast.session.ice.credentials import Credentials

Descriptions = tuple[sdp.SessionDescription | None, sdp.SessionDescription | None]


@dataclass(frozen=True)
class Stable:
    """What was negotiated when nothing was on offer."""

    local: Descriptions
    remote: Descriptions
    mids: frozenset[str]
    sctp: str | None
    peers: dict[RTCIceTransport, Credentials | None]


class RTCPeerConnection(trickle.RTCPeerConnection):
    """Takes offers back."""

    __slots__ = ("_made_by_offer", "_stable")

    def __init__(self, configuration: RTCConfiguration | None = None, **options: Unpack[Options]) -> None:
        super().__init__(configuration, **options)
        self._stable: Stable | None = None
        self._made_by_offer: tuple[RTCRtpTransceiver | RTCSctpTransport, ...] = ()

    async def setLocalDescription(self, sessionDescription: RTCSessionDescription | None = None) -> None:
        """As before, and with `rollback`."""
        if sessionDescription is not None and sessionDescription.type == "rollback":
            await self._roll_back("have-local-offer")
            return
        self._remember()
        for each in self.getTransceivers():  # an answer need not be about all of them, as aiortc takes it to be
            each._offerDirection = each._offerDirection or "inactive"
        await super().setLocalDescription(sessionDescription)
        self._forget()

    async def setRemoteDescription(self, sessionDescription: RTCSessionDescription) -> None:
        """As before, and with `rollback`; the peer's offer takes back ours that is out."""
        if sessionDescription.type == "rollback":
            await self._roll_back("have-remote-offer")
            return
        if sessionDescription.type == "offer" and self.signalingState == "have-local-offer":
            await self._roll_back("have-local-offer")
        self._remember()
        before = self._parts()
        await super().setRemoteDescription(sessionDescription)
        if sessionDescription.type == "offer":
            self._made_by_offer += tuple(each for each in self._parts() if each not in before)
        self._forget()

    def _parts(self) -> list[RTCRtpTransceiver | RTCSctpTransport]:
        return [*self.getTransceivers(), *([self.sctp] if self.sctp else [])]

    def _remember(self) -> None:
        if self.signalingState == "stable":
            self._made_by_offer = ()
            self._stable = Stable(
                (self.__currentLocalDescription, self.__pendingLocalDescription),
                (self.__currentRemoteDescription, self.__pendingRemoteDescription),
                frozenset(self.__seenMids),
                self.sctp.mid if self.sctp else None,
                {ice: ice.remote for ice in self._ice_transports()},
            )

    def _forget(self) -> None:
        """An answer is there: there is nothing to go back to."""
        if self.signalingState == "stable":
            self._stable, self._made_by_offer = None, ()

    async def _roll_back(self, state: str) -> None:
        if self._stable is None or self.signalingState != state:
            raise InvalidStateError(f'Cannot roll back in signaling state "{self.signalingState}"')
        before = self._stable
        for ice in self._ice_transports():
            self._restart_wanted |= ice.restarting
            ice.roll_back(before.peers.get(ice))
        for made in self._made_by_offer:
            await self._unmake(made)
        for each in self.getTransceivers():
            if each.mid not in before.mids:
                each._set_mid(None)  # type: ignore[arg-type]  # as aiortc makes it
                each._set_mline_index(None)  # type: ignore[arg-type]
        if self.sctp:
            self.sctp.mid = before.sctp
        self.__seenMids = set(before.mids)
        self.__currentLocalDescription, self.__pendingLocalDescription = before.local
        self.__currentRemoteDescription, self.__pendingRemoteDescription = before.remote
        self.__setSignalingState("stable")
        self._forget()

    async def _unmake(self, made: RTCRtpTransceiver | RTCSctpTransport) -> None:
        """Of the peer's offer; what the application put a track or a channel on since is kept."""
        if isinstance(made, RTCRtpTransceiver):
            if made.sender.track is not None:
                return
            self.__transceivers.remove(made)
            self.__remoteDtls.pop(made, None)
            self.__remoteIce.pop(made, None)
            await self._abandon(made.receiver.transport)
        elif not made._data_channels and not made._data_channel_queue:
            self.__sctp = None
            self.__remoteDtls.pop(made, None)
            self.__remoteIce.pop(made, None)
            await self._abandon(made.transport)

    async def _abandon(self, dtls: RTCDtlsTransport) -> None:
        """A transport that nothing uses any more."""
        used = [
            each.transport if isinstance(each, RTCSctpTransport) else each.receiver.transport for each in self._parts()
        ]
        if dtls not in used:
            await dtls.stop()
            await dtls.transport.stop()
            self.__dtlsTransports.discard(dtls)
            self.__iceTransports.discard(dtls.transport)
