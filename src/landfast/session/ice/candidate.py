"""Candidates (RFC 8445, section 5.1): an address that may work, of what kind, and how much it is preferred. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from landfast.model.facts import Endpoint


class Type(StrEnum):
    """Of candidates; the values are those of SDP (RFC 8839, section 5.1)."""

    HOST = "host"
    SERVER_REFLEXIVE = "srflx"
    PEER_REFLEXIVE = "prflx"
    RELAYED = "relay"


# RFC 8445, section 5.1.2.2, but for HOST, which there is 126: Chromium follows us to a peer-reflexive address only when
# that has the higher priority (shared knowledge, roaming.md 2), so our host candidates stand below peer-reflexive ones.
PREFERENCE = {Type.HOST: 109, Type.PEER_REFLEXIVE: 110, Type.SERVER_REFLEXIVE: 100, Type.RELAYED: 0}
COMPONENT = 1
"""RTP and RTCP are always multiplexed (RFC 8843, RFC 5761), so there is one component."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address of ours or of the peer's. `base`: the address that packets really leave from, for our own ones."""

    type: Type
    endpoint: Endpoint
    priority: int
    foundation: str
    related: Endpoint | None = None
    """The base of a reflexive one, the mapped address of a relayed one; what SDP calls raddr and rport."""
    transport: str = "udp"
    """Always UDP between the peers; candidates of TCP (RFC 6544) are read, and never paired."""
    component: int = COMPONENT
    tcp_type: str | None = None
    ufrag: str | None = None
    """Which generation it was signalled for, where the peer says so (RFC 8838, section 8.3)."""
    relay: str | None = None
    """How the client speaks to its relay: `udp`, `tcp` or `tls`; for our own relayed ones (W3C's relayProtocol)."""


def priority(kind: Type, local: int) -> int:
    """RFC 8445, section 5.1.2.1. `local`, 0 to 65535, tells candidates of one type apart and must be unique in it."""
    return (PREFERENCE[kind] << 24) + (local << 8) + (256 - COMPONENT)


def pair_priority(controlling: int, controlled: int) -> int:
    """RFC 8445, section 6.1.2.3, of the two candidates' priorities."""
    return (min(controlling, controlled) << 32) + 2 * max(controlling, controlled) + (controlling > controlled)


def foundation(kind: Type, base: str, server: str = "", transport: str = "udp") -> str:
    """Equal for candidates of one type, base address, server and transport (RFC 8445, section 5.1.1.3)."""
    return hashlib.sha256(f"{kind}|{base}|{server}|{transport}".encode()).hexdigest()[:16]
