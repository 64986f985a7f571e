"""An address and a port, and how they are written. Pure."""

from __future__ import annotations

from ipaddress import ip_address

Endpoint = tuple[str, int]
"""Address and port."""


def written(endpoint: Endpoint) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{endpoint[0]}]:{endpoint[1]}" if ":" in endpoint[0] else f"{endpoint[0]}:{endpoint[1]}"


def endpoint(text: str) -> Endpoint:
    """Read what `written` writes. Raises ValueError for anything but an address and a port."""
    address, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise ValueError(f"no port in {text!r}: write ADDRESS:PORT")
    return str(ip_address(address.removeprefix("[").removesuffix("]"))), int(port)
