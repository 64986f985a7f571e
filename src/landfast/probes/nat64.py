"""Whether there is a NAT64 on the way (RFC 7050): a name that has only IPv4 addresses has IPv6 ones here.

The host's own resolver is asked, as applications ask it, by the program `getent` of its C library. `prefixes` is pure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Fact, Nat64Seen
from landfast.probes.questions import Nat64

NAME = "ipv4only.arpa"
WELL_KNOWN = (IPv4Address("192.0.0.170"), IPv4Address("192.0.0.171"))
"""All addresses of that name (RFC 7050, section 2.2)."""
LENGTHS = (32, 40, 48, 56, 64, 96)
"""Of a NAT64's prefix (RFC 6052, section 2.2)."""
_PATIENCE = 2.0  # seconds: the C library asks once more after one (RES_OPTIONS below), and a slow one may answer then


async def ask(host: Host, question: Nat64, tell: Callable[[Fact], None]) -> None:  # noqa: ARG001 - it has no terms
    """Resolve. Nothing is told where there is none, or no answer. Raises CapabilityMissing without `getent`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            said = await host.run(["getent", "ahostsv6", NAME], environment={"RES_OPTIONS": "timeout:1 attempts:2"})
        for prefix in prefixes(addresses(said.stdout)):
            tell(Nat64Seen(clock.monotonic(), str(prefix)))


def addresses(said: str) -> tuple[IPv6Address, ...]:
    """The IPv6 addresses that getent(1) wrote; those that it made of IPv4 ones are none."""
    found: dict[IPv6Address, None] = {}
    for line in said.splitlines():
        with suppress(ValueError):
            address = IPv6Address(line.split(None, 1)[0] if line.strip() else "")
            if address.ipv4_mapped is None:
                found[address] = None
    return tuple(found)


def embedded(prefix: IPv6Network, address: IPv4Address) -> IPv6Address:
    """The IPv6 address that stands for an IPv4 address behind this prefix (RFC 6052, section 2.2): bits 64 to 71 are
    left out, and what follows the IPv4 address is 0."""
    before = prefix.prefixlen // 8
    octets = bytearray(prefix.network_address.packed)
    places = [place for place in range(before, 16) if place != 8 or before > 8][:4]
    for place, octet in zip(places, address.packed, strict=True):
        octets[place] = octet
    return IPv6Address(bytes(octets))


def prefixes(found: Collection[IPv6Address]) -> tuple[IPv6Network, ...]:
    """The prefixes behind which the name's addresses were found, each once.

    No address can be read with two lengths: what follows the IPv4 address is 0, so its last octet, which is not, stands
    where only one length puts it.
    """
    networks = [IPv6Network((address, length), strict=False) for address in found for length in LENGTHS]
    return tuple(
        network
        for network in dict.fromkeys(networks)
        if any(embedded(network, known) == address for known in WELL_KNOWN for address in found)
    )
