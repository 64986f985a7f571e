"""What was gathered: our candidates, each with a priority that no other has (RFC 8445, section 5.1.2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Candidate, Type, foundation, priority
from landfast.session.ice.events import Socket
from landfast.session.ice.ground.preferences import BEST

HIDDEN: dict[int, Endpoint] = {4: ("0.0.0.0", 9), 6: ("::", 9)}
"""A related address that is not to be told (RFC 8829, section 4.1.1); 9 is the discard port."""


@dataclass(frozen=True, slots=True)
class _Entry:
    socket: Socket
    server: str
    """The STUN server that told a reflexive one; empty for those that packets leave from."""
    local: int
    candidate: Candidate


class Candidates:
    """All of them, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._bases: dict[Socket, Candidate] = {}

    def all(self) -> list[tuple[Socket, Candidate]]:
        """Each with its socket, or the name of its relay."""
        return [(entry.socket, entry.candidate) for entry in self._entries]

    def base(self, socket: Socket) -> Candidate | None:
        """That which packets leave from."""
        return self._bases.get(socket)

    def add(
        self,
        socket: Socket,
        kind: Type,
        endpoint: Endpoint,
        *,
        wished: int,
        base: str,
        server: str = "",
        host: str = "",
        related: Endpoint | None = None,
        relay: str | None = None,
    ) -> Candidate | None:
        """One more; it takes the place of what the same socket and server gave before. None when it is no news.

        `wished`: the local preference; where another has it, the next lower one is taken. `base` (an address) and
        `host` (the server's) are for the foundation.
        """
        if any(entry.socket == socket and entry.candidate.endpoint == endpoint for entry in self._entries):
            return None
        self._entries = [entry for entry in self._entries if (entry.socket, entry.server) != (socket, server)]
        local = self._free(kind, wished)
        candidate = Candidate(
            kind,
            endpoint,
            priority(kind, local),
            foundation(kind, base, host, relay or "udp"),
            related,
            relay=relay,
        )
        self._entries.append(_Entry(socket, server, local, candidate))
        if not server:
            self._bases[socket] = candidate
        return candidate

    def remove(self, socket: Socket) -> None:
        """Forget all of a socket."""
        self._entries = [entry for entry in self._entries if entry.socket != socket]
        self._bases.pop(socket, None)

    def _free(self, kind: Type, wished: int) -> int:
        taken = {entry.local for entry in self._entries if entry.candidate.type is kind}
        return next(local for local in chain(range(wished, -1, -1), range(BEST, wished, -1)) if local not in taken)
