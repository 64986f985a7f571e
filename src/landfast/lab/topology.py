"""Network → Plan: every address, cable, route and sysctl of a network, as data. Pure.

    internet              lan: 198.51.100.0/24 servers, 203.0.113.0/24 pools, 192.0.2.0/24 public hosts, 2001:db8::/64
      ├── server            198.51.100.5 and .6, so that RFC 5780's two addresses exist
      ├── a router          wan: its pool; lan: its own subnet, one bridge
      │     └── …
      └── a host            directly on the internet

The documentation ranges (RFC 5737, RFC 3849) are used so that nothing here can be taken for somebody's address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from landfast.lab.network import INTERNET, NOWHERE, SERVER, Host, Link, Network, Router

SERVERS = IPv4Network("198.51.100.0/24")
POOLS = IPv4Network("203.0.113.0/24")
PUBLIC = IPv4Network("192.0.2.0/24")
INTERNET6 = IPv6Network("2001:db8::/64")
SERVER_ADDRESSES = (SERVERS[5], SERVERS[6])
SERVER_ADDRESSES6 = (INTERNET6[5], INTERNET6[6])
# 20 addresses in use at most (Nat.pool), and as many again to change to: 40 a router, six routers in POOLS.
POOL_SPAN = 40
_POOLED = tuple(POOLS)
# The first host of a LAN: below are the gateway and the routers behind it, on the internet a few addresses more.
_FIRST_HOST, _FIRST_PUBLIC = 10, 20
# Hosts use the lower half of a /24; from the upper come the addresses that replace theirs.
_LAST_HOST = 127
PLAIN = Link()


@dataclass(frozen=True)
class Cable:
    """A veth pair: (namespace, interface) at both ends, and what it does to packets."""

    near: tuple[str, str]
    far: tuple[str, str]
    link: Link = PLAIN


@dataclass
class Place:
    """One namespace: lines for `ip -batch`, sysctls below net/, and what its router needs to know."""

    name: str
    lines: list[str] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    """Sysctls of interfaces, which exist only once those do."""


@dataclass(frozen=True)
class Routing:
    """What a router's rules need: who it is and who is behind it."""

    name: str
    router: Router
    lan: IPv4Network
    gateway: IPv4Address
    pool: tuple[IPv4Address, ...]
    """External addresses: the first `nat.pool` are in use, the others are what a change takes next."""
    subscribers: tuple[IPv4Address, ...]
    """The addresses that this router gave out."""
    wan6: IPv6Address | None
    lan6: IPv6Network | None
    prefixes6: tuple[IPv6Network, ...]
    """Every IPv6 prefix that it routes inwards, its own LAN's first."""

    def in_use(self, step: int = 0) -> tuple[IPv4Address, ...]:
        """The external addresses after `step` changes; two steps in a row have none in common."""
        size = self.router.nat.pool if self.router.nat else 1
        first = step % (len(self.pool) // size) * size
        return self.pool[first : first + size]


@dataclass(frozen=True)
class Attachment:
    """A host's interface that leads somewhere."""

    host: str
    interface: str
    via: str
    address: IPv4Interface
    gateway: IPv4Address
    address6: IPv6Interface | None
    gateway6: IPv6Address | None
    metric: int


@dataclass
class Plan:
    """Everything that `build` does, in the order in which it can be done: cables, then each place by itself."""

    network: Network
    places: dict[str, Place]
    cables: list[Cable]
    routings: dict[str, Routing]
    attachments: list[Attachment]

    def address(self, host: str) -> IPv4Address:
        """The address of a host's default interface."""
        if host == SERVER:
            return SERVER_ADDRESSES[0]
        return next(a.address.ip for a in self.attachments if a.host == host)

    def egress(self, host: str) -> str:
        """The name of a host's default interface."""
        return next(a.interface for a in self.attachments if a.host == host)


def plan(network: Network) -> Plan:
    """Lay a network out. The same network gives the same plan."""
    return _Planner(network).plan()


def bridge_port(bridge: str) -> str:
    """The name of the interface that keeps a host's bridge up."""
    return f"{bridge[:12]}-p0"


# Remembered, since a network knows more and more of itself, and is asked for it all the time.
@lru_cache(1 << 8)
def _usual(number: int) -> IPv4Network:
    """The LAN of the n-th router where none is declared."""
    return IPv4Network(f"192.168.{number}.0/24")


@lru_cache(1 << 8)
def _usual6(number: int) -> IPv6Network:
    """The prefix of the n-th router's LAN."""
    return IPv6Network(f"2001:db8:{number:x}::/64")


class _Planner:
    def __init__(self, network: Network) -> None:
        self.network = network
        names = [INTERNET, SERVER, *network.routers, *network.hosts, NOWHERE]
        self.places = {name: Place(name) for name in names}
        self.cables: list[Cable] = []
        self.attachments: list[Attachment] = []
        self.taken: dict[str, int] = {}
        """How many addresses each LAN has given out."""
        self.order = list(network.routers)

    def plan(self) -> Plan:
        self._check()
        for name in self.places:
            self._quiet(name)
        self._internet()
        for name in sorted(self.order, key=lambda r: len(self.network.path(r))):
            self._router(name, self.network.routers[name])
        for name, host in self.network.hosts.items():
            self._host(name, host)
        routings = {name: self._routing(name) for name in self.order}
        return Plan(self.network, self.places, self.cables, routings, self.attachments)

    def _check(self) -> None:
        """Raises ValueError, beginning with the place, where a name or an address would stand for two things."""
        if sum(router.via == INTERNET for router in self.network.routers.values()) > POOLS.num_addresses // POOL_SPAN:
            raise ValueError(f"routers: at most {POOLS.num_addresses // POOL_SPAN} may stand directly on the internet")
        for name in self.order:
            others = [(INTERNET, net) for net in (SERVERS, POOLS, PUBLIC)]
            others += [(upper, self._lan(upper)) for upper in self.network.path(name)[1:]]
            for upper, lan in others:
                if lan.overlaps(self._lan(name)):
                    raise ValueError(f"routers.{name}.lan: {self._lan(name)} overlaps {lan} of {upper}, where it leads")
            behind = [r for r in self.order if self.network.routers[r].via == name]
            if len(behind) > _FIRST_HOST - 2:
                raise ValueError(f"routers.{behind[-1]}.via: at most {_FIRST_HOST - 2} routers may stand behind {name}")
        for name, host in self.network.hosts.items():
            faces = ["lo", "all", "default", *host.interfaces, *host.bridges, *map(bridge_port, host.bridges)]
            faces += ["foreign6"] if host.foreign_ipv6 else []
            if twice := [face for face in faces if faces.count(face) > 1]:
                raise ValueError(f"hosts.{name}: the interface name {twice[0]!r} is taken")

    def _quiet(self, name: str) -> None:
        forwarding = "1" if name == INTERNET or name in self.network.routers else "0"
        self.places[name].lines.append("link set dev lo up")
        self.places[name].sysctls.update(
            {
                "ipv4/ip_forward": forwarding,
                "ipv4/conf/all/rp_filter": "0",
                "ipv4/conf/default/rp_filter": "0",
                "ipv4/conf/all/send_redirects": "0",
                "ipv4/conf/default/send_redirects": "0",
                "ipv4/conf/all/accept_redirects": "0",
                "ipv4/conf/all/promote_secondaries": "1",
                "ipv4/ping_group_range": "0 0",
                # A bridge announces its multicast groups at random moments (RFC 3376): packets that nobody asked for.
                "ipv4/igmp_link_local_mcast_reports": "0",
                # Else who has been refused 6 times is told so once a second only, and takes the rest for silence.
                "ipv4/icmp_ratelimit": "0",
                "ipv6/icmp/ratelimit": "0",
                "ipv6/conf/default/accept_dad": "0",
                "ipv6/conf/default/accept_ra": "0",
                "ipv6/conf/all/forwarding": forwarding,
                "ipv6/conf/all/disable_ipv6": "0" if self._speaks6(name) else "1",
                "ipv6/conf/default/disable_ipv6": "0" if self._speaks6(name) else "1",
            }
        )

    def _speaks6(self, name: str) -> bool:
        if name in (INTERNET, SERVER):
            return True
        if name in self.network.routers:
            return self.network.has_ipv6(name)
        if name == NOWHERE:
            return False
        host = self.network.hosts[name]
        return bool(host.foreign_ipv6) or any(i.via and self._gives6(i.via) for i in host.interfaces.values())

    def _gives6(self, via: str) -> bool:
        return via == INTERNET or self.network.has_ipv6(via)

    def _internet(self) -> None:
        internet = self.places[INTERNET].lines
        internet += ["link add lan type bridge mcast_snooping 0", "link set dev lan up"]
        internet += [f"address add {net[1]}/24 dev lan" for net in (SERVERS, POOLS, PUBLIC)]
        internet.append(f"address add {INTERNET6[1]}/64 dev lan nodad")
        self._cable((SERVER, "eth0"), INTERNET)
        server = self.places[SERVER].lines
        server.append("link set dev eth0 up")
        server += [f"address add {address}/24 dev eth0" for address in SERVER_ADDRESSES]
        server += [f"address add {address}/64 dev eth0 nodad" for address in SERVER_ADDRESSES6]
        server += [f"route add default via {SERVERS[1]}", f"route add ::/0 via {INTERNET6[1]}"]

    def _cable(self, near: tuple[str, str], via: str, link: Link = PLAIN) -> None:
        port = near[0] if near[1] in ("wan", "eth0") else f"{near[0][:9]}.{near[1][:5]}"
        if (via, port) in (cable.far for cable in self.cables):
            port = f"{near[0][:9]}.{len(self.cables)}"
        self.cables.append(Cable(near, (via, port), link))
        self.places[via].lines += [f"link set dev {port} master lan", f"link set dev {port} up"]

    def _router(self, name: str, router: Router) -> None:
        here = self.places[name]
        self._cable((name, "wan"), router.via, router.link)
        lan, lan6 = self._lan(name), self._lan6(name)
        # On routes and not on cables: a bridge takes over the smallest MTU of its ports, and with it everybody's.
        mtu = f" mtu {router.mtu}" if router.mtu < 1500 and router.mtu_signalled else ""
        here.lines += ["link add lan type bridge mcast_snooping 0", "link set dev lan up", "link set dev wan up"]
        here.lines.append(f"address add {lan[1]}/{lan.prefixlen} dev lan")
        here.later["ipv4/conf/lan/rp_filter"] = "1" if router.reverse_path_filter else "0"
        if router.nat:
            here.sysctls["netfilter/nf_conntrack_udp_timeout"] = str(router.nat.udp_timeout)
            here.sysctls["netfilter/nf_conntrack_udp_timeout_stream"] = str(router.nat.udp_stream_timeout)
        upper = POOLS if router.via == INTERNET else self._lan(router.via)
        used = router.nat.pool if router.nat else 1
        for address in self._pool(name)[:used]:
            here.lines.append(f"address add {address}/{upper.prefixlen} dev wan")
        here.lines.append(f"route add default via {upper[1]}{mtu}")
        if mtu:
            here.lines.append(f"link set dev lan{mtu}")
            here.lines.append(f"route replace {upper} dev wan proto kernel scope link src {self._pool(name)[0]}{mtu}")
        if not router.nat:  # nothing hides this LAN, so everyone above must know the way to it
            self._route_down(name, lan)
        if lan6:
            upper6 = self._lan6(router.via)
            assert upper6
            wan6 = self._wan6(name)
            here.lines += [f"address add {lan6[1]}/64 dev lan nodad", f"address add {wan6}/64 dev wan nodad"]
            here.lines.append(f"route add ::/0 via {upper6[1]}{mtu}")
            if mtu:
                here.lines.append(f"route replace {upper6} dev wan proto kernel metric 256{mtu}")
            self._route_down(name, lan6)

    def _route_down(self, name: str, prefix: IPv4Network | IPv6Network) -> None:
        """Everyone above `name`, the internet included, sends this prefix one step down the path."""
        path = self.network.path(name)
        for lower, upper in zip(path, [*path[1:], INTERNET], strict=True):
            step = self._wan6(lower) if prefix.version == 6 else self._pool(lower)[0]
            self.places[upper].lines.append(f"route add {prefix} via {step}")

    def _lan(self, name: str) -> IPv4Network:
        if name == INTERNET:
            return POOLS
        return self.network.routers[name].lan or _usual(self.order.index(name) + 1)

    def _lan6(self, name: str) -> IPv6Network | None:
        if name == INTERNET:
            return INTERNET6
        if not self.network.has_ipv6(name):
            return None
        return _usual6(self.order.index(name) + 1)

    def _wan6(self, name: str) -> IPv6Address:
        upper6 = self._lan6(self.network.routers[name].via)
        assert upper6
        return upper6[0x100 + self.order.index(name)]

    def _pool(self, name: str) -> tuple[IPv4Address, ...]:
        via = self.network.routers[name].via
        if via == INTERNET:
            index = [r for r in self.order if self.network.routers[r].via == INTERNET].index(name)
            first = 10 + POOL_SPAN * index
            return _POOLED[first : first + POOL_SPAN]
        siblings = [r for r in self.order if self.network.routers[r].via == via]
        return (self._lan(via)[2 + siblings.index(name)],)

    def _given(self, via: str) -> int:
        """The next number on a LAN."""
        self.taken[via] = self.taken.get(via, (_FIRST_PUBLIC if via == INTERNET else _FIRST_HOST) - 1) + 1
        return self.taken[via]

    def _host(self, name: str, host: Host) -> None:
        here = self.places[name].lines
        for place, (face, interface) in enumerate(host.interfaces.items()):
            if interface.via:
                self._attach(name, face, interface.via, interface.link, 100 * (place + 1))
            else:
                self._stub(name, face)
                here.append(f"address add {interface.address} dev {face}")
        for face, bridge in host.bridges.items():
            port = bridge_port(face)
            self._stub(name, port)
            here += [f"link add {face} type bridge", f"link set dev {port} master {face}", f"link set dev {face} up"]
            here.append(f"address add {bridge.address} dev {face}")
        if host.foreign_ipv6:
            self._stub(name, "foreign6")
            here.append(f"address add {host.foreign_ipv6}/64 dev foreign6 nodad")
        if host.routing == "strong":
            self._strong(name, host)

    def _stub(self, name: str, face: str) -> None:
        """An interface that is up and leads nowhere."""
        port = f"n{len(self.cables)}"
        self.cables.append(Cable((name, face), (NOWHERE, port)))
        self.places[name].lines.append(f"link set dev {face} up")
        self.places[NOWHERE].lines.append(f"link set dev {port} up")

    def _attach(self, name: str, face: str, via: str, link: Link, metric: int) -> None:
        here = self.places[name].lines
        self._cable((name, face), via, link)
        lan = PUBLIC if via == INTERNET else self._lan(via)
        number = self._given(via)
        if number > _LAST_HOST:
            first = _FIRST_PUBLIC if via == INTERNET else _FIRST_HOST
            raise ValueError(f"hosts.{name}.interfaces.{face}: at most {number - first} hosts may stand on {via}")
        address = IPv4Interface((lan[number], lan.prefixlen))
        here += [f"link set dev {face} up", f"address add {address} dev {face}"]
        here.append(f"route add default via {lan[1]} dev {face} metric {metric}")
        lan6 = self._lan6(via) if self._gives6(via) else None
        address6 = IPv6Interface((lan6[0x1000 + number], 64)) if lan6 else None
        if address6 and lan6:
            here.append(f"address add {address6} dev {face} nodad")
            here.append(f"route add ::/0 via {lan6[1]} dev {face} metric {metric}")
        self.attachments.append(
            Attachment(name, face, via, address, lan[1], address6, lan6[1] if lan6 else None, metric)
        )

    def _strong(self, name: str, host: Host) -> None:
        """Each address sends only through its own interface: one table a source, ended by `unreachable`."""
        here = self.places[name].lines
        own: list[tuple[IPv4Interface, str, IPv4Address | None]] = []
        own += [(a.address, a.interface, a.gateway) for a in self.attachments if a.host == name]
        own += [(i.address, face, None) for face, i in host.interfaces.items() if i.address]
        own += [(bridge.address, face, None) for face, bridge in host.bridges.items()]
        for table, (address, face, gateway) in enumerate(own, start=100):
            here.append(f"route add {address.network} dev {face} table {table}")
            ending = f"default via {gateway} dev {face}" if gateway else "unreachable default"
            here.append(f"route add {ending} table {table}")
            here.append(f"rule add pref 100 from {address.ip} lookup {table}")

    def _routing(self, name: str) -> Routing:
        router, lan, lan6 = self.network.routers[name], self._lan(name), self._lan6(name)
        below = [r for r in self.order if name in self.network.path(r)]
        children = [r for r in self.order if self.network.routers[r].via == name]
        subscribers = [self._pool(r)[0] for r in children]
        subscribers += [a.address.ip for a in self.attachments if a.via == name]
        prefixes6 = [p for p in (lan6, *(self._lan6(r) for r in below)) if p]
        return Routing(
            name,
            router,
            lan,
            lan[1],
            self._pool(name),
            tuple(subscribers),
            self._wan6(name) if lan6 else None,
            lan6,
            tuple(dict.fromkeys(prefixes6)),
        )
