"""The releases of aiortc whose inside is known here. Pure."""

from __future__ import annotations

from landfast.errors import CapabilityMissing

SUPPORTED = ("1.16",)
"""With any of their fixes. 1.15 has no iceTransportPolicy; another may call its private parts, some of which are
overridden, by other names."""


def require(version: str) -> None:
    """Raise CapabilityMissing for another one."""
    if ".".join(version.split(".")[:2]) not in SUPPORTED:
        known = f"aiortc {', '.join(SUPPORTED)}"
        raise CapabilityMissing(
            "a known aiortc", known, f"this is {version}, and sessions take the place of its inside"
        )
