"""What the ground tells the agent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from landfast.session.ice.candidate import Candidate
from landfast.session.ice.events import ServerRefused, ServerUnanswered, Socket


@dataclass(frozen=True)
class Gathered:
    """A candidate of ours on this socket, or on the relay of this name."""

    socket: Socket
    candidate: Candidate


@dataclass(frozen=True)
class GatheringDone:
    """Everything has answered or has had its time; what answers later still gives candidates. Told once a gathering."""


@dataclass(frozen=True)
class Lost:
    """Nothing comes or goes by it any more, nor will: its candidates are gone with it."""

    socket: Socket
    why: str


@dataclass(frozen=True)
class Renewed:
    """A relay can be reached again: at the same relayed address (None), or at another one, the old one being gone.
    The first may be said twice."""

    socket: Socket
    candidate: Candidate | None
    since: float = inf
    """Checks that were sent since then have left from the new address."""


@dataclass(frozen=True)
class Promised:
    """A relay's server answers, and a relay that has stood may soon have another address: checks leave from there."""

    socket: Socket


Said = Gathered | GatheringDone | Lost | Renewed | Promised | ServerRefused | ServerUnanswered
