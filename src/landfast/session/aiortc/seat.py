"""Our transports in the place of aiortc's.

The class is called as aiortc's is, so that Python's private names (`__iceTransports`) are the same in both: what is
used of the inside is written as it is written there, and mypy reads it with aiortc's types.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

import aiortc
from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCIceServer, RTCRtpTransceiver
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCIceTransportPolicy
from aiortc.rtcdtlstransport import RTCDtlsTransport

from landfast.session.aiortc import media
from landfast.session.aiortc.ice import RTCIceGatherer, RTCIceTransport
from landfast.session.aiortc.sctp import RTCSctpTransport
from landfast.session.ice.agent import Agent
from landfast.session.ice.events import Event, RestartWaits, ServerRefused, ServerUnanswered
from landfast.session.ice.ground import Server, read_servers
from landfast.session.ice.settings import Settings
from landfast.session.policy import Policy
from landfast.session.transport import Transport


class Options(TypedDict, total=False):
    """What aiortc's configuration has no word for."""

    addresses: Policy
    """Which of this host's addresses may be used: `default-route`, which is the default, `all`, `loopback`,
    or a callable."""
    tls: ssl.SSLContext
    """For connections to TURN servers over TLS; ssl.create_default_context() by default."""
    settings: Settings
    """The agent's numbers."""


_USUAL = Settings()


class RTCPeerConnection(aiortc.RTCPeerConnection):
    """With our transports, and with the state `disconnected`."""

    # Python shares the names of up to 30 attributes among all objects of a class, and aiortc has 29.
    __slots__ = ("_addresses", "_servers", "_settings", "_tls")

    def __init__(self, configuration: RTCConfiguration | None = None, **options: Unpack[Options]) -> None:
        super().__init__(configuration)
        self._addresses, self._tls = options.get("addresses", "default-route"), options.get("tls")
        self._settings = options.get("settings", _USUAL)
        self._servers = servers(self.__configuration.iceServers)

    def _ice_transports(self) -> Sequence[RTCIceTransport]:
        return [each for each in self.__iceTransports if isinstance(each, RTCIceTransport)]

    def _transport_of(self, mid: str) -> RTCIceTransport | None:
        """That of a media section, once there is one."""
        found = [each.receiver.transport for each in self.getTransceivers() if each.mid == mid]
        found += [self.sctp.transport] if self.sctp and self.sctp.mid == mid else []
        ice = found[0].transport if found else None
        return ice if isinstance(ice, RTCIceTransport) else None

    def _said(self, ice: RTCIceTransport, event: Event) -> None:
        if isinstance(event, ServerRefused | ServerUnanswered):
            self.emit("icecandidateerror", event)
        elif isinstance(event, RestartWaits):
            self.emit("icerestartwaits")

    def __createDtlsTransport(self) -> RTCDtlsTransport:
        relay_only = self.__configuration.iceTransportPolicy is RTCIceTransportPolicy.RELAY
        settings = replace(self._settings, relay_only=True) if relay_only else self._settings
        agent = Agent(settings, controlling=False, servers=self._servers)
        gatherer = RTCIceGatherer(Transport(agent, policy=self._addresses, tls=self._tls))
        gatherer.on("statechange", self.__updateIceGatheringState)
        ice = RTCIceTransport(gatherer)
        ice.on("statechange", self.__updateIceConnectionState)
        ice.on("statechange", self.__updateConnectionState)
        ice.listener = self._said
        self.__iceTransports.add(ice)
        dtls = RTCDtlsTransport(ice, self.__certificates)
        dtls.on("statechange", self.__updateConnectionState)
        self.__dtlsTransports.add(dtls)
        self.__updateIceGatheringState()
        self.__updateIceConnectionState()
        self.__updateConnectionState()
        self._made(ice)
        return dtls

    def _made(self, ice: RTCIceTransport) -> None:
        """A transport is new."""

    def __createSctpTransport(self) -> None:
        bundled = self.__configuration.bundlePolicy == RTCBundlePolicy.MAX_BUNDLE and bool(self.__transceivers)
        dtls = self.__transceivers[0].receiver.transport if bundled else self.__createDtlsTransport()
        self.__sctp = RTCSctpTransport(dtls)
        self.__sctp._bundled = bundled
        self.__sctp.mid = None

        def told(channel: RTCDataChannel) -> None:
            self.emit("datachannel", channel)

        self.__sctp.on("datachannel", told)

    def __createTransceiver(
        self, direction: str, kind: str, sender_track: MediaStreamTrack | None = None
    ) -> RTCRtpTransceiver:
        policy, known = self.__configuration.bundlePolicy, self.__transceivers
        everything = policy == RTCBundlePolicy.MAX_BUNDLE
        shared = [each.receiver.transport for each in known if everything or each.kind == kind]
        shared += [self.__sctp.transport] if everything and self.__sctp else []
        bundled = bool(shared) and policy != RTCBundlePolicy.MAX_COMPAT
        made = media.transceiver(direction, kind, sender_track, shared[0] if bundled else self.__createDtlsTransport())
        made.sender._stream_id = self.__stream_id
        made._bundled = bundled
        known.append(made)
        return made

    def __updateIceConnectionState(self) -> None:
        if self._is_disconnected():
            if self.__iceConnectionState != "disconnected":
                self.__iceConnectionState = "disconnected"
                self.emit("iceconnectionstatechange")
            return
        super().__updateIceConnectionState()

    def __updateConnectionState(self) -> None:
        if self._is_disconnected():
            if self.__connectionState != "disconnected":
                self.__connectionState = "disconnected"
                self.emit("connectionstatechange")
            return
        super().__updateConnectionState()

    def _is_disconnected(self) -> bool:
        """W3C webrtc, section 4.3.3: any is, and none has failed."""
        states = {each.state for each in self.__iceTransports}
        dtls = {each.state for each in self.__dtlsTransports}
        return "disconnected" in states and "failed" not in states | dtls and dtls != {"closed"} and not self.__isClosed


def servers(given: Sequence[RTCIceServer] | None) -> list[Server]:
    """As the agent has them. Without a configuration nobody is asked, where aiortc would ask somebody's public server.
    Raises RequestError for one that cannot be.
    """
    return [
        server
        for each in given or ()
        for server in read_servers(each.urls, username=each.username, credential=each.credential)
    ]
