"""Two players' signalling: descriptions and candidates, each after a delay, in order; it can be cut for a while.

What is said while it is cut arrives when it is back. A restart that both begin is settled as in W3C's perfect
negotiation: the polite one (the operator) takes its own back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from landfast.lab.sim.world import World
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import CandidateGathered, Event, GatheringDone
from landfast.trials.campaign.player import Player


@dataclass(frozen=True)
class Description:
    """Credentials. `answers`: the fragment of the offer that this is the answer to."""

    credentials: Credentials
    answers: str | None = None


Message = Description | Candidate | None


class Signalling:
    """Between two players; `welcomed` is told of each candidate that arrives."""

    def __init__(self, world: World, delay: float, welcomed: Callable[[Player, Candidate], None]) -> None:
        self._world, self._delay, self._welcomed = world, delay, welcomed
        self._ends: tuple[_End, _End] | None = None
        self._mutes = 0
        self._held: deque[tuple[_End, Message]] = deque()

    def connect(self, robot: Player, operator: Player) -> None:
        """These two."""
        self._ends = _End(robot, polite=False), _End(operator, polite=True)

    def begin(self) -> None:
        """The first offer and its answer."""
        assert self._ends
        robot, operator = self._ends
        robot.player.begin()
        operator.player.begin()
        self._offer(robot)

    @property
    def cut(self) -> bool:
        """Whether nothing arrives at the moment."""
        return self._mutes > 0

    def mute(self, seconds: float) -> None:
        """Cut it for a while."""
        self._mutes += 1
        self._world.push(self._world.now + seconds, self._unmute, None, None)

    def restart(self, player: Player) -> None:
        """Let a side restart ICE, unless it does already."""
        end = self._end(player)
        if end.offered or not end.described:
            return
        player.agent.restart(self._world.now)
        player.agent.gather(self._world.now)
        self._offer(end)
        player.take()

    def told(self, player: Player, event: Event) -> None:
        """What an agent says may be for the peer."""
        end = self._end(player)
        if isinstance(event, CandidateGathered):
            self._say(end, event.candidate)
        elif isinstance(event, GatheringDone) and event.ufrag == player.agent.local.ufrag:
            self._say(end, None)

    def _end(self, player: Player) -> _End:
        assert self._ends
        return next(end for end in self._ends if end.player is player)

    def _peer(self, end: _End) -> _End:
        assert self._ends
        return self._ends[end is self._ends[0]]

    def _offer(self, end: _End) -> None:
        end.offered = end.player.agent.local.ufrag
        self._say(end, Description(end.player.agent.local))

    def _say(self, end: _End, message: Message) -> None:
        peer = self._peer(end)
        if self.cut:
            self._held.append((peer, message))
        else:
            self._world.push(self._world.now + self._delay, self._arrive, peer, message)

    def _unmute(self, _: None, __: None) -> None:
        self._mutes -= 1
        while self._held and not self.cut:
            self._world.push(self._world.now + self._delay, self._arrive, *self._held.popleft())

    def _arrive(self, end: _End, message: Message) -> None:
        if self.cut:
            self._held.append((end, message))
            return
        player, now = end.player, self._world.now
        if isinstance(message, Description):
            self._described(end, message)
        else:
            if message:
                self._welcomed(player, message)
            player.agent.add_remote_candidate(message, now)
        player.take()

    def _described(self, end: _End, said: Description) -> None:
        agent, now = end.player.agent, self._world.now
        if said.answers is not None:
            if said.answers == end.offered:
                end.offered, end.described = None, True
                agent.set_remote(said.credentials, now)
            return
        if end.offered:
            if not end.polite:
                return  # the peer takes its own back
            agent.abort_restart(now)
            end.offered = None
        end.described = True
        agent.set_remote(said.credentials, now)
        agent.gather(now)
        self._say(end, Description(agent.local, said.credentials.ufrag))


@dataclass(eq=False)
class _End:
    player: Player
    polite: bool
    offered: str | None = None
    """The fragment of our offer that has no answer yet."""
    described: bool = False
