"""What outlives a generation: the peer's rhythm, and what strangers have cost. Pure."""

from __future__ import annotations

from collections.abc import Callable

from landfast.session.ice.hints import Hints
from landfast.session.ice.rhythm import Rhythm
from landfast.session.ice.settings import Settings


class Lasting:
    """Of one session. `draw(n)` gives n random bytes."""

    def __init__(self, settings: Settings, draw: Callable[[int], bytes]) -> None:
        self.settings, self.draw = settings, draw
        self.rhythm = Rhythm(settings.suspicion)
        self.hints = Hints(settings)
        """The budget of checks to mere strangers."""
        self.guests = Hints(settings)
        """And to addresses from which a signed check came: strangers cannot use it up."""
