"""A flow as connection tracking sees it: the tuple of each direction, and what NAT does between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from landfast.model.address import Address


@dataclass(frozen=True)
class Direction:
    """One direction's tuple. Ports are None for protocols without (ICMP)."""

    source: Address
    destination: Address
    source_port: int | None = None
    destination_port: int | None = None


@dataclass(frozen=True)
class Flow:
    """One entry of connection tracking. `protocol` is a name, or "unknown"; `number` is IANA's."""

    protocol: str
    number: int
    original: Direction
    reply: Direction
    seconds: int | None = None
    """Until it is forgotten; None for a flow that hardware forwards."""
    state: str | None = None
    """Of TCP, SCTP, DCCP."""
    flags: frozenset[str] = frozenset()
    """UNREPLIED, ASSURED, OFFLOAD …"""
    mark: int = 0

    @property
    def source_translated(self) -> bool:
        """Whether NAT gives it another source address: its answers come to another one than it sends from."""
        return self.reply.destination != self.original.source
