"""Allocations that are being given back: their sockets stay a little, so that a lost request is repeated. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from landfast.model.times import earliest
from landfast.session.ice.ground.sockets import Held, Sockets
from landfast.wire.turn import Client, State, Transmit

PATIENCE = 2.0
"""Seconds: three requests where the round trip is unknown. A server that is silent lets the allocation expire."""


@dataclass
class _Release:
    client: Client
    line: Held
    until: float


class Releases:
    """All that are under way."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._under_way: list[_Release] = []

    def begin(self, client: Client, line: Held, now: float) -> None:
        """Give an allocation back, or what may become one; then close its socket."""
        client.close(now)
        self._under_way.append(_Release(client, line, now + PATIENCE))
        self._settle(now)

    def receive(self, line: Held, data: bytes, now: float) -> None:
        """Whatever came by one of the sockets."""
        for release in self._under_way:
            if release.line is line:
                release.client.receive(data, now)
        self._settle(now)

    def closed(self, line: Held) -> None:
        """One of the sockets is broken."""
        self._under_way = [release for release in self._under_way if release.line is not line]
        self._sockets.close(line)

    def handle_timer(self, now: float) -> None:
        """Repeat what is due, and give up what has had its time."""
        for release in self._under_way:
            release.client.handle_timer(now)
        self._settle(now)

    def close(self) -> None:
        """Close every socket at once."""
        for release in self._under_way:
            self._sockets.close(release.line)
        self._under_way.clear()

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        return earliest(when for each in self._under_way for when in (each.until, each.client.deadline))

    def _settle(self, now: float) -> None:
        for release in list(self._under_way):
            while item := release.client.poll():
                if isinstance(item, Transmit):
                    self._sockets.send(release.line, item.data)
            if release.client.state is State.ENDED or now >= release.until or not release.line.open:
                self._under_way.remove(release)
                self._sockets.close(release.line)
