"""What stands of one relay: an allocation's client, on a line. Pure.

Either may be missing: a line goes when its address does, and an allocation when the server forgets it. Only one with a
ticket (RFC 8016) is of use without its line.
"""

from __future__ import annotations

from landfast.session.ice.ground.sockets import Held
from landfast.wire.turn import Client

_NEVER = float("-inf")


class Standing:
    """Of one relay."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.line: Held | None = None
        self.mobile = False
        """Whether the allocation has a ticket."""
        self.ever = False
        """Whether anything has stood."""
        self.since = _NEVER
        """When the server last said that it stands, newly made or moved."""
        self.said = _NEVER
        """When something last went by the line."""
        self.doubt: float | None = None
        """Until when a stream must have said something."""
        self.rerouted: float | None = None
        """Since when an answer may not find a line that is older: the host's addresses have changed."""

    @property
    def is_whole(self) -> bool:
        """Whether there are both."""
        return self.client is not None and self.line is not None

    @property
    def movable(self) -> bool:
        """Whether there is an allocation that another line can take over, which needs no room on the server."""
        return self.client is not None and self.mobile

    @property
    def is_kept(self) -> bool:
        """Whether a NAT may forget it while it is at rest; a stream's binding lives for hours (RFC 5382, section 5)."""
        return self.client is not None and self.line is not None and not self.line.stream

    def is_older(self, line: Held) -> bool:
        """Whether it had its address before the addresses changed."""
        return self.rerouted is not None and line.since < self.rerouted

    def is_answered(self, client: Client) -> bool:
        """Whether a stream that brings something is heard by the server, too: once the addresses have changed, only an
        answer to what was asked since shows that."""
        if self.rerouted is not None and client.answered >= self.rerouted:
            self.rerouted = None
        return self.rerouted is None

    def echo(self, client: Client, now: float) -> None:
        """Ask whether a stream still brings something. Asked once a second, one that is far away would never be late,
        so it has until the first answer is due."""
        client.echo(now)
        if self.doubt is None:
            self.doubt = now + client.round_trip.rto

    def stands(self, now: float) -> None:
        """The server says so."""
        self.ever, self.since, self.said, self.doubt = True, now, now, None

    def takes(self, client: Client, line: Held, *, mobile: bool) -> tuple[Client | None, Held | None]:
        """Another allocation in its place; what stood before."""
        before = self.client, self.line
        self.client, self.line, self.mobile = client, line, mobile
        return before

    def leave(self) -> Held | None:
        """Nothing goes by its line any more; that line, to be closed."""
        line, self.line, self.doubt, self.rerouted = self.line, None, None, None
        if not self.mobile:
            self.client = None
        return line
