from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.candidate import Type, foundation, priority
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.preferences import BEST

SERVERS = st.sampled_from(["", "stun:a", "stun:b"])


def test_a_candidate_has_what_the_rfc_says() -> None:
    candidates = Candidates()
    one = candidates.add(1, Type.SERVER_REFLEXIVE, ("192.0.2.7", 5), wished=9, base="10.0.0.1", server="s", host="h")
    assert one
    assert one.priority == priority(Type.SERVER_REFLEXIVE, 9)
    assert one.foundation == foundation(Type.SERVER_REFLEXIVE, "10.0.0.1", "h")
    assert candidates.base(1) is None
    own = candidates.add(1, Type.HOST, ("10.0.0.1", 5), wished=9, base="10.0.0.1")
    assert candidates.base(1) == own
    assert candidates.all() == [(1, one), (1, own)]


def test_what_a_server_says_anew_takes_the_place_of_what_it_said() -> None:
    candidates = Candidates()
    for port, news in ((1, True), (1, False), (2, True)):
        said = candidates.add(1, Type.SERVER_REFLEXIVE, ("192.0.2.7", port), wished=9, base="", server="s")
        assert (said is not None) is news
    assert [candidate.endpoint[1] for _, candidate in candidates.all()] == [2]
    candidates.remove(1)
    assert candidates.all() == []


def test_a_preference_that_is_taken_gives_the_next_lower_one_and_below_all_the_best() -> None:
    candidates = Candidates()
    added = [candidates.add(socket, Type.HOST, ("192.0.2.1", 5), wished=1, base="") for socket in range(4)]
    expected = [priority(Type.HOST, local) for local in (1, 0, BEST, BEST - 1)]
    assert [each.priority for each in added if each] == expected


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(Type), st.integers(0, 9), st.integers(0, 3), SERVERS)))
def test_no_two_have_the_same_priority_or_the_same_socket_and_address(
    added: list[tuple[int, Type, int, int, str]],
) -> None:
    candidates = Candidates()
    for socket, kind, port, wished, server in added:
        candidates.add(socket, kind, ("192.0.2.1", port), wished=wished, base="", server=server)
    found = candidates.all()
    assert len({candidate.priority for _, candidate in found}) == len(found)
    assert len({(socket, candidate.endpoint) for socket, candidate in found}) == len(found)
