"""Servers that have no room for one more allocation, and when they may be asked again. Pure."""

from __future__ import annotations

from landfast.session.ice.ground.servers import Server
from landfast.wire.turn import Credential

PATIENCE = 60.0
"""Seconds: long enough that asking does not eat what becomes free, and a tenth of the lifetime (RFC 8656, section 3.2)
after which a server gives up an allocation that nobody refreshes."""

_User = tuple[str, Credential | None]


class Budgets:
    """A quota is a user's on a host, whatever the transport (486); so is, as far as can be seen, capacity (508)."""

    def __init__(self) -> None:
        self._until: dict[_User, float] = {}

    def refused(self, server: Server, now: float) -> None:
        """It had no room."""
        self._until[server.host, server.credential] = now + PATIENCE

    def granted(self, server: Server) -> None:
        """It had."""
        self._until.pop((server.host, server.credential), None)

    def until(self, server: Server) -> float:
        """Until when it is not to be asked."""
        return self._until.get((server.host, server.credential), float("-inf"))

    def allows(self, server: Server, now: float) -> bool:
        """Whether an allocation beside those that stand may be asked for."""
        return now >= self.until(server)
