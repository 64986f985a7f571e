"""The life of an allocation, as a table. Pure.

Capitals are what its owner wishes; a server's answer or the clock does the rest. Only the server's word or the clock
ends an allocation that stands: a refresh that nobody answers is asked again until the lifetime is over.

    idle ─ALLOCATE→ allocating ─granted→ standing ⇄ moving (RFC 8016: the same allocation from another 5-tuple)
                        │                   │          │
                        └───────CLOSE───────┴──CLOSE───┴→ closing ─released→ ended
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an allocation is."""

    IDLE = "idle"
    ALLOCATING = "allocating"
    STANDING = "standing"
    MOVING = "moving"
    CLOSING = "closing"
    ENDED = "ended"


class Step(Enum):
    """What happens to it."""

    ALLOCATE = "allocate"
    MOVE = "move"
    CLOSE = "close"
    GRANTED = "granted"
    MOVED = "moved"
    RELEASED = "released"
    REFUSED = "refused"
    """The server will not do what this state is about."""
    UNANSWERED = "unanswered"
    """Nor does it say so."""
    GONE = "gone"
    """The server knows no allocation here (437)."""
    EXPIRED = "expired"
    """Its lifetime is over."""
    LOST = "lost"
    """The connection to the server is gone, or carries something else than TURN."""


TABLE: dict[tuple[State, Step], State] = {
    (State.IDLE, Step.ALLOCATE): State.ALLOCATING,
    (State.IDLE, Step.CLOSE): State.ENDED,
    (State.IDLE, Step.LOST): State.ENDED,
    (State.ALLOCATING, Step.GRANTED): State.STANDING,
    (State.ALLOCATING, Step.REFUSED): State.ENDED,
    (State.ALLOCATING, Step.UNANSWERED): State.ENDED,
    (State.ALLOCATING, Step.CLOSE): State.CLOSING,  # the server may have granted it already
    (State.ALLOCATING, Step.LOST): State.ENDED,
    (State.STANDING, Step.MOVE): State.MOVING,
    (State.STANDING, Step.CLOSE): State.CLOSING,
    (State.STANDING, Step.GONE): State.ENDED,
    (State.STANDING, Step.EXPIRED): State.ENDED,
    (State.STANDING, Step.LOST): State.ENDED,
    (State.MOVING, Step.MOVE): State.MOVING,  # to yet another 5-tuple
    (State.MOVING, Step.MOVED): State.STANDING,
    (State.MOVING, Step.REFUSED): State.STANDING,  # where it was
    (State.MOVING, Step.UNANSWERED): State.STANDING,
    (State.MOVING, Step.CLOSE): State.CLOSING,
    (State.MOVING, Step.GONE): State.ENDED,
    (State.MOVING, Step.EXPIRED): State.ENDED,
    (State.MOVING, Step.LOST): State.ENDED,
    (State.CLOSING, Step.RELEASED): State.ENDED,
    (State.CLOSING, Step.REFUSED): State.ENDED,
    (State.CLOSING, Step.UNANSWERED): State.ENDED,
    (State.CLOSING, Step.GONE): State.ENDED,
    (State.CLOSING, Step.EXPIRED): State.ENDED,
    (State.CLOSING, Step.LOST): State.ENDED,
}
"""What is not here cannot happen in that state."""
