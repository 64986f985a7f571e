"""Facts about the host itself: its interfaces, its ways out, which of its sources can leave where. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class InterfaceSeen:
    """An interface and its addresses, written ADDRESS/PREFIX."""

    at: float
    interface: str
    up: bool
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class DefaultRouteSeen:
    """A way out. Of several, the kernel takes the lowest metric."""

    at: float
    interface: str
    family: Literal[4, 6]
    metric: int
    gateway: str | None


@dataclass(frozen=True)
class ForeignSourcePossible:
    """A route lookup: a packet from `source`, an address of `interface`, leaves by `egress`, which does not have it.

    `covered_by`: the rule in force that keeps it from leaving so; None when there is none; `rules_known` is False where
    the host does not let its rules be read.
    """

    at: float
    source: str
    interface: str
    egress: str
    covered_by: str | None
    rules_known: bool


@dataclass(frozen=True)
class ForeignSourceTried:
    """Packets were sent from `source`, and `left` of them were seen leaving `egress` with it. None: no capture here."""

    at: float
    source: str
    egress: str
    sent: int
    left: int | None


@dataclass(frozen=True)
class Gathered:
    """A real ICE agent gathered its candidates. `foreign`: packets that left with a foreign source meanwhile."""

    at: float
    stack: str
    seconds: float
    candidates: int
    foreign: int | None


@dataclass(frozen=True)
class Confined:
    """This is a container or namespace without the host's own network: what is seen is its network, not the host's."""

    at: float
    by: str
    """What shows it, in words: `/.dockerenv`."""
