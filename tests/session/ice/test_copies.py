from __future__ import annotations

from landfast.session.ice.copies import Copies
from tests.session.ice.making import pair

PEER, COPIER = pair(), pair(("198.51.100.66", 1), stranger=True)


def test_what_comes_twice_is_known_by_the_way_that_it_came_first() -> None:
    heard = Copies()
    assert heard.first(b"hint", COPIER, 100, elsewhere=True) is COPIER
    assert heard.first(b"one", PEER, 100, elsewhere=False) is PEER
    assert heard.first(b"one", COPIER, 101, elsewhere=True) is PEER
    assert heard.first(b"one", PEER, 101, elsewhere=False) is PEER
    assert heard.first(b"two", COPIER, 101, elsewhere=True) is COPIER
    assert heard.first(b"two", PEER, 101, elsewhere=False) is COPIER


def test_while_one_way_is_heard_nothing_is_remembered() -> None:
    heard = Copies()
    heard.first(b"one", PEER, 100, elsewhere=False)
    assert not heard._first
    heard.first(b"two", COPIER, 101, elsewhere=True)
    heard.first(b"three", PEER, 110, elsewhere=False)
    assert len(heard._first) == 2
    heard.first(b"four", PEER, 111, elsewhere=False)
    assert not heard._first


def test_a_flood_is_not_remembered_for_ever() -> None:
    heard = Copies()
    for number in range(1000):
        heard.first(number.to_bytes(2, "big"), COPIER, 100, elsewhere=True)
    assert len(heard._first) == 256
    assert heard.first((999).to_bytes(2, "big"), PEER, 100, elsewhere=False) is COPIER
