"""TLS that goes on where an earlier connection to the same server was (RFC 5077; RFC 8446, section 2.2).

coturn 4.6 speaks no newer TLS than 1.2, where that saves one of two round trips, each time that a relay is lost. With
TLS 1.3 it saves the certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import cast

from landfast.model.facts import Endpoint

_Server = tuple[str, Endpoint]
"""By the name that its certificate was checked for, too: who goes on is not shown another one."""


class Tickets:
    """Of the connections of one session, the newest of each server. `tls` gives the context of all of them."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self._newest: dict[_Server, ssl.SSLSession] = {}

    def context(self, name: str, remote: Endpoint) -> ssl.SSLContext:
        """What asyncio makes a connection to this server with. Raises OSError as `tls` does."""
        going_on = _GoingOn(self._tls(), self._newest.get((name, remote)))
        return cast("ssl.SSLContext", going_on)  # asyncio wants nothing else of it, and has no argument for a session

    def keep(self, name: str, remote: Endpoint, made: ssl.SSLObject) -> None:
        """The server has said something by this connection: with TLS 1.3 there is no ticket before."""
        if made.session and made.session.has_ticket:
            self._newest[name, remote] = made.session


class _GoingOn:
    """A context whose connections begin with the ticket of another one. A server that does not know it any more makes
    a whole handshake of it."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        self._context, self._session = context, session

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
    ) -> ssl.SSLObject:
        return self._context.wrap_bio(incoming, outgoing, server_side, server_hostname, self._session)
