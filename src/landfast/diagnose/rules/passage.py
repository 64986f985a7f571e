"""What passes at all: a way out, UDP, long packets, each direction of IPv6. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from landfast.diagnose.estimates import longest_packets
from landfast.diagnose.evidence import Evidence
from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.diagnose.rules.relays import by_udp, transport
from landfast.diagnose.rules.rule import Consequence, Rule
from landfast.model.facts import (
    BindingTried,
    ChangedResponse,
    DefaultRouteSeen,
    EchoAnswered,
    Fact,
    InterfaceSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    MappingsAsked,
    NoReply,
    RelayTried,
    RoundTrips,
    ServerProbed,
    Step,
    TcpTried,
)
from landfast.model.findings import Confidence, Finding, Severity

SAFE_LENGTH = 1400
"""Bytes of an IP packet. Stacks send up to this: GStreamer's RTP packets have 1400 with their payload, mediasoup's DTLS
1350; Chromium and aiortc stay below 1280."""


def no_network(evidence: Evidence) -> Iterator[Finding]:
    """The host was looked at, has no default route, and nothing answered."""
    looked_at = evidence.of(InterfaceSeen)
    if looked_at and not evidence.of(DefaultRouteSeen) and not answers(evidence) and not tcp_answers(evidence):
        up = ", ".join(face.interface for face in looked_at if face.up)
        yield Finding("no-network", Severity.FATAL, Confidence.PROVED, looked_at, values=(("up", up or "none"),))


def answers(evidence: Evidence) -> bool:
    """Whether anything ever came back over UDP."""
    return bool(
        evidence.of(MappedAddress)
        or any(fact.seconds for fact in evidence.of(RoundTrips))
        or any(fact.received for fact in evidence.of(ChangedResponse))
        or any(fact.received or fact.small for fact in evidence.of(LongPackets))
        or any(fact.mapped for fact in evidence.of(MappingsAsked))
        or any(fact.arrived for fact in evidence.of(BindingTried))
        or any(fact.down for fact in evidence.of(Ipv6Tried))
        or any(fact.ok and fact.step is not Step.NAME and transport(fact.url) == "udp" for fact in _relays(evidence))
    )


def tcp_answers(evidence: Evidence) -> tuple[Fact, ...]:
    """The facts that show a server answering over TCP."""
    return (
        *(fact for fact in evidence.of(TcpTried) if fact.ok),
        *(
            fact
            for fact in _relays(evidence)
            if fact.ok and fact.step is Step.CONNECT and transport(fact.url) in ("tcp", "tls")
        ),
        *(fact for fact in evidence.of(ServerProbed) if "nonce" in fact.offers),  # asked for over TCP
        *(fact for fact in evidence.of(Ipv6Tried) if fact.up is not None),  # and so was this
        *evidence.of(EchoAnswered)[:1],
    )


def udp_silence(evidence: Evidence) -> tuple[Fact, ...]:
    """The facts that show that servers were asked over UDP often enough, where none of them ever answered."""
    if answers(evidence):
        return ()
    unanswered: dict[str, list[NoReply]] = defaultdict(list)
    for fact in evidence.of(NoReply):
        unanswered[fact.server[0]].append(fact)
    return (
        *(facts[-1] for facts in unanswered.values() if len(facts) >= CONVINCING_SILENCE),
        *(fact for fact in evidence.of(RoundTrips) if fact.sent >= CONVINCING_SILENCE),
        *(
            fact
            for fact in _relays(evidence)
            if not fact.ok and fact.step is Step.CONNECT and transport(fact.url) == "udp"
        ),
    )


def blocked(evidence: Evidence) -> Iterator[Finding]:
    """No server answers over UDP, but one does over TCP. If none does at all, it may be the servers, or everything."""
    silent, reached = udp_silence(evidence), tcp_answers(evidence)
    if silent and reached:
        asked = {fact.server[0] for fact in silent if isinstance(fact, NoReply | RoundTrips)}
        asked |= {fact.url for fact in silent if isinstance(fact, RelayTried)}
        same = {fact.server[0] for fact in reached if isinstance(fact, TcpTried | ServerProbed)} & asked
        sure = Confidence.PROVED if same or len(asked) > 1 else Confidence.LIKELY
        values = (("servers", ", ".join(sorted(asked))),)
        yield Finding("udp-blocked", Severity.FATAL, sure, (*silent, *reached), "relay-tcp", values=values)


def _relays(evidence: Evidence) -> tuple[RelayTried, ...]:
    return evidence.of(RelayTried)


def black_hole(evidence: Evidence) -> Iterator[Finding]:
    """Small packets pass, long ones vanish, and nobody says that they were too long."""
    if not (found := longest_packets(evidence)):
        return
    passes, dies = min(each.passes for each in found), min(each.dies for each in found)
    direction = "both" if len(found) > 1 else found[0].direction
    severity = Severity.HARMFUL if passes < SAFE_LENGTH else Severity.NOTICE
    because = tuple(fact for each in found for fact in each.because)
    values = (("passes", passes), ("dies", dies), ("direction", direction))
    yield Finding("path-mtu-black-hole", severity, Confidence.PROVED, because, "clamp-mtu", values=values)


def one_way(evidence: Evidence) -> Iterator[Finding]:
    """A server was asked over IPv6 and said over IPv4 what it saw: which direction is dead is known, not guessed."""
    tried = [fact for fact in evidence.of(Ipv6Tried) if fact.sent >= CONVINCING_SILENCE]
    six = [fact for fact in evidence.of(MappedAddress) if ":" in fact.server[0]]
    if six or any(fact.down for fact in evidence.of(Ipv6Tried)):
        return
    if down := [fact for fact in tried if fact.up and fact.down is False]:
        yield _dead("down", Confidence.PROVED, down)
    elif up := [fact for fact in tried if fact.up is False]:
        yield _dead("up", Confidence.LIKELY, up)  # it may also be the server's own IPv6


def _dead(direction: str, confidence: Confidence, because: list[Ipv6Tried]) -> Finding:
    values = (("direction", direction), ("sent", because[-1].sent), ("server", because[-1].server[0]))
    return Finding("one-way-ipv6", Severity.HARMFUL, confidence, tuple(because), "prefer-ipv4", values=values)


NO_NETWORK = Rule(
    "no-network",
    no_network,
    explains=tuple(
        Consequence(code) for code in ("udp-blocked", "turn-unreachable", "source-address-leak", "one-way-ipv6")
    ),
)
UDP_BLOCKED = Rule(
    "udp-blocked",
    blocked,
    explains=(
        Consequence("turn-unreachable", lambda _, lost: by_udp(lost), "over UDP"),
        Consequence("one-way-ipv6", lambda _, dead: dict(dead.values)["direction"] == "up", "if nothing leaves"),
    ),
)
PATH_MTU_BLACK_HOLE = Rule("path-mtu-black-hole", black_hole)
ONE_WAY_IPV6 = Rule("one-way-ipv6", one_way)
