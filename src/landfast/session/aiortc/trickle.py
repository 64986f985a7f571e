"""Trickled candidates (RFC 8838), both ways.

Who listens for `icecandidate` gets candidates as they are found, and setLocalDescription does not wait for them; for
who does not, it waits as aiortc's does, so that the description has them all.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Unpack

import aiortc
from aiortc import RTCConfiguration, RTCSessionDescription, sdp

from landfast.session.aiortc import candidates, restart
from landfast.session.aiortc.candidates import RTCIceCandidate
from landfast.session.aiortc.ice import RTCIceGatherer, RTCIceTransport
from landfast.session.aiortc.seat import Options
from landfast.session.ice.events import CandidateGathered, Event

HELD = 64
"""Candidates held, at most, until their description comes: what a peer trickles in two restarts."""


class RTCPeerConnection(restart.RTCPeerConnection):
    """Tells candidates, and holds those that come too early."""

    __slots__ = ("_connecting", "_describing", "_early", "_untold")

    def __init__(self, configuration: RTCConfiguration | None = None, **options: Unpack[Options]) -> None:
        super().__init__(configuration, **options)
        self._early: list[aiortc.RTCIceCandidate] = []
        self._untold: list[tuple[RTCIceTransport, RTCIceCandidate | None]] = []
        self._describing = 0

    def _made(self, ice: RTCIceTransport) -> None:
        gatherer = ice.iceGatherer
        assert isinstance(gatherer, RTCIceGatherer)
        gatherer.hurried = self._is_heard
        gatherer.on("statechange", partial(self._gathered, ice))

    def _is_heard(self) -> bool:
        return bool(self.listeners("icecandidate"))

    def _gathered(self, ice: RTCIceTransport) -> None:
        if self.iceGatheringState == "complete":
            self._untold.append((ice, None))
            self._tell()

    def _said(self, ice: RTCIceTransport, event: Event) -> None:
        if isinstance(event, CandidateGathered):
            self._untold.append((ice, candidates.told(event.candidate)))
            self._tell()
        else:
            super()._said(ice, event)

    async def createOffer(self, iceRestart: bool = False) -> RTCSessionDescription:
        return _trickling(await super().createOffer(iceRestart))

    async def createAnswer(self) -> RTCSessionDescription:
        return _trickling(await super().createAnswer())

    async def setLocalDescription(self, sessionDescription: RTCSessionDescription | None = None) -> None:
        """As aiortc's; it does not wait for candidates when somebody listens for them."""
        self._describing += 1
        try:
            await super().setLocalDescription(sessionDescription)
        finally:
            # Whoever waits for us goes on first, and sends the description, which must come before its candidates.
            asyncio.get_running_loop().call_soon(self._described)

    async def setRemoteDescription(self, sessionDescription: RTCSessionDescription) -> None:
        await super().setRemoteDescription(sessionDescription)
        early, self._early = self._early, []
        for candidate in early:
            await self.addIceCandidate(candidate)

    async def addIceCandidate(self, candidate: aiortc.RTCIceCandidate | None) -> None:
        """As aiortc's. One that has overtaken its description is held until that comes."""
        if candidate is not None and self._is_early(candidate):
            self._early = [*self._early, candidate][-HELD:]
        else:
            await super().addIceCandidate(candidate)

    def _is_early(self, candidate: aiortc.RTCIceCandidate) -> bool:
        if candidate.sdpMid is not None:
            return self._transport_of(candidate.sdpMid) is None
        known = max(len(each.media) if each else 0 for each in (self.__localDescription(), self.__remoteDescription()))
        return candidate.sdpMLineIndex is not None and candidate.sdpMLineIndex >= known

    def _described(self) -> None:
        self._describing -= 1
        self._tell()

    def _tell(self) -> None:
        while self._untold and not self._describing:
            ice, candidate = self._untold.pop(0)
            if candidate is None:
                self.emit("icecandidate", None)
            elif (description := self.__localDescription()) and ice.state != "closed":
                self._place(description, ice, candidate)

    def _place(self, description: sdp.SessionDescription, ice: RTCIceTransport, candidate: RTCIceCandidate) -> None:
        """Into the description, and to the application as a candidate of the first section of its transport."""
        places = [place for place, media in enumerate(description.media) if self._transport_of(media.rtp.muxId) is ice]
        for place in places:
            media = description.media[place]
            media.ice_candidates = ice.iceGatherer.getLocalCandidates()
            media.ice_candidates_complete = ice.iceGatherer.state == "completed"
        if places:
            named = replace(candidate, sdpMid=description.media[places[0]].rtp.muxId, sdpMLineIndex=places[0])
            self.emit("icecandidate", named)
        if ice.state == "new":  # for want of any candidate it was not started when the descriptions were there
            self._connecting = asyncio.ensure_future(self.__connect())


def _trickling(description: RTCSessionDescription) -> RTCSessionDescription:
    """With the sign that candidates may come one by one (RFC 8838, section 4.1)."""
    marked = sdp.SessionDescription.parse(description.sdp)
    for media in marked.media:
        media.ice_options = "trickle"
    return RTCSessionDescription(str(marked), description.type)
