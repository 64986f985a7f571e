"""Facts about relays (TURN, RFC 8656) and about what an application is configured to use. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What happens on the way to a relayed byte, in this order."""

    NAME = "name"
    """DNS."""
    CONNECT = "connect"
    """TCP; for UDP, that anything answers."""
    TLS = "tls"
    ALLOCATE = "allocate"
    PERMISSION = "permission"
    ECHO = "echo"
    """A packet through the relay and back."""


@dataclass(frozen=True)
class RelayTried:
    """One step towards a relay, done or not. `code` is the STUN error code, `problem` says more.

    `problem` for TLS: `expired`, `not-yet-valid`, `wrong-name`, `untrusted`, else the library's words. Elsewhere, and
    without a code: `timeout`, `refused`, `closed`, `garbled` (not TURN), `no address` (of a name), else the system's.
    """

    at: float
    url: str
    step: Step
    ok: bool
    seconds: float
    code: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class RelayRoundTrip:
    """A byte went through the relay and came back in `seconds`; `direct` is the round trip to the server itself."""

    at: float
    url: str
    seconds: float
    direct: float | None


@dataclass(frozen=True)
class ServerClock:
    """A server said what time it is (HTTP's Date, or the certificate's): `ahead` seconds before our clock."""

    at: float
    url: str
    ahead: float


@dataclass(frozen=True)
class IceServersRead:
    """What an application gives to RTCPeerConnection. `path` of the file; the URLs in their order."""

    at: float
    path: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class IceServerMistake:
    """Something wrong in that file that can be seen without asking anybody. `entry` counts from 0; `url` may be empty.

    `mistake`: `bad-url`, `no-credential`, `expired-credential`, `not-an-object`, `unknown-key`.
    """

    at: float
    path: str
    entry: int
    url: str
    mistake: str
    detail: str
