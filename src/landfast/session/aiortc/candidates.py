"""Candidates as the agent has them and as aiortc has them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields

import aiortc

from landfast.session.ice.candidate import Candidate, Type
from landfast.wire import candidate as wire


@dataclass
class RTCIceCandidate(aiortc.RTCIceCandidate):
    """aiortc's, with what W3C has beside: the fragment tells which restart it belongs to."""

    usernameFragment: str | None = None


def told(candidate: Candidate) -> RTCIceCandidate:
    """One of ours, as an application sees it."""
    address, port = candidate.related or (None, None)
    return RTCIceCandidate(
        component=candidate.component,
        foundation=candidate.foundation,
        ip=candidate.endpoint[0],
        port=candidate.endpoint[1],
        priority=candidate.priority,
        protocol=candidate.transport,
        type=candidate.type.value,
        relatedAddress=address,
        relatedPort=port,
        tcpType=candidate.tcp_type,
        usernameFragment=candidate.ufrag,
    )


def read(given: aiortc.RTCIceCandidate) -> Candidate:
    """One of the peer's, as the agent sees it. Raises ValueError for a type that RFC 8839 does not have."""
    related = (given.relatedAddress, given.relatedPort or 0) if given.relatedAddress else None
    return Candidate(
        Type(given.type),
        (given.ip, given.port),
        given.priority,
        given.foundation,
        related,
        given.protocol.lower(),
        given.component,
        given.tcpType,
        getattr(given, "usernameFragment", None),
    )


def candidate_from_sdp(line: str) -> RTCIceCandidate:
    """Read `candidate:…` of RFC 8839, section 5.1, with the fragment that Chromium adds (`ufrag XXXX`).

    Raises ValueError in a sentence.
    """
    parsed = wire.parse(line)
    return told(Candidate(**{**vars(parsed), "type": Type(parsed.type)}))


def candidate_to_sdp(candidate: aiortc.RTCIceCandidate) -> str:
    """Write it, without `candidate:` as aiortc does."""
    ours = read(candidate)
    return wire.written(wire.Line(**{each.name: getattr(ours, each.name) for each in fields(wire.Line)}))
