"""What a player still has after its agent has closed, or after a restart: nothing may outlive its owner."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from landfast.lab.sim.relays import Allocation
from landfast.session.ice.events import Event, PairSelected, Why
from landfast.session.ice.machine import State
from landfast.trials.campaign.ledger import Ledger
from landfast.trials.campaign.player import Player

_LINGER = 6.0
"""Seconds after the data has moved to a new generation until the old one is gone; settings.linger has 5."""


class Owned:
    """What generations own; `told` hears the agent."""

    def __init__(self, player: Player, ledger: Ledger) -> None:
        self._player, self._ledger = player, ledger
        self._gone: dict[str, float] = {}

    def told(self, event: Event, now: float) -> None:
        """A restart has led to a pair: what was there before is to end."""
        if isinstance(event, PairSelected) and event.why is Why.RESTARTED:
            selected = self._player.agent.stats(now).selected
            for fragment in self._ledger.own:
                if selected and fragment not in (selected.ufrag, self._player.agent.local.ufrag):
                    self._gone.setdefault(fragment, now + _LINGER)

    def stale(self, now: float) -> Iterator[str]:
        """What is there of generations that are no more."""
        gone = {fragment for fragment, until in self._gone.items() if now >= until}
        if gone and (left := gone & {pair.ufrag for pair in self._player.agent.stats(now).pairs}):
            yield f"pairs of generation {', '.join(sorted(left))}"


def leftovers(player: Player, allocations: AbstractSet[Allocation]) -> Iterator[str]:
    """In words. `allocations`: those that stand, and could have been given back."""
    agent = player.agent
    if agent.state is not State.CLOSED:
        yield f"the agent is {agent.state}"
    if player.sockets:
        yield f"{len(player.sockets)} sockets"
    if player.host.sockets:
        yield f"the host's sockets {list(player.host.sockets)}"
    if agent.local_candidates:
        yield f"{len(agent.local_candidates)} candidates"
    if agent.deadline is not None:
        yield "a timer"
    if allocations:
        yield f"{len(allocations)} allocations"
