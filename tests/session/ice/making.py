"""Pairs and candidates for tests that need some."""

from __future__ import annotations

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, Type, priority
from landfast.session.ice.events import Path
from landfast.session.ice.pairs import Pair, PairState

HERE, PEER = ("10.0.0.1", 5000), ("203.0.113.9", 6000)


def candidate(kind: Type = Type.HOST, endpoint: Endpoint = PEER, local: int = 65535) -> Candidate:
    return Candidate(kind, endpoint, priority(kind, local), "1")


def pair(
    remote: Endpoint = PEER,
    *,
    socket: int = 1,
    kind: Type = Type.HOST,
    remote_kind: Type = Type.HOST,
    answered: float | None = None,
    stranger: bool = False,
) -> Pair:
    base = candidate(kind, HERE)
    made = Pair(Path(socket, remote), base, candidate(remote_kind, remote), base, stranger=stranger)
    if answered is not None:
        made.answered, made.state = answered, PairState.SUCCEEDED
    return made
