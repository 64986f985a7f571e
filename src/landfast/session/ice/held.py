"""Candidates that have overtaken the description they belong to, by its fragment (RFC 8838, section 8.3). Pure."""

from __future__ import annotations

from landfast.session.ice.candidate import Candidate

MOST = 64
"""Held: what a peer trickles in two restarts, and no more than a stranger to signalling may fill."""


class Held:
    """The latest of them."""

    def __init__(self) -> None:
        self._candidates: list[Candidate] = []

    def hold(self, candidate: Candidate) -> None:
        """Nobody knows its fragment yet."""
        self._candidates = [*self._candidates, candidate][-MOST:]

    def take(self, ufrag: str) -> list[Candidate]:
        """The description has come: these are its candidates."""
        taken = [each for each in self._candidates if each.ufrag == ufrag]
        self._candidates = [each for each in self._candidates if each.ufrag != ufrag]
        return taken
