"""Interfaces and the ways that packets take. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from landfast.model.address import Address, InterfaceAddress

Family = Literal[4, 6]
"""IPv4 or IPv6."""


@dataclass(frozen=True)
class Interface:
    """A network interface. `up` is its administrative state."""

    name: str
    up: bool
    addresses: tuple[InterfaceAddress, ...]


@dataclass(frozen=True)
class DefaultRoute:
    """One way out. Of several, the kernel takes the lowest metric."""

    interface: str
    family: Family
    metric: int = 0
    gateway: Address | None = None


def ways_out(routes: Collection[DefaultRoute]) -> tuple[str, ...]:
    """The interfaces by which packets leave for anywhere: each family's of the lowest metric, IPv4's first."""
    best: dict[Family, DefaultRoute] = {}
    for route in sorted(routes, key=lambda route: (route.family, route.metric)):
        best.setdefault(route.family, route)
    return tuple(dict.fromkeys(route.interface for route in best.values()))


@dataclass(frozen=True)
class Question:
    """Which interface would a packet to `destination` leave by? With `source`, one from that address, which is ours."""

    destination: Address
    source: Address | None = None


@dataclass(frozen=True)
class Way:
    """How packets leave for anywhere: by this interface and, unless they are bound to another, with this source."""

    interface: str
    source: Address | None


@dataclass(frozen=True)
class Surroundings:
    """What a host has to speak from: its usable addresses, temporary ones first, and its way out for IPv4 and IPv6, as
    all its rules and tables have it (a VPN's too). Without a way out there is none."""

    addresses: tuple[InterfaceAddress, ...] = ()
    ways: tuple[tuple[int, Way], ...] = ()

    @property
    def out(self) -> Mapping[int, Way]:
        """The ways by IP version."""
        return dict(self.ways)
