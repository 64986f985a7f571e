"""Addresses, interfaces, and the one rule that says which sources are foreign. Pure.

Linux lets a socket that is bound to one interface's address send through another (the weak host model of RFC 1122,
section 3.3.4.2). The packet then leaves with a source that is no address of the interface it leaves by: a foreign
source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class InterfaceAddress:
    """An address and the interface that has it; `prefix` is the length of its subnet's prefix."""

    interface: str
    address: Address
    prefix: int


def is_foreign(source: Address, own: Collection[Address]) -> bool:
    """Whether a packet with this source is foreign to an interface whose addresses are `own`.

    Not foreign: the unspecified address, with which a host learns its own (RFC 1122, section 3.2.1.3; RFC 4862, section
    5.4), and IPv6 link-local addresses, which no router forwards (RFC 4291, section 2.5.6).
    """
    if source.is_unspecified or (source.version == 6 and source.is_link_local):
        return False
    return source not in own


def own(addresses: Iterable[InterfaceAddress], interface: str) -> frozenset[Address]:
    """The addresses of one interface."""
    return frozenset(each.address for each in addresses if each.interface == interface)


def foreign_to(egress: str, addresses: Collection[InterfaceAddress]) -> tuple[InterfaceAddress, ...]:
    """Those of a host's addresses that are foreign to its interface `egress`; not loopback, which never leaves."""
    mine = own(addresses, egress)
    return tuple(
        each
        for each in addresses
        if each.interface != egress and not each.address.is_loopback and is_foreign(each.address, mine)
    )
