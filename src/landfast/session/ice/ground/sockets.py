"""Every socket that is held: each was asked for by one Open and ends with one Close, whatever happens to it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landfast.model.facts import Endpoint
from landfast.session.ice.events import Close, Command, Open, Socket, Transmit, Transport


@dataclass(eq=False, slots=True)
class Held:
    """One of them. `address`: what it was to be bound to; `bound`: what it is bound to, None while it is not open."""

    socket: Socket
    transport: Transport
    since: float
    address: str | None
    remote: Endpoint | None
    bound: Endpoint | None = None
    closed: bool = False

    @property
    def open(self) -> bool:
        """Whether it carries bytes."""
        return self.bound is not None and not self.closed

    @property
    def source(self) -> str | None:
        """The address that its packets leave with; None while it is not open."""
        return self.bound and self.bound[0]

    @property
    def stream(self) -> bool:
        """Whether it is a connection."""
        return self.transport is not Transport.UDP


class Sockets:
    """All of them. `tell` takes what the owner shall do."""

    def __init__(self, tell: Callable[[Command], None]) -> None:
        self._tell = tell
        self._held: dict[Socket, Held] = {}
        self._last = 0

    def open(
        self,
        transport: Transport,
        now: float,
        *,
        local: str | None = None,
        remote: Endpoint | None = None,
        name: str | None = None,
    ) -> Held:
        """One more, under a number that no other had."""
        self._last += 1
        held = self._held[self._last] = Held(self._last, transport, now, local, remote)
        self._tell(Open(held.socket, transport, local, remote, name))
        return held

    def get(self, socket: Socket) -> Held | None:
        """None when it is not held, or not any more."""
        return self._held.get(socket)

    def opened(self, socket: Socket, bound: Endpoint) -> Held | None:
        """The owner has opened it; None when that is no news."""
        held = self._held.get(socket)
        if held is None or held.bound is not None:
            return None
        held.bound = bound
        return held

    def send(self, held: Held, data: bytes, remote: Endpoint | None = None) -> None:
        """What goes by a socket that is not open is dropped."""
        to = remote or held.remote
        if held.open and to:
            self._tell(Transmit(held.socket, data, to))

    def close(self, held: Held) -> None:
        """Harmless when it is closed."""
        if not held.closed:
            held.closed = True
            del self._held[held.socket]
            self._tell(Close(held.socket))
