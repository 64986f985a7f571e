"""While there is no way to the peer: when relays are asked whether they stand, and those that do not are tried. Pure.

Where there is one, its silence raises the question. But of a peer that was never heard nothing is missed, and a relay
on which consent has ended is asked nothing, though the peer may find us there by another socket of its own. A NAT may
have changed our address since a relay was made, and what a server said may have been lost.
"""

from __future__ import annotations

_EVERY = 5.0  # seconds: as of relays that are not in use, in a silence (roaming.py)
_FOR = 330.0  # seconds: as long as checks go on (generation.py)


class Seeking:
    """Of one ground. `deadline` is when relays are to be asked; None while there is nothing to seek."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self._until = 0.0

    def begin(self, now: float) -> None:
        """There is a peer, and no way to it."""
        self.deadline, self._until = now + _EVERY, now + _FOR

    def end(self) -> None:
        """There is one, or nobody wants any."""
        self.deadline = None

    def due(self, now: float) -> bool:
        """Whether relays are to be asked now; when True, they are."""
        if self.deadline is None or now < self.deadline:
            return False
        self.deadline = now + _EVERY if now < self._until else None
        return True
