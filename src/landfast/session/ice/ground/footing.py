"""What all relays of one ground share. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landfast.model.facts import Endpoint
from landfast.session.ice.ground.budgets import Budgets
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.releases import Releases
from landfast.session.ice.ground.said import Said
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.sockets import Sockets
from landfast.session.ice.settings import Settings


@dataclass(frozen=True)
class Footing:
    """`draw(n)` gives n random bytes; `tell` takes what the agent shall know."""

    settings: Settings
    draw: Callable[[int], bytes]
    sockets: Sockets
    candidates: Candidates
    budgets: Budgets
    releases: Releases
    welcomed: dict[Endpoint, None]
    ticketless: set[Server]
    """Those that gave no ticket when they were asked for one: to ask again costs a round trip (405)."""
    tell: Callable[[Said], None]
