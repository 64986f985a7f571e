"""Who nominates, and what happens when both or neither believe so (RFC 8445, section 7.3.1.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Conflict(Enum):
    """What to do about a check of a peer that believes to have our role."""

    SWITCH = "switch"
    REFUSE = "refuse"
    """The peer switches, told by 487."""


@dataclass(slots=True)
class Role:
    """Of one generation. `tie_breaker`: 64 random bits, the same for the whole session."""

    controlling: bool
    tie_breaker: int

    def conflict(self, controlling: bool | None, tie_breaker: int) -> Conflict | None:
        """With what a check says of its sender; None where it says nothing or agrees."""
        if controlling is not self.controlling:
            return None
        greater = self.tie_breaker >= tie_breaker
        return Conflict.REFUSE if greater is self.controlling else Conflict.SWITCH
