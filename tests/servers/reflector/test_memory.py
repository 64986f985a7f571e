from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.servers.reflector.memory import Memory
from landfast.wire.reflector import Seen

ID, OTHER = bytes(12), bytes(11) + b"\x01"
HERE, THERE = ("192.0.2.1", 9), ("192.0.2.2", 9)


def test_what_came_is_counted_and_its_last_origin_told() -> None:
    memory = Memory()
    memory.saw(ID, HERE, 0)
    memory.saw(ID, THERE, 1)
    assert memory.told(ID, 2) == Seen(2, THERE)
    assert memory.told(OTHER, 2) == Seen()


def test_what_has_not_come_for_a_minute_is_forgotten() -> None:
    memory = Memory()
    memory.saw(ID, HERE, 0)
    memory.saw(OTHER, HERE, 10)
    memory.saw(ID, HERE, 50)
    assert memory.told(OTHER, 70) == Seen(1, HERE)
    assert memory.told(OTHER, 70.1) == Seen()
    assert memory.told(ID, 110) == Seen(2, HERE)
    assert memory.told(ID, 110.1) == Seen()
    assert len(memory) == 0


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.floats(0, 40)), max_size=200))
def test_a_flood_makes_it_forget_the_oldest_and_never_grow(came: list[tuple[bytes, float]]) -> None:
    memory, now = Memory(most=10), 0.0
    for identity, pause in came:
        now += pause
        memory.saw(identity, HERE, now)
        assert len(memory) <= 10
        assert memory.told(identity, now).count >= 1
