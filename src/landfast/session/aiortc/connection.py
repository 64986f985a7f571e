"""The whole connection: what applications see."""

from __future__ import annotations

from typing import Any

import aiortc.clock
from aiortc import RTCConfiguration, RTCDtlsTransport
from aiortc.exceptions import InvalidStateError
from aiortc.stats import RTCStatsReport

from landfast import clock
from landfast.session.aiortc import rollback, seat, stats


class RTCPeerConnection(rollback.RTCPeerConnection):
    """aiortc's RTCPeerConnection on a network that moves.

    `RTCPeerConnection(configuration, addresses=…, tls=…, settings=…)`: the last three are landfast's (`seat.Options`).
    Beside what aiortc has:

    * it follows the network without signalling, and says `disconnected` and `failed` instead of closing; both heal;
    * `restartIce()`, `createOffer(iceRestart=True)`, and restarts by the peer; `negotiationneeded` asks for the offer;
    * `icecandidate` with each candidate (None is the last): who listens is not made to wait for them;
    * every STUN and TURN server of the configuration, over UDP, TCP and TLS; `icecandidateerror` when one refuses;
    * `setConfiguration()`, rollback, and offers that meet;
    * `getStats()` with `candidate-pair`, `local-candidate`, `remote-candidate` and the selected pair of each transport.

    Raises RequestError for a server whose URL or credential cannot be.
    """

    __slots__ = ()

    def getConfiguration(self) -> RTCConfiguration:
        """The configuration in force."""
        return self.__configuration

    def setConfiguration(self, configuration: RTCConfiguration) -> None:
        """New servers from the next gathering on, as restartIce() makes one (W3C webrtc, section 4.4.2).

        Policies are those of transports that are made from now on; one that exists keeps its own.
        """
        if self.connectionState == "closed":
            raise InvalidStateError("RTCPeerConnection is closed")
        self._servers = seat.servers(configuration.iceServers)
        self.__configuration = configuration
        for ice in self._ice_transports():
            if ice.state != "closed":
                ice.transport.set_servers(self._servers)

    async def getStats(self) -> RTCStatsReport:
        report = await super().getStats()
        at: Any = aiortc.clock.current_datetime()
        dtls: RTCDtlsTransport
        for dtls in self.__dtlsTransports:
            report.update(stats.of(dtls, clock.monotonic(), at))
        return report
