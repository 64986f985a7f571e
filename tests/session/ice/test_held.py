from __future__ import annotations

from landfast.session.ice import held
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.held import Held


def candidate(ufrag: str, port: int = 1) -> Candidate:
    return Candidate(Type.HOST, ("192.0.2.1", port), 1, "1", ufrag=ufrag)


def test_candidates_wait_for_their_own_description() -> None:
    waiting = Held()
    for ufrag, port in (("new1", 1), ("old1", 2), ("new1", 3)):
        waiting.hold(candidate(ufrag, port))
    assert waiting.take("new1") == [candidate("new1", 1), candidate("new1", 3)]
    assert waiting.take("new1") == []
    assert waiting.take("old1") == [candidate("old1", 2)]


def test_a_peer_cannot_fill_the_memory() -> None:
    waiting = Held()
    for port in range(2 * held.MOST):
        waiting.hold(candidate("new1", port))
    assert [each.endpoint[1] for each in waiting.take("new1")] == list(range(held.MOST, 2 * held.MOST))
