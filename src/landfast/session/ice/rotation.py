"""Other sockets in the place of one whose consent has ended (RFC 7675, section 5.1), now and then. Pure.

The old way may not be asked again, and a NAT may hold a binding that leads nowhere for as long as it is used. Few are
kept: those before the last may still be heard. What stands in for a socket does not for another, where consent ends
later: that may have another address, or be a relay.
"""

from __future__ import annotations

from landfast.session.ice.events import Socket
from landfast.session.ice.pairs import NEVER
from landfast.session.ice.settings import Settings


class Rotation:
    """Of one session."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last = NEVER  # when another one was due
        self._taken = NEVER  # when one was taken
        self._spares: list[Socket] = []
        self._stands_for: tuple[tuple[Socket, Socket], ...] = ()  # each that was taken, and the first of its row

    def __contains__(self, socket: Socket) -> bool:
        """Whether it stands in for another."""
        return socket in self._spares

    @property
    def deadline(self) -> float:
        """When another one may be taken."""
        return self._last + self._settings.rotate

    def due(self, socket: Socket, now: float, *, gone: bool = False) -> Socket | None:
        """Which socket to replace now, when consent on this one is over; None while it is too early. One that is `gone`
        cannot be replaced: then whichever was taken last."""
        if now < self.deadline:
            return None
        self._last = now
        first = self._first(socket)
        return next((each for each in reversed(self._spares) if gone or self._first(each) == first), socket)

    def replaced(self, new: Socket, used: Socket) -> list[Socket]:
        """There is a new one. Gives those to be dropped: the oldest, but never the one in use."""
        self._taken = self._last
        self._stands_for += ((new, self._first(used)),)
        self._spares.append(new)
        spare = self._spares[: -self._settings.spare]
        self._spares = self._spares[-self._settings.spare :]
        return [each for each in spare if each != used]

    def lost(self, socket: Socket) -> None:
        """It is gone. If it was the newest, which may have been waited for, the next one is counted from when that was
        taken: a relay is asked for up to 40 s, and not to ask any until another ten are over could miss its return."""
        if self._spares[-1:] == [socket]:
            self._last = self._taken
        self._spares = [each for each in self._spares if each != socket]
        self._stands_for = tuple(each for each in self._stands_for if each[0] != socket)

    def _first(self, socket: Socket) -> Socket:
        return dict(self._stands_for).get(socket, socket)
