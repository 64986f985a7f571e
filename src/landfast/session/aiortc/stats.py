"""What getStats() tells of the transports, in the words of W3C webrtc-stats. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.stats import RTCStats, RTCStatsReport, RTCTransportStats

from landfast.session.aiortc.ice import RTCIceTransport
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.stats import PairStats


@dataclass
class RTCIceCandidatePairStats(RTCStats):
    """One pair; times are seconds. None is what has not been measured."""

    transportId: str
    localCandidateId: str
    remoteCandidateId: str
    state: str
    nominated: bool
    packetsSent: int
    packetsReceived: int
    bytesSent: int
    bytesReceived: int
    totalRoundTripTime: float
    currentRoundTripTime: float | None
    requestsReceived: int
    requestsSent: int
    responsesReceived: int
    responsesSent: int
    consentRequestsSent: int
    packetsDiscardedOnSend: int
    bytesDiscardedOnSend: int


@dataclass
class RTCIceCandidateStats(RTCStats):
    """One candidate; `type` is `local-candidate` or `remote-candidate`."""

    transportId: str
    address: str
    port: int
    protocol: str
    candidateType: str
    priority: int
    foundation: str
    relatedAddress: str | None
    relatedPort: int | None
    usernameFragment: str | None
    relayProtocol: str | None


@dataclass
class LandfastTransportStats(RTCTransportStats):
    """aiortc's, with what it has not."""

    iceState: str = "new"
    iceLocalUsernameFragment: str = ""
    selectedCandidatePairId: str | None = None
    selectedCandidatePairChanges: int = 0


def of(dtls: RTCDtlsTransport, now: float, at: datetime) -> RTCStatsReport:
    """Of one transport: itself, its pairs and their candidates. `now` is monotonic, `at` the time of day."""
    report = RTCStatsReport()
    ice = dtls.transport
    assert isinstance(ice, RTCIceTransport)
    known = ice.transport.agent.stats(now)
    chosen = None
    for pair in known.pairs:
        sides = [
            _candidate("local", pair.local, pair.ufrag, dtls, at),
            _candidate("remote", pair.remote, pair.remote_ufrag, dtls, at),
        ]
        for side in sides:
            report.add(side)
        stats = _pair(pair, sides[0].id, sides[1].id, dtls, at)
        report.add(stats)
        chosen = stats.id if pair.selected else chosen
    (whole,) = dtls._get_stats().values()
    named = {field.name: getattr(whole, field.name) for field in fields(RTCTransportStats)}
    ours = ice.transport.agent.local.ufrag
    report.add(
        LandfastTransportStats(
            **named,
            iceState=ice.state,
            iceLocalUsernameFragment=ours,
            selectedCandidatePairId=chosen,
            selectedCandidatePairChanges=known.moves,
        )
    )
    return report


def _pair(pair: PairStats, local: str, remote: str, dtls: RTCDtlsTransport, at: datetime) -> RTCIceCandidatePairStats:
    return RTCIceCandidatePairStats(
        timestamp=at,
        type="candidate-pair",
        id=f"pair_{local}_{remote}_{pair.ufrag}",
        transportId=dtls._stats_id,
        localCandidateId=local,
        remoteCandidateId=remote,
        state=pair.state,
        nominated=pair.nominated,
        packetsSent=pair.packets_sent,
        packetsReceived=pair.packets_received,
        bytesSent=pair.bytes_sent,
        bytesReceived=pair.bytes_received,
        totalRoundTripTime=pair.total_round_trip_time,
        currentRoundTripTime=pair.current_round_trip_time,
        requestsReceived=pair.requests_received,
        requestsSent=pair.requests_sent,
        responsesReceived=pair.responses_received,
        responsesSent=pair.responses_sent,
        consentRequestsSent=pair.consent_requests_sent,
        packetsDiscardedOnSend=pair.packets_discarded_on_send,
        bytesDiscardedOnSend=pair.bytes_discarded_on_send,
    )


def _candidate(
    side: str, each: Candidate, ufrag: str | None, dtls: RTCDtlsTransport, at: datetime
) -> RTCIceCandidateStats:
    address, port = each.endpoint
    return RTCIceCandidateStats(
        timestamp=at,
        type=f"{side}-candidate",
        id=f"{side}_{dtls._stats_id}_{each.type.value}_{address}_{port}",
        transportId=dtls._stats_id,
        address=address,
        port=port,
        protocol=each.transport,
        candidateType=each.type.value,
        priority=each.priority,
        foundation=each.foundation,
        relatedAddress=each.related[0] if each.related else None,
        relatedPort=each.related[1] if each.related else None,
        usernameFragment=each.ufrag or ufrag,
        relayProtocol=each.relay,
    )
