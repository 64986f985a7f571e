from __future__ import annotations

from landfast.model.times import earliest


def test_the_earliest_of_what_is_known_counts() -> None:
    assert earliest([None, 3.0, 0.5, None, 2.0]) == 0.5
    assert earliest([float("inf"), None]) == float("inf")


def test_nothing_known_is_nothing() -> None:
    assert earliest([]) is None
    assert earliest([None, None]) is None
