from __future__ import annotations

import pytest

from landfast.lab import parse
from landfast.lab.sim.world import World
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.events import Event
from landfast.session.ice.machine import State
from landfast.session.ice.settings import Settings
from landfast.trials.campaign.player import Player, Watch
from landfast.trials.campaign.signalling import Signalling


class Call:
    """Two players on the open internet, 50 ms of signalling apart."""

    def __init__(self) -> None:
        self.world = World(parse.profile("open"))
        self.welcomed: list[Candidate] = []
        self.signalling = Signalling(self.world, 0.05, lambda _, candidate: self.welcomed.append(candidate))
        self.robot, self.operator = (self._player(name) for name in ("robot", "operator"))
        self.signalling.connect(self.robot, self.operator)

    def _player(self, name: str) -> Player:
        call = self

        class Telling(Watch):
            def told(self, event: Event) -> None:
                call.signalling.told(call.robot if name == "robot" else call.operator, event)

        return Player(
            self.world,
            name,
            Telling(),
            controlling=name == "robot",
            servers=(),
            settings=Settings(),
            all_addresses=False,
            seed=len(name),
        )

    @property
    def fragments(self) -> set[frozenset[str]]:
        """What each side believes that both use."""
        found = set()
        for player in (self.robot, self.operator):
            newest = player.agent._generations.newest
            assert newest.remote
            found.add(frozenset({newest.local.ufrag, newest.remote.ufrag}))
        return found


@pytest.fixture
def call() -> Call:
    made = Call()
    made.signalling.begin()
    return made


def test_two_players_connect(call: Call) -> None:
    call.world.run(2.0)
    assert {call.robot.agent.state, call.operator.agent.state} == {State.COMPLETED}
    assert len(call.fragments) == 1
    assert len(call.welcomed) == 4  # of both families


def test_what_is_said_while_it_is_cut_arrives_afterwards() -> None:
    call = Call()
    call.signalling.mute(3.0)
    call.signalling.begin()
    call.world.run(2.9)
    assert call.signalling.cut
    assert call.robot.agent.state is State.NEW
    call.world.run(5.0)
    assert {call.robot.agent.state, call.operator.agent.state} == {State.COMPLETED}


def test_either_side_may_restart(call: Call) -> None:
    call.world.run(2.0)
    for player in (call.robot, call.operator):
        before = call.fragments
        call.signalling.restart(player)
        call.world.run(call.world.now + 2.0)
        assert len(call.fragments) == 1
        assert not call.fragments & before


def test_both_may_restart_at_once_and_the_robots_offer_wins(call: Call) -> None:
    call.world.run(2.0)
    call.signalling.restart(call.robot)
    offered = call.robot.agent.local.ufrag
    call.signalling.restart(call.operator)
    call.world.run(5.0)
    assert len(call.fragments) == 1
    assert call.robot.agent.local.ufrag == offered


def test_a_side_that_restarts_already_does_not_restart_again(call: Call) -> None:
    call.world.run(2.0)
    call.signalling.restart(call.robot)
    offered = call.robot.agent.local.ufrag
    call.signalling.restart(call.robot)
    assert call.robot.agent.local.ufrag == offered
