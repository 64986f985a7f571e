"""What the agent is told of one relay: under which name, with which candidate, and bad news once. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Type
from landfast.session.ice.events import ServerRefused, ServerUnanswered, Socket
from landfast.session.ice.ground.addresses import family
from landfast.session.ice.ground.candidates import HIDDEN, Candidates
from landfast.session.ice.ground.said import Gathered, Lost, Promised, Renewed, Said
from landfast.session.ice.ground.servers import Server

_SILENCE = 0  # among the codes that were told


class Telling:
    """`name` is what the agent knows the relay by, None while it has none; `names` are all that it had.

    `wished`: the local preference of its candidate. `hides`: whether the mapped address may not be told.
    """

    def __init__(
        self, server: Server, wished: int, candidates: Candidates, tell: Callable[[Said], None], *, hides: bool
    ) -> None:
        self.name: Socket | None = None
        self.names: set[Socket] = set()
        self._server, self._wished, self._candidates, self._tell, self._hides = server, wished, candidates, tell, hides
        self._expected = False  # whether the agent knows the name
        self._told: set[int] = set()

    def begins(self, socket: Socket) -> None:
        """It is tried by this socket, which gives the name where there is none."""
        if self.name is None:
            self.name = socket
            self.names.add(socket)

    def promised(self) -> None:
        """The agent waits for it, and wants to know if it fails."""
        self._expected = True

    def stands(self, relayed: Endpoint, mapped: Endpoint | None, since: float = inf) -> None:
        """It can be used, at this address, and checks that were sent since then have left from there."""
        assert self.name is not None
        self._told.clear()
        self._expected = True
        new, hidden = self._candidates.base(self.name) is None, HIDDEN[family(relayed[0])]
        candidate = self._candidates.add(
            self.name,
            Type.RELAYED,
            relayed,
            wished=self._wished,
            base=relayed[0],
            host=self._server.host,
            related=hidden if self._hides else mapped or hidden,
            relay=self._server.transport,
        )
        self._tell(Gathered(self.name, candidate) if new and candidate else Renewed(self.name, candidate, since))

    def heard(self) -> None:
        """Its server answers again: what had to wait may be sent."""
        if self.name is not None and self._candidates.base(self.name):
            self._tell(Renewed(self.name, None))

    def promised_another(self) -> None:
        """It may have another address soon, and checks leave from there."""
        if self.name is not None and self._candidates.base(self.name):
            self._tell(Promised(self.name))

    def lost(self, why: str) -> None:
        """It cannot be used; it will be another one that can."""
        if self.name is not None:
            self._candidates.remove(self.name)
            if self._expected:
                self._tell(Lost(self.name, why))
        self.name, self._expected = None, False

    def dropped(self) -> None:
        """The agent does not want it any more."""
        if self.name is not None:
            self._candidates.remove(self.name)

    def refused(self, code: int, reason: str) -> None:
        """A code is news until something is granted."""
        if code not in self._told:
            self._told.add(code)
            self._tell(ServerRefused(self._server.url, code, reason))

    def unanswered(self, why: str) -> None:
        """So is silence."""
        if _SILENCE not in self._told:
            self._told.add(_SILENCE)
            self._tell(ServerUnanswered(self._server.url, why))
