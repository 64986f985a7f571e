"""How many UDP sessions or mappings a subscriber may hold, as `ruleset._budget` has it counted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from landfast.lab.network import Budget
from landfast.lab.sim.packet import Key, Packet
from landfast.lab.sim.tracking import Flow, Flows

_SWEEP = 1.0  # nft_set_gc_interval


class Meter:
    """Counts for all subscribers of one router. `lives`: seconds until an idle mapping frees its place."""

    def __init__(self, budget: Budget, subscribers: Collection[str], lives: float) -> None:
        self._budget, self._subscribers, self._lives = budget, frozenset(subscribers), lives
        self._ports: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._sessions: defaultdict[str, list[Key]] = defaultdict(list)
        self._swept = 0.0

    def admits(self, packet: Packet, flow: Flow | None, flows: Flows, now: float) -> bool:
        """Whether a UDP packet may leave; `flow` is its own, None when it begins one."""
        if now >= self._swept + _SWEEP:
            self._sweep(flows, now)
        if self._budget.of == "sessions":
            return (flow is not None and flow.replied) or self._listed(packet, flows, now)
        if packet.source not in self._subscribers:
            return True
        ports = self._ports[packet.source]
        if ports.get(packet.sport, 0.0) <= now and len(ports) >= self._budget.limit:
            return False  # those that died keep their places until they are swept away
        ports[packet.sport] = now + self._lives
        return True

    def _listed(self, packet: Packet, flows: Flows, now: float) -> bool:
        """Linux's list (nf_conncount.c) also has those that it refused, until it comes upon them.

        It looks through the list as far as the session that asks, and once a second through all of it: so once one has
        been refused, for a second at most, sessions without an answer may not send again.
        """
        listed = self._sessions[packet.source]
        known = packet.key in listed and flows.find(packet.key, now) is not None
        looked = listed.index(packet.key) if known else len(listed)
        listed[:looked] = [key for key in listed[:looked] if flows.find(key, now)]
        if not known:
            listed.append(packet.key)
        return len(listed) <= self._budget.limit

    def _sweep(self, flows: Flows, now: float) -> None:
        self._swept = now
        for listed in self._sessions.values():
            listed[:] = [key for key in listed if flows.find(key, now)]
        for subscriber, ports in self._ports.items():
            self._ports[subscriber] = {port: until for port, until in ports.items() if until > now}

    def held(self, subscriber: str, flows: Flows, now: float) -> int:
        """How many of what is counted a subscriber has."""
        if self._budget.of == "sessions":
            return sum(1 for key in self._sessions[subscriber] if flows.find(key, now))
        return sum(until > now for until in self._ports[subscriber].values())

    def clear(self) -> None:
        """Forget everything."""
        self._ports.clear()
        self._sessions.clear()
