"""STUN and TURN servers as applications name them: W3C's RTCIceServer with the URLs of RFC 7064 and RFC 7065. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from landfast.errors import RequestError
from landfast.session.ice.events import Transport
from landfast.wire.iceservers import read_url
from landfast.wire.turn import Credential


@dataclass(frozen=True)
class Server:
    """One server, by one transport."""

    url: str
    """As the user wrote it."""
    kind: Literal["stun", "turn"]
    host: str
    """A name, or an address without brackets."""
    port: int
    transport: Transport = Transport.UDP
    credential: Credential | None = None
    """Of a TURN server."""


def read_servers(urls: str | Iterable[str], username: str | None = None, credential: str | None = None) -> list[Server]:
    """The servers of one RTCIceServer. A `stuns:` URL gives none: nothing here speaks STUN over TLS.

    Raises RequestError that names the URL and what is wrong with it.
    """
    listed = [urls] if isinstance(urls, str) else urls
    return [server for url in listed for server in _read(url, username, credential)]


def _read(url: str, username: str | None, credential: str | None) -> Iterable[Server]:
    try:
        scheme, host, port, transport = read_url(url)
    except ValueError as problem:
        raise RequestError(f"ICE server {url!r}: {problem}") from None
    if scheme == "stun":
        yield Server(url, "stun", host, port)
    if scheme.startswith("stun"):
        return
    if not username or not credential:
        missing = "credential" if username else "username"
        raise RequestError(f"ICE server {url!r}: a TURN server needs a username and a credential, {missing} is missing")
    try:
        user = Credential(username, credential)
    except ValueError as problem:
        raise RequestError(f"ICE server {url!r}: {problem}") from None
    yield Server(url, "turn", host, port, Transport(transport), user)
