from __future__ import annotations

import pytest

from landfast.trials.campaign.ended import leftovers
from landfast.trials.campaign.history import Trick
from landfast.trials.campaign.play import AFTERWARDS, _Play
from tests.trials.campaign.histories import WITH_A_RELAY, fault, history


@pytest.fixture
def played() -> _Play:
    one = _Play(history(fault(Trick.RESTART, at=2.5), robot=WITH_A_RELAY))
    one.signalling.begin()
    one.application.begin()
    one.world.run(2.0)
    return one


def test_a_player_that_has_not_closed_still_has_everything(played: _Play) -> None:
    found = list(leftovers(played.players["robot"], played.world.server.relays.allocations))
    assert [words.split()[-1] for words in found if "host's" not in words] == [
        "completed",
        "sockets",
        "candidates",
        "timer",
        "allocations",
    ]


def test_one_that_has_closed_has_nothing(played: _Play) -> None:
    for player in played.players.values():
        player.close()
    played.application.stopped = True
    played.world.run(played.world.now + AFTERWARDS)
    assert not list(leftovers(played.players["robot"], played.world.server.relays.allocations))


def test_the_generation_before_a_restart_is_stale_after_its_time(played: _Play) -> None:
    owned, agent = played.owned["robot"], played.players["robot"].agent
    old = agent.local.ufrag
    played.signalling.restart(played.players["robot"])
    played.world.run(4.0)
    assert old in {pair.ufrag for pair in agent.stats(4.0).pairs}
    assert not list(owned.stale(4.0))
    assert list(owned.stale(60.0)) == [f"pairs of generation {old}"]
    played.world.run(12.0)
    assert not list(owned.stale(60.0))
