"""The username fragment and password of a generation (RFC 8445, section 5.3): who knows them is the peer. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839, section 5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Raises ValueError for what RFC 8839 does not allow."""

    ufrag: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _UFRAG.fullmatch(self.ufrag):
            raise ValueError("an ICE fragment is 4 to 256 letters, digits, + or /")
        if not _PASSWORD.fullmatch(self.password):
            raise ValueError("an ICE password is 22 to 256 letters, digits, + or /")


def drawn(draw: Callable[[int], bytes]) -> Credentials:
    """New ones: 24 and 144 random bits; 24 and 128 are asked for."""
    return Credentials(base64.b64encode(draw(3)).decode(), base64.b64encode(draw(18)).decode())
