from __future__ import annotations

from landfast.wire.turn.events import Ask, Ended, Event
from landfast.wire.turn.machine import TABLE, State, Step
from tests.wire.turn.server import Server, client, standing, talk


def test_an_allocation_ends_by_the_steps_that_the_docstring_names() -> None:
    ending = {step for (_, step), then in TABLE.items() if then is State.ENDED}
    assert {step.name for step in ending} == {name for name in Step.__members__ if f"`{name}`" in (Ended.__doc__ or "")}


def test_events_can_be_compared_and_kept_in_sets() -> None:
    told: list[Event] = []
    for _ in range(2):
        asking = client()
        asking.allocate(0.0)
        told += talk(asking, Server(), 0.01)
    assert len(told) == 2
    assert len(set(told)) == 1


def test_every_wish_has_a_word_of_its_own() -> None:
    assert len({ask.value for ask in Ask}) == len(Ask)
    assert standing()[0].state is State.STANDING
