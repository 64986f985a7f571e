from __future__ import annotations

import itertools

from landfast.session.ice.roles import Conflict, Role


def test_no_conflict_where_the_peer_has_the_other_role_or_says_nothing() -> None:
    for mine in (True, False):
        assert Role(mine, 1).conflict(not mine, 2) is None
        assert Role(mine, 1).conflict(None, 2) is None


def test_exactly_one_of_two_gives_way() -> None:
    """Whoever is asked first: with the greater tie-breaker it ends as controlling, and the other as controlled."""
    for both, (one, other) in itertools.product((True, False), ((1, 2), (2, 1), (5, 5))):
        switches = Role(both, one).conflict(both, other) is Conflict.SWITCH
        ends_controlling = both is not switches
        assert ends_controlling is (one >= other)
