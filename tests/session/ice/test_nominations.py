from __future__ import annotations

from landfast.session.ice.events import Path
from landfast.session.ice.nominations import Nominations

PEER, COPIER = Path(1, ("192.0.2.1", 1)), Path(1, ("198.51.100.66", 1))


def test_a_copy_of_a_nomination_chooses_nothing() -> None:
    heard = Nominations()
    assert heard.counts(b"one", PEER)
    assert not heard.counts(b"one", COPIER)
    assert heard.counts(b"one", PEER)
    assert heard.counts(b"two", COPIER)


def test_a_flood_of_nominations_is_not_remembered_for_ever() -> None:
    heard = Nominations()
    for number in range(1000):
        heard.counts(number.to_bytes(12, "big"), PEER)
    assert len(heard._first) == 64
