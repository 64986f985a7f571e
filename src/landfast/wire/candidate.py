"""The line of a candidate (RFC 8839, section 5.1), as SDP and RTCIceCandidate carry it. Pure.

The grammar is aioice's; the extension `ufrag` (RFC 8838, section 8.3), which it drops, is read and written here, and
what it lets pass is looked at. Names instead of addresses (mDNS) and candidates of TCP are read as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aioice import Candidate as Grammar

from landfast.model.facts import Endpoint

_TYPES = ("host", "srflx", "prflx", "relay")
_FOUNDATION = re.compile(r"[!-~]{1,64}")  # ice-chars, RFC 8839, section 5.1; but nothing depends on them
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839, section 5.4
_HOST = re.compile(r"[0-9A-Za-z.:_-]{1,255}")  # an address, or a name


@dataclass(frozen=True)
class Line:
    """What stands in it. `endpoint` may have a name where the address should be."""

    foundation: str
    component: int
    transport: str
    priority: int
    endpoint: Endpoint
    type: str
    related: Endpoint | None = None
    tcp_type: str | None = None
    ufrag: str | None = None


def parse(text: str) -> Line:
    """Read a line, with or without `a=` and `candidate:` before it. Raises ValueError in a sentence."""
    body = text.strip().removeprefix("a=").removeprefix("candidate:")
    words = body.split()
    try:
        read = Grammar.from_sdp(body)
    except ValueError as why:
        raise ValueError(f"no candidate: {_quoted(text)}") from why
    wrong = [
        what
        for what, right in (
            ("foundation", _FOUNDATION.fullmatch(read.foundation)),
            ("component", 1 <= read.component <= 256),
            ("priority", 0 <= read.priority < 1 << 32),
            ("address", _HOST.fullmatch(read.host)),
            ("port", 0 <= read.port < 1 << 16),
            ("type", words[6] == "typ" and read.type in _TYPES),
            ("related port", read.related_port is None or 0 <= read.related_port < 1 << 16),
        )
        if not right
    ]
    if wrong:
        raise ValueError(f"a candidate whose {' and '.join(wrong)} cannot be: {_quoted(text)}")
    related = None
    if read.related_address is not None and read.related_port is not None:
        related = (read.related_address, read.related_port)
    extensions = dict(zip(words[8::2], words[9::2], strict=False))
    ufrag = extensions.get("ufrag", "")
    return Line(
        foundation=read.foundation,
        component=read.component,
        transport=read.transport.lower(),
        priority=read.priority,
        endpoint=(read.host, read.port),
        type=read.type,
        related=related,
        tcp_type=read.tcptype,
        ufrag=ufrag if _UFRAG.fullmatch(ufrag) else None,
    )


def written(line: Line) -> str:
    """The line, without `candidate:`."""
    grammar = Grammar(
        foundation=line.foundation,
        component=line.component,
        transport=line.transport,
        priority=line.priority,
        host=line.endpoint[0],
        port=line.endpoint[1],
        type=line.type,
        related_address=line.related[0] if line.related else None,
        related_port=line.related[1] if line.related else None,
        tcptype=line.tcp_type,
    )
    return grammar.to_sdp() + (f" ufrag {line.ufrag}" if line.ufrag else "")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
