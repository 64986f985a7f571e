"""Text that came from a network, a file or a program, made safe to print.

A STUN server's SOFTWARE attribute or a router's name may hold escape sequences that recolour, retitle or overwrite the
reader's terminal, or bidirectional controls that show text in another order than it has.
"""

from __future__ import annotations

# C0 but tab and line feed, DEL, C1 (ECMA-48); bidirectional embeddings, overrides and isolates (Unicode UAX #9).
_CONTROLS = [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}


def printable(text: str) -> str:
    """The text with every control character as a visible escape. For rich's markup, `rich.markup.escape` it too."""
    return text.translate(_ESCAPES)
