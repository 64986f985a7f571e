"""ICE restarts (RFC 8445, section 9; W3C webrtc, section 4.4.3.5), by either side.

A description whose fragment differs from the one before restarts its transport. The old pair carries the data until
the new credentials have led to one. A peer that answers a restart with its old credentials cannot restart, and loses
nothing: `icerestartrefused` is told, and the old pair stays.
"""

from __future__ import annotations

from typing import Unpack

from aiortc import RTCConfiguration, RTCSessionDescription, sdp
from aiortc.rtcicetransport import RTCIceParameters

from landfast.session.aiortc import seat
from landfast.session.aiortc.ice import RTCIceTransport, credentials
from landfast.session.aiortc.seat import Options

_EXPECTED = {"offer": ("stable", "have-remote-offer"), "answer": ("have-local-offer",)}


class RTCPeerConnection(seat.RTCPeerConnection):
    """Restarts, and follows restarts."""

    __slots__ = ("_restart_wanted",)

    def __init__(self, configuration: RTCConfiguration | None = None, **options: Unpack[Options]) -> None:
        super().__init__(configuration, **options)
        self._restart_wanted = False

    def restartIce(self) -> None:
        """Let the next offer restart ICE, and ask for that offer (`negotiationneeded`)."""
        self._restart_wanted = True
        self.emit("negotiationneeded")

    async def createOffer(self, iceRestart: bool = False) -> RTCSessionDescription:
        """As aiortc's; with `iceRestart`, or after restartIce(), it restarts all that has been negotiated."""
        if iceRestart or self._restart_wanted:
            self._restart_wanted = False
            for ice in self._ice_transports():
                if ice.remote and not ice.restarting and ice.state != "closed":
                    ice.restarting = True
                    ice.transport.restart(controlling=True)
        return await super().createOffer()

    async def setRemoteDescription(self, sessionDescription: RTCSessionDescription) -> None:
        described = sdp.SessionDescription.parse(sessionDescription.sdp)
        refused = False
        if self.signalingState in _EXPECTED.get(
            sessionDescription.type, ()
        ):  # else aiortc raises, and nothing is touched
            for ice, parameters in self._parameters(described).items():
                if ice.remote and ice.state != "closed":
                    refused |= self._compare(ice, parameters, sessionDescription.type)
        await super().setRemoteDescription(sessionDescription)
        for ice, parameters in self._parameters(described).items():
            ice.remote = ice.remote or credentials(parameters)
        if refused:
            self.emit("icerestartrefused")

    def _parameters(self, described: sdp.SessionDescription) -> dict[RTCIceTransport, RTCIceParameters | None]:
        """Of each transport. Those of a bundle are its first section's (RFC 8843, section 7.1.3)."""
        bundled = [mid for group in described.group if group.semantic == "BUNDLE" for mid in group.items]
        found: dict[RTCIceTransport, RTCIceParameters | None] = {}
        for media in sorted(described.media, key=lambda media: media.rtp.muxId not in bundled[:1]):
            if ice := self._transport_of(media.rtp.muxId):
                found.setdefault(ice, media.ice)
        return found

    def _compare(self, ice: RTCIceTransport, parameters: RTCIceParameters | None, kind: str) -> bool:
        """Restart with the peer; True when it does not restart with us."""
        remote, refused = credentials(parameters), False
        if kind == "offer" and remote != ice.remote:
            # Who restarts controls, as libwebrtc has it; to keep the roles (RFC 8445) would cost a 487 with Chromium.
            ice.transport.restart(controlling=bool(parameters and parameters.iceLite))
        elif kind == "answer" and ice.restarting:
            ice.restarting, refused = False, remote == ice.remote
            if refused:
                ice.transport.abort_restart()
        ice.remote = remote
        return refused
