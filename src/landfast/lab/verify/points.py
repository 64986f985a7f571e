"""Plan → hops: for each router, who can ask through it and who can answer on its other side. Pure.

A router is verified by itself, whatever stands above and below it:

    inside ── lan [router] wan ── outside
    a host, or the router below,                   the router above with its LAN's and its own address,
    with the address that it was given             or, below the internet, `server` with its two
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from landfast.lab.network import INTERNET, SERVER, Link, Router
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6, Plan, Routing


@dataclass(frozen=True)
class Point:
    """A subscriber of a router (or of the internet): a host's interface, or the router below it."""

    place: str
    interface: str
    via: str
    address: IPv4Address
    address6: IPv6Address | None
    link: Link
    routes: bool
    """A router: what it sends itself would meet its own translation."""


@dataclass(frozen=True)
class Way:
    """What the cables between two points are declared to do, one way. Times in seconds."""

    delay: float = 0
    """The longest."""
    loss: float = 0
    overtaken: float = 0
    """By how much a later packet may come earlier."""

    def __add__(self, other: Way) -> Way:
        lost = 1 - (1 - self.loss) * (1 - other.loss)
        return Way(self.delay + other.delay, lost, self.overtaken + other.overtaken)


def way(*links: Link) -> Way:
    """Cables one after the other."""
    whole = Way()
    for link in links:
        longest = (link.delay_ms + link.jitter_ms) / 1000
        whole += Way(longest, link.loss, longest if link.reorder else 0)
    return whole


@dataclass(frozen=True)
class Outside:
    """Who answers: a place, two IPv4 addresses of it, and an IPv6 address where it has one."""

    place: str
    addresses: tuple[str, str]
    address6: str | None

    @property
    def all(self) -> list[str]:
        """Every address."""
        return [*self.addresses, self.address6] if self.address6 else [*self.addresses]


THE_SERVER = Outside(SERVER, (str(SERVER_ADDRESSES[0]), str(SERVER_ADDRESSES[1])), str(SERVER_ADDRESSES6[0]))


@dataclass(frozen=True)
class Hop:
    """A router, those who ask through it, and who answers."""

    name: str
    router: Router
    routing: Routing
    subscribers: tuple[Point, ...]
    """The first asks most; hosts come before routers."""
    outside: Outside
    gives6: bool
    """Whether this router and all above it have IPv6."""

    @property
    def inside(self) -> Point | None:
        """Who asks; None when nobody is behind the router."""
        return self.subscribers[0] if self.subscribers else None


def way_of(plan: Plan, point: Point) -> Way:
    """From a subscriber to the one who answers on the other side of the router that it is behind."""
    return way(point.link) if point.via == INTERNET else way(point.link, plan.network.routers[point.via].link)


# How many sockets one point needs at most: a deep verification opens 50, on a lossy way some more.
_PORTS = 250


def first_port(plan: Plan, point: Point) -> int:
    """Where the ports of our sockets begin: apart from the router's block, inside which a port would be kept.

    Each point has its own: a router's sockets have the address that it gives others, and all foreign sources the same.
    """
    router = plan.network.routers.get(point.via)
    low, high = router.nat.block if router and router.nat and router.nat.block else (0, 0)
    first = next((first for first in (20000, 30000, 40000, 50000) if first > high or first + 5000 < low), 20000)
    return first + _PORTS * (points(plan).index(point) % (5000 // _PORTS))


def outside_of(plan: Plan, via: str) -> Outside:
    """Who answers beyond a router: what is above it. On the internet there is only the server."""
    above = INTERNET if via == INTERNET else plan.network.routers[via].via
    if above == INTERNET:
        return THE_SERVER
    upper = plan.routings[above]
    six = str(upper.lan6[1]) if upper.lan6 else None
    return Outside(above, (str(upper.gateway), str(upper.pool[0])), six)


def points(plan: Plan) -> list[Point]:
    """Everybody who was given an address, hosts first."""
    found = []
    for at in plan.attachments:
        link = plan.network.hosts[at.host].interfaces[at.interface].link
        six = at.address6.ip if at.address6 else None
        found.append(Point(at.host, at.interface, at.via, at.address.ip, six, link, routes=False))
    for name, routing in plan.routings.items():
        router = routing.router
        found.append(Point(name, "wan", router.via, routing.pool[0], routing.wan6, router.link, routes=True))
    return found


def hops(plan: Plan) -> list[Hop]:
    """Every router of the plan."""
    everybody = points(plan)
    return [
        Hop(
            name,
            routing.router,
            routing,
            tuple(point for point in everybody if point.via == name),
            outside_of(plan, name),
            plan.network.has_ipv6(name),
        )
        for name, routing in plan.routings.items()
    ]
