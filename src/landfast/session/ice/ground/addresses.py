"""This host's addresses, as the policy of its owner allows them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address


@dataclass(frozen=True)
class Address:
    """One that a socket may be bound to. Raises ValueError for what is no address."""

    address: str
    interface: str = ""
    preference: int | None = None
    """The local preference of its candidates, 0 to 65535, instead of its place in the order."""

    def __post_init__(self) -> None:
        if canonical(self.address) is None:
            raise ValueError(f"{self.address!r} is no address")

    @property
    def family(self) -> int:
        """4 or 6."""
        return family(self.address)


@lru_cache(1 << 12)
def canonical(text: str) -> str | None:
    """An address as the STUN codec writes it; None for what is none, as a name."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def is_loopback(address: str) -> bool:
    """Whether it means the host that reads it, whoever wrote it."""
    return ip_address(address).is_loopback


def family(address: str) -> int:
    """4 or 6, of an address in text."""
    return 6 if ":" in address else 4
