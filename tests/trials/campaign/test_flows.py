from __future__ import annotations

import pytest

from landfast.trials.campaign.application import Ear
from landfast.trials.campaign.flows import AFTER_CONSENT, BOUND, Flows
from landfast.trials.campaign.history import Name, Traffic


class Story:
    """Data until `last`, in a world that is passable or not."""

    def __init__(self, last: float = 3.0) -> None:
        self.ears: dict[Name, Ear] = {"robot": Ear(last=last, count=1), "operator": Ear(last=last, count=1)}
        self.is_passable = True
        self.blamed: list[str] = []
        self.flows = Flows(Traffic(every=0.1), self.ears, self, lambda *said: self.blamed.append(said[2]))

    def passable(self) -> bool:
        return self.is_passable

    def look(self, since: float, until: float) -> None:
        for half in range(int(2 * since), int(2 * until) + 1):
            self.flows.look(half / 2)


@pytest.fixture
def story() -> Story:
    return Story()


def test_silence_in_a_passable_world_is_blamed_after_the_bound(story: Story) -> None:
    story.look(3, 4 + BOUND)
    assert not story.blamed
    story.look(4 + BOUND, 6 + BOUND)
    assert "nothing of operator's since 3.00 s" in story.blamed[0]


def test_after_consent_has_ended_there_is_more_time(story: Story) -> None:
    story.is_passable = False
    story.look(3, 40)
    story.is_passable = True
    story.look(40, 40 + AFTER_CONSENT)
    assert not story.blamed
    story.look(40 + AFTER_CONSENT, 43 + AFTER_CONSENT)
    assert story.blamed


def test_there_is_more_time_when_consent_ends_before_the_bound_does(story: Story) -> None:
    story.is_passable = False
    story.look(3, 29)
    story.is_passable = True
    story.look(29, 29 + AFTER_CONSENT)
    assert not story.blamed
    story.look(29 + AFTER_CONSENT, 32 + AFTER_CONSENT)
    assert story.blamed


def test_consent_has_ended_for_both_when_one_has_heard_nothing_for_so_long(story: Story) -> None:
    """What a stream had held back may have come to the other meanwhile."""
    story.ears["operator"].last = 41.0
    story.is_passable = False
    story.look(3, 40)
    story.is_passable = True
    story.look(40, 40 + AFTER_CONSENT)
    assert not story.blamed
    story.look(40 + AFTER_CONSENT, 43 + AFTER_CONSENT)
    assert "nothing of operator's since 3.00 s" in story.blamed[0]


def test_the_question_is_open_until_data_flows_or_cannot(story: Story) -> None:
    story.look(3, 4)
    assert not story.flows.open
    story.look(4.5, 6)
    assert story.flows.open
    story.is_passable = False
    story.look(6, 6.5)
    assert not story.flows.open
    story.is_passable = True
    story.look(6.5, 8)
    assert story.flows.open
    for ear in story.ears.values():
        ear.last = 8.2
    story.look(8.5, 9)
    assert not story.flows.open


def test_where_nothing_can_pass_nobody_is_blamed(story: Story) -> None:
    story.is_passable = False
    story.look(3, 60)
    assert not story.blamed


def test_the_world_must_have_been_passable_all_the_time(story: Story) -> None:
    story.look(3, 3 + BOUND)
    story.is_passable = False
    story.look(3 + BOUND, 4 + BOUND)
    story.is_passable = True
    story.look(4 + BOUND, 4 + 2 * BOUND)
    assert not story.blamed


def test_one_direction_is_enough_for_blame(story: Story) -> None:
    story.ears["robot"].last = 100.0
    story.look(3, 12)
    assert "nothing of robot's" in story.blamed[0]


def test_the_time_begins_when_the_last_fault_is_over(story: Story) -> None:
    story.flows.disturbed(3.0, 20.0)
    story.look(3, 23 + BOUND)
    assert not story.blamed


def test_recoveries_are_timed_from_the_end_of_the_fault(story: Story) -> None:
    story.flows.disturbed(3.0, 2.0)
    for when, ear in zip((5.2, 5.4), story.ears.values(), strict=True):
        ear.last, ear.gaps = when, [(when, 2.3)]
    story.look(5.5, 6)
    assert story.flows.recoveries == [pytest.approx(0.4)]
    assert story.flows.connected
