"""The TURN clients of one relay: each is told what those before it have learnt of the server. Pure."""

from __future__ import annotations

from collections.abc import Callable

from landfast.session.ice.events import Transport
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.settings import Settings
from landfast.wire.turn import Client

_LATE = 1.25  # of the shortest round trip: when an answer is late


class Clients:
    """`ticketless`: servers that gave no ticket when they were asked for one; to ask again costs a round trip (405)."""

    def __init__(
        self, server: Server, settings: Settings, draw: Callable[[int], bytes], ticketless: set[Server]
    ) -> None:
        assert server.credential
        self._server, self._credential, self._settings, self._draw = server, server.credential, settings, draw
        self._ticketless = ticketless
        self._stream = server.transport is not Transport.UDP
        self._trip = 0.0  # the shortest, to the server and back

    @property
    def quick(self) -> float:
        """Seconds between two sendings while the agent waits: not before an answer can be there."""
        return max(self._settings.repeat, _LATE * self._trip)

    @property
    def knock(self) -> float:
        """The same for who has no nonce yet, and so asks with the fewest bytes."""
        return max(self._settings.knock, _LATE * self._trip)

    @property
    def calm(self) -> float:
        """The same while it does not."""
        return max(self._settings.repair, self.quick)

    def new(self, known: Client | None, *, hurried: bool, urgent: bool = False) -> Client:
        """Another one. `known`: the client of the allocation that stands. `urgent`: data waits for it."""
        rto = min(self._settings.rto, known.round_trip.rto) if known else self._settings.rto
        # Asked to follow to another stream, coturn 4.6.1 sends eight bytes there that are no message.
        mobile = self._settings.mobility and not self._stream and self._server not in self._ticketless
        client = Client(self._credential, stream=self._stream, mobile=mobile, rto=rto, draw=self._draw)
        client.longest = self.calm if not hurried else self.knock if urgent else self.quick
        return client

    def granted(self, *, mobile: bool) -> None:
        """One has an allocation, with a ticket or without."""
        if not mobile:
            self._ticketless.add(self._server)

    def stands(self, client: Client) -> None:
        """One has an allocation that can be used: nobody waits any more."""
        client.longest = float("inf")
        self._trip = client.round_trip.least or self._trip
