from __future__ import annotations

import pytest

from landfast.session.ice.rotation import Rotation
from landfast.session.ice.settings import Settings

SETTINGS = Settings(rotate=10, spare=3)


def test_a_socket_is_replaced_at_once_and_then_now_and_then() -> None:
    rotation = Rotation(SETTINGS)
    assert rotation.due(1, 100) == 1
    assert rotation.due(1, 109) is None
    assert rotation.deadline == 110
    assert rotation.due(1, 110) == 1


def test_the_newest_is_replaced_and_only_the_oldest_spares_are_dropped() -> None:
    rotation = Rotation(SETTINGS)
    dropped = []
    for turn in range(6):
        assert rotation.due(1, 100 + 10 * turn) == (10 + turn - 1 if turn else 1)
        dropped += rotation.replaced(10 + turn, used=1)
    assert dropped == [10, 11, 12]
    assert [socket in rotation for socket in (1, 12, 13, 15)] == [False, False, True, True]


def test_what_stands_in_for_one_socket_does_not_for_another_where_consent_ends_later() -> None:
    """It may have another address: a session has gone from IPv6 to IPv4 between two outages."""
    rotation = Rotation(SETTINGS)
    assert rotation.due(1, 100) == 1
    rotation.replaced(10, used=1)
    assert rotation.due(2, 200) == 2
    rotation.replaced(20, used=2)
    assert rotation.due(2, 210) == 20
    assert rotation.due(20, 220) == 20
    assert rotation.due(1, 300) == 10
    assert rotation.due(10, 310) == 10


def test_where_the_socket_is_gone_the_newest_that_stands_in_for_any_is_replaced() -> None:
    rotation = Rotation(SETTINGS)
    rotation.replaced(10, used=1)
    assert rotation.due(2, 200, gone=True) == 10


def test_a_socket_in_use_is_not_dropped() -> None:
    rotation = Rotation(SETTINGS)
    dropped = [each for turn in range(5) for each in rotation.replaced(10 + turn, used=10)]
    assert dropped == [11]


def test_a_socket_that_is_gone_is_not_replaced() -> None:
    rotation = Rotation(SETTINGS)
    rotation.replaced(10, used=1)
    rotation.lost(10)
    assert rotation.due(1, 100) == 1


@pytest.mark.parametrize(("waited", "lost", "due"), [((), 103, 110), ((110, 120, 130, 140), 143, 143)])
def test_one_that_was_waited_for_in_vain_is_replaced_at_once_but_not_before_its_time(
    waited: tuple[int, ...], lost: int, due: int
) -> None:
    rotation = Rotation(SETTINGS)
    assert rotation.due(1, 100) == 1
    rotation.replaced(10, used=1)
    assert [rotation.due(1, now) for now in waited] == [10] * len(waited)
    rotation.lost(10)
    assert max(lost, rotation.deadline) == due
    assert rotation.due(1, due) == 1
