"""How many UDP sessions or mappings a subscriber may hold, as `ruleset._budget` has it counted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from landfast.lab.network import Budget
from landfast.lab.sim.packet import Packet
from landfast.lab.sim.tracking import Flow, Flows


class Meter:
    """Counts for all subscribers of one router. `lives`: seconds until an idle mapping frees its place."""

    def __init__(self, budget: Budget, subscribers: Collection[str], lives: float) -> None:
        self._budget, self._subscribers, self._lives = budget, frozenset(subscribers), lives
        self._ports: defaultdict[str, dict[int, float]] = defaultdict(dict)

    def admits(self, packet: Packet, flow: Flow | None, flows: Flows, now: float) -> bool:
        """Whether a UDP packet may leave; `flow` is its own, None when it begins one."""
        if self._budget.of == "sessions":
            return flow is not None or self.held(packet.source, flows, now) < self._budget.limit
        if packet.source not in self._subscribers:
            return True
        ports = self._ports[packet.source]
        if packet.sport not in ports or ports[packet.sport] <= now:
            ports = self._ports[packet.source] = {port: until for port, until in ports.items() if until > now}
            if len(ports) >= self._budget.limit:
                return False
        ports[packet.sport] = now + self._lives
        return True

    def held(self, subscriber: str, flows: Flows, now: float) -> int:
        """How many of what is counted a subscriber has."""
        if self._budget.of == "sessions":
            return sum(1 for _ in flows.alive(subscriber, now))
        return sum(until > now for until in self._ports[subscriber].values())

    def clear(self) -> None:
        """Forget everything; flows forget by themselves."""
        self._ports.clear()
