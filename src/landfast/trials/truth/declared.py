"""A network's declaration → what is true of it, as finding codes. Pure.

What must be found, and what may be found beside it: consequences, and what nobody can tell through another fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from landfast.diagnose.evidence import is_shared
from landfast.diagnose.rules.lifetimes import SHORT
from landfast.diagnose.rules.quality import SLOW
from landfast.lab.network import Network, Router
from landfast.lab.topology import plan
from landfast.model.nat import Mapping, Pooling

_FULL_LENGTH = 1500  # bytes, of an Ethernet frame's payload

REACHED = 64
"""Mappings. In a full examination lifetimes and the budget of ports share the 256 that doctor allows itself."""


@dataclass(frozen=True)
class Truth:
    """Codes of findings. What is in neither would be wrong."""

    must: frozenset[str]
    may: frozenset[str]


def truth(network: Network) -> Truth:
    """What doctor, asked on the robot with a reflector at hand, must find and may find."""
    must = {code for code, holds in _causes(network) if holds}
    may = {code for code, holds in _permitted(network, must) if holds}
    return Truth(frozenset(must), frozenset(may - must))


def way(network: Network) -> list[Router]:
    """The routers between the robot and the internet, the nearest first."""
    first = next(interface.via for interface in network.hosts["robot"].interfaces.values() if interface.via)
    return [network.routers[name] for name in network.path(first)]


def round_trip_ms(network: Network) -> float:
    """What the cables alone take, there and back, in milliseconds."""
    first = next(interface for interface in network.hosts["robot"].interfaces.values() if interface.via)
    return 2 * (first.link.delay_ms + sum(router.link.delay_ms for router in way(network)))


def _causes(network: Network) -> Iterator[tuple[str, bool]]:
    routers = way(network)
    nats = [router.nat for router in routers if router.nat]
    blocked = any(router.udp != "open" for router in routers)
    yield "source-address-leak", leaks(network)
    yield "cgnat", len(nats) > 1 or any(is_shared(str(lan[1])) for lan in _lans(network))
    yield "rtt-too-high", round_trip_ms(network) > 1000 * SLOW and not blocked
    yield "udp-blocked", blocked
    if blocked:
        return  # nothing else can be asked
    yield "mapping-symmetric", any(nat.mapping is not Mapping.ENDPOINT_INDEPENDENT for nat in nats)
    yield "pool-unpaired", any(nat.pooling is Pooling.ARBITRARY for nat in nats)
    yield "binding-lifetime-short", any(nat.udp_stream_timeout < SHORT for nat in nats)
    yield "binding-lifetime-absolute", any(nat.max_age is not None for nat in nats)
    yield "port-budget-exhausted", any(router.budget and router.budget.limit <= REACHED for router in routers)
    yield "one-way-ipv6", _speaks_ipv6(network) and any(router.ipv6 == "one-way" for router in routers)
    yield "path-mtu-black-hole", any(r.mtu < _FULL_LENGTH and not r.mtu_signalled for r in routers)


def _permitted(network: Network, must: set[str]) -> Iterator[tuple[str, bool]]:
    routers = way(network)
    resets = any(router.gateway and router.gateway.limit and router.gateway.new_address for router in routers)
    yield "public-address-changes-on-webrtc", resets and "source-address-leak" in must
    yield "public-address-unstable", resets and "source-address-leak" in must
    yield "binding-lifetime-short", "binding-lifetime-absolute" in must
    yield "port-budget-exhausted", any(router.budget for router in routers)
    yield "stun-only-configuration", True


def leaks(network: Network) -> bool:
    """Whether a packet of the robot's can leave with a source that its egress does not have, and no rule covers it."""
    robot = network.hosts["robot"]
    if robot.routing == "strong":
        return False
    egress = next(name for name, interface in robot.interfaces.items() if interface.via)
    others = any(name != egress for name in robot.interfaces)
    bare = any(not bridge.masquerade for bridge in robot.bridges.values())
    return others or bare or bool(robot.foreign_ipv6 and _speaks_ipv6(network))


def _speaks_ipv6(network: Network) -> bool:
    routers = way(network)
    return all(router.ipv6 != "off" for router in routers)


def _lans(network: Network) -> list[IPv4Network]:
    """The LANs between the robot and the internet, the robot's own left out."""
    routings = plan(network).routings
    return [routings[name].lan for name, router in network.routers.items() if router in way(network)[1:]]
