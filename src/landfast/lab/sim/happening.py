"""Events: what happens to a network at its time, at the n-th mapping, at the first STUN, or when asked. Pure.

The keeper's part (`lab/keeper.py`) is here for routers; `lab/hosts.py` says what happens to hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from landfast.lab.hosts import Attachments, Change
from landfast.lab.network import ON_HOSTS, Event, Occasion
from landfast.lab.sim.packet import UDP, Packet
from landfast.lab.sim.router import Router

if TYPE_CHECKING:
    from landfast.lab.sim.world import World

# RFC 8489, section 5: the magic cookie that marks a STUN packet.
_COOKIE = b"\x21\x12\xa4\x42"
_OVER = frozenset({Occasion.SUSPEND_RADIO, Occasion.BLOCK_UDP, Occasion.ONE_WAY_IPV6})


class Happening:
    """Lets things happen to a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._attachments = Attachments(world.plan)
        self._inner: dict[str, set[tuple[str, int]]] = {}
        events = world.network.events
        self.waiting = [event for event in events if event.mappings or event.first_stun]
        """Events that wait for a packet."""
        for event in events:
            if event.at is not None:
                world.push(event.at, self._timed, event, None)

    def happen(self, event: Event) -> None:
        """Let an event happen now. Raises ValueError for one that the network cannot have."""
        self._world.network.admits(event)
        if event.what in ON_HOSTS:
            self._to_host(event)
        else:
            self._to_router(self._world.routers[event.on], event)

    def reset(self, router: Router) -> None:
        """The gateway deletes the session: nothing passes, mappings and address are gone, until it stands anew."""
        gateway = router.declared.gateway
        assert gateway
        router.weather.under(Occasion.SUSPEND_RADIO)
        router.become(router.generation, router.addresses + gateway.new_address)
        self._world.push(self._world.now + gateway.outage, self._relieve, router, Occasion.SUSPEND_RADIO)

    def crossed(self, router: Router, packet: Packet) -> None:
        """A packet came from a router's LAN: whether an event was waiting for it."""
        if packet.protocol != UDP:
            return
        inner = self._inner.setdefault(router.name, set())
        inner.add((packet.source, packet.sport))
        stun = packet.data[4:8] == _COOKIE
        due = [e for e in self.waiting if e.on == router.name]
        for event in due:
            if (event.first_stun and stun) or (event.mappings is not None and len(inner) >= event.mappings):
                self.waiting.remove(event)
                self._world.push(self._world.now, self._timed, event, None)

    def _timed(self, event: Event, _: None) -> None:
        self.happen(event)

    def _to_router(self, router: Router, event: Event) -> None:
        if event.what in _OVER:
            router.weather.under(event.what)
            if event.lasts:
                self._world.push(self._world.now + event.lasts, self._relieve, router, event.what)
        else:
            ports, addresses = event.what is Occasion.REBIND_PORT, event.what is Occasion.CHANGE_PUBLIC_ADDRESS
            router.become(router.generation + ports, router.addresses + addresses)

    def _relieve(self, router: Router, what: Occasion) -> None:
        router.weather.relieved(what)

    def _to_host(self, event: Event) -> None:
        change = self._attachments.begin(event)
        self._world.hosts[event.on].become(change.lines.splitlines())
        if event.lasts:
            self._world.push(self._world.now + event.lasts, self._end, event.on, change)

    def _end(self, host: str, change: Change) -> None:
        if lines := self._attachments.end(host, change):
            self._world.hosts[host].become(lines.splitlines())
