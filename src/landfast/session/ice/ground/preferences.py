"""Which of our addresses and relays are the better ones: local preferences (RFC 8445, section 5.1.2.1). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from landfast.session.ice.events import Transport
from landfast.session.ice.ground.addresses import Address

BEST = 65535
"""A local preference has 16 bits."""
_APART = 256  # between two addresses: room for the sockets that one address has in the course of a session
# What a byte costs on its way to the relay: a stream waits for what was lost, and TLS for its handshake.
_RELAYS = {Transport.UDP: BEST, Transport.TCP: 43690, Transport.TLS: 21845}


def ordered(addresses: Sequence[Address]) -> list[Address]:
    """Each family in its order, and after so many of IPv6 as there are for each of IPv4, one of IPv4 (RFC 8421, 4)."""
    fours = [address for address in addresses if address.family == 4]
    sixes = [address for address in addresses if address.family == 6]
    if not fours:
        return sixes
    head = (len(fours) + len(sixes)) // len(fours)
    found: list[Address] = []
    while fours or sixes:
        found += [*sixes[:head], *fours[:1]]
        sixes, fours = sixes[head:], fours[1:]
    return found


def of_addresses(addresses: Sequence[Address]) -> dict[str, int]:
    """The local preference that each address's first socket would have."""
    places = {each.address: place for place, each in enumerate(ordered(addresses))}
    return {
        each.address: max(0, BEST - _APART * places[each.address]) if each.preference is None else each.preference
        for each in addresses
    }


def of_relay(transport: Transport, order: int) -> int:
    """That of a relay. `order`: the place of its server among those that were given, from 0."""
    return max(0, _RELAYS[transport] - _APART * order)
