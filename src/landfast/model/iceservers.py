"""STUN and TURN servers as applications name them (RFC 7064, RFC 7065; W3C RTCIceServer). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Transport = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True)
class StunServer:
    """`stun:HOST:PORT`; the host is a name or an address."""

    host: str
    port: int = 3478

    @property
    def url(self) -> str:
        """As RFC 7064 writes it."""
        return f"stun:{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True)
class TurnServer:
    """`turn:HOST:PORT?transport=udp|tcp`, `turns:HOST:PORT` (tls), with a credential."""

    host: str
    port: int
    transport: Transport
    username: str
    password: str

    @property
    def url(self) -> str:
        """As RFC 7065 writes it, without the credential."""
        if self.transport == "tls":
            return f"turns:{_bracketed(self.host)}:{self.port}?transport=tcp"
        return f"turn:{_bracketed(self.host)}:{self.port}?transport={self.transport}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
