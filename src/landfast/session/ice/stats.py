"""What a session tells of its pairs, in the words of W3C webrtc-stats' RTCIceCandidatePairStats. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from landfast.session.ice.candidate import Candidate
from landfast.session.ice.generation import Generation
from landfast.session.ice.machine import State
from landfast.session.ice.pairs import NEVER, Pair


@dataclass(frozen=True)
class PairStats:
    """One pair. `ufrag`, `remote_ufrag`: of both sides of its generation, the peer's None until it is known; times are
    seconds, and instants those of the agent's clock."""

    ufrag: str
    remote_ufrag: str | None
    local: Candidate
    remote: Candidate
    state: str
    nominated: bool
    selected: bool
    priority: int
    requests_sent: int
    requests_received: int
    responses_sent: int
    responses_received: int
    consent_requests_sent: int
    current_round_trip_time: float | None
    total_round_trip_time: float
    packets_sent: int
    packets_received: int
    bytes_sent: int
    bytes_received: int
    packets_discarded_on_send: int
    bytes_discarded_on_send: int
    last_answer: float | None
    last_packet_received: float | None


@dataclass(frozen=True)
class Stats:
    """A session at one instant."""

    state: State
    controlling: bool
    moves: int
    """How often another pair was selected."""
    pairs: tuple[PairStats, ...]

    @property
    def selected(self) -> PairStats | None:
        """The pair that data takes."""
        return next((pair for pair in self.pairs if pair.selected), None)


def of_pairs(generations: Iterable[Generation], current: Generation) -> tuple[PairStats, ...]:
    """Of all pairs that somebody who knows our password has to do with."""
    return tuple(
        _of(pair, generation, selected=generation is current and pair is current.selected)
        for generation in generations
        for pair in generation.all_pairs()
        if pair.vouched
    )


def _of(pair: Pair, generation: Generation, *, selected: bool) -> PairStats:
    counted = pair.counters
    return PairStats(
        ufrag=generation.local.ufrag,
        remote_ufrag=generation.remote.ufrag if generation.remote else None,
        local=pair.local,
        remote=pair.remote,
        state=pair.state,
        nominated=generation.settled and pair is generation.selected,
        selected=selected,
        priority=pair.priority(controlling=generation.role.controlling),
        requests_sent=counted.requests_sent,
        requests_received=counted.requests_received,
        responses_sent=counted.responses_sent,
        responses_received=counted.responses_received,
        consent_requests_sent=counted.consent_requests_sent,
        current_round_trip_time=counted.round_trip,
        total_round_trip_time=counted.total_round_trip,
        packets_sent=counted.packets_sent,
        packets_received=counted.packets_received,
        bytes_sent=counted.bytes_sent,
        bytes_received=counted.bytes_received,
        packets_discarded_on_send=counted.packets_discarded,
        bytes_discarded_on_send=counted.bytes_discarded,
        last_answer=pair.answered if pair.proved else None,
        last_packet_received=pair.heard if pair.heard > NEVER else None,
    )
