"""What shall stand of one relay: a client, on a line that may still be opening. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from landfast.session.ice.ground.ahead import Ahead
from landfast.session.ice.ground.sockets import Held
from landfast.wire.turn import Client

_CONNECTING = 10.0
"""Seconds until a connection that is not there is given up: SYNs are sent at 0, 1, 3 and 7 s (RFC 6298)."""
_HURRIED = 3.0
"""The same while the agent waits: then a new one is quicker than the kernel's next SYN, at 7 s."""
_NEXT = 1.0
"""Seconds until the next address of a server is tried that has several."""


@dataclass(eq=False)
class Attempt:
    """One. `until`: when it must have come a step further, if there is such a time."""

    line: Held
    client: Client
    until: float | None = None
    last: bool = True
    """Whether the server has no further address to be tried."""
    hurried: bool = True
    """Whether the agent waits for it."""
    asked: bool = False
    """Whether the line is open and the server is being asked."""
    heard: bool = False
    """Whether anything has come by the line."""
    ahead: Ahead = field(default_factory=Ahead)
    rerouted: bool = False
    """Whether it is for nothing from the address that the relay has."""

    @property
    def unanswered(self) -> bool:
        """Whether the server is asked, and has said nothing yet."""
        return self.asked and not self.heard

    def connects_for_too_long(self, now: float) -> bool:
        """Whether another connection would be quicker."""
        return not self.asked and now > self.line.since + _HURRIED


def connecting(line: Held, client: Client, now: float, *, last: bool, hurried: bool) -> Attempt:
    """One whose line was asked for now."""
    return Attempt(line, client, now + (_CONNECTING if last else _NEXT), last, hurried)
