"""What the two sides say to each other: numbered packets both ways, and when the last one arrived. Pure.

A packet is 60 bytes, a control message's; its first byte is RTP's, so that it is neither STUN nor DTLS.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from landfast.lab.sim.world import World
from landfast.trials.campaign.history import Name, Traffic, other
from landfast.trials.campaign.player import Player

_PADDING = bytes(54)
_MARKS: dict[Name, bytes] = {"robot": b"\x80r", "operator": b"\x80o"}
"""How a packet of each side's begins."""
_HEARD = {name: _MARKS[other(name)] for name in _MARKS}


@dataclass
class Ear:
    """What one side has heard of the other."""

    last: float = float("-inf")
    count: int = 0
    newest: int = -1
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Silences of more than a second: when data came again, and how long there was none."""

    def hear(self, data: bytes, now: float) -> None:
        """A packet arrived."""
        number = _number(data)
        if number <= self.newest:
            return  # a copy, or late
        if self.count and now - self.last > 1.0:
            self.gaps.append((now, now - self.last))
        self.last, self.newest = now, number
        self.count += 1


class Application:
    """Speaks until the world ends."""

    def __init__(self, world: World, traffic: Traffic, players: dict[Name, Player]) -> None:
        self.ears: dict[Name, Ear] = {name: Ear() for name in players}
        self._world, self._players = world, players
        self._every, self._together = traffic.every, traffic.together
        self._times: list[float] = []
        self.stopped = False

    def begin(self) -> None:
        """The two are not in step."""
        for place, name in enumerate(self._players):
            self._world.push(self._world.now + 0.37 * place * self._every, self._speak, name, None)

    def heard(self, name: Name, data: bytes) -> bool:
        """A side's agent delivered a packet. What is none of ours is nothing; whether it was one of ours."""
        ours = data[:2] == _HEARD[name] and len(data) == len(_PADDING) + 6
        if ours:
            self.ears[name].hear(data, self._world.now)
        return ours

    def said(self, data: bytes) -> float:
        """When a packet of ours was said: a stream to a relay may hold it for long."""
        return self._times[number] if (number := _number(data)) < len(self._times) else self._world.now

    def _speak(self, name: Name, _: None) -> None:
        if self.stopped:
            return
        player = self._players[name]
        for _each in range(self._together):
            player.send(_MARKS[name] + len(self._times).to_bytes(4, "big") + _PADDING)
            self._times.append(self._world.now)
        self._world.push(self._world.now + self._every, self._speak, name, None)


def _number(data: bytes) -> int:
    return int.from_bytes(data[2:6], "big")
