"""The versions of aiortc whose inside is known here. Pure."""

from __future__ import annotations

from landfast.errors import CapabilityMissing

SUPPORTED = ("1.14", "1.15", "1.16")
"""Releases; any of their fixes. Private parts of aiortc's are overridden, which another release may rename."""


def require(version: str) -> None:
    """Raise CapabilityMissing for another one."""
    if ".".join(version.split(".")[:2]) not in SUPPORTED:
        known = f"aiortc {SUPPORTED[0]} to {SUPPORTED[-1]}"
        raise CapabilityMissing(
            "a known aiortc", known, f"this is {version}, and sessions take the place of its inside"
        )
