"""A network that somebody declares, and every mistake that can be made in it."""

from __future__ import annotations

GOOD = """\
title = "A network of one's own"
observed_on = ["this test"]

[routers.carrier]
via = "internet"
lan = "100.64.0.0/24"
nat = { pool = 2, udp_timeout = 30 }
gateway = { limit = 10 }

[routers.mifi]
via = "carrier"
link = { delay_ms = 1 }

[hosts.robot.interfaces]
wlan0.via = "mifi"
eth1.address = "10.42.0.1/24"

[hosts.robot.bridges]
docker0 = { address = "172.17.0.1/16", masquerade = false }

[hosts.operator.interfaces]
eth0.via = "internet"

[[events]]
what = "flush"
on = "mifi"
at = 3

[[events]]
what = "rebind-port"
on = "carrier"
mappings = 3
"""
ROUTER = "allowed here: budget, gateway, input, ipv6, lan, link, mtu, mtu_signalled, nat, reverse_path_filter, udp, via"
GATEWAY = "allowed here: limit, new_address, outage, period"
EVENT = "allowed here: at, first_stun, lasts, mappings, on, what"

# A mistake: what stands there, what shall stand there instead, and the line and the sentence that are told of it.
MISTAKES: dict[str, tuple[str, str, int, str]] = {
    "not TOML": ('title = "A', 'title = A"', 1, "is not TOML"),
    "unknown key at the top": ('title = "A', 'titel = "A', 1, "titel: unknown key; allowed here: events, hosts, name,"),
    "unknown key in a table": ("via = ", "vai = ", 5, f"routers.carrier.vai: unknown key; {ROUTER}"),
    "unknown key in an inline table": (
        "limit = 10",
        "limt = 10",
        8,
        f"routers.carrier.gateway.limt: unknown key; {GATEWAY}",
    ),
    "unknown key in an array of tables": ("mappings =", "mapping =", 32, f"events.1.mapping: unknown key; {EVENT}"),
    "unknown dotted key": (
        "eth1.address",
        "eth1.adress",
        16,
        "interfaces.eth1.adress: unknown key; allowed here: address",
    ),
    "unknown key of a bridge": (
        "masquerade =",
        "masq =",
        19,
        "bridges.docker0.masq: unknown key; allowed here: address",
    ),
    "missing key": ('title = "A network of one\'s own"\n', "", 1, "title: Field required"),
    "none of the words": ('"rebind-port"', '"rebind"', 30, "events.1.what: Input should be 'change-public-address', "),
    "no number": ("udp_timeout = 30", 'udp_timeout = "soon"', 7, "nat.udp_timeout: Input should be a valid integer"),
    "too small": ("limit = 10", "limit = -1", 8, "gateway.limit: Input should be greater than or equal to 0, not -1"),
    "too large": ("pool = 2", "pool = 21", 7, "nat.pool: Input should be less than or equal to 20, not 21"),
    "no prefix": ("100.64.0.0/24", "100.64.0.1/24", 6, "lan: Input is not a valid IPv4 network, not '100.64.0.1/24'"),
    "too small a prefix": ("100.64.0.0/24", "100.64.0.0/28", 4, "100.64.0.0/28 is not between a /8 and a /24"),
    "a prefix twice": ("100.64.0.0/24", "192.168.0.0/16", 10, "192.168.2.0/24 overlaps 192.168.0.0/16 of carrier"),
    "a reserved prefix": ("100.64.0.0/24", "203.0.113.0/24", 6, "overlaps 203.0.113.0/24 of internet"),
    "no such router": ('"mifi"\neth1', '"mify"\neth1', 15, "wlan0.via: 'mify' is not one of carrier, internet, mifi"),
    "a ring": ('via = "carrier"', 'via = "mifi"', 11, "routers.mifi.via: routers form a ring: mifi -> mifi"),
    "no operator": ("hosts.operator", "hosts.opera", 14, "hosts: missing host 'operator'; there are robot, opera"),
    "a name twice": (
        "[hosts.operator.interfaces]",
        '[hosts.mifi.interfaces]\neth0.via = "internet"\n[hosts.operator.interfaces]',
        21,
        "hosts.mifi: the name is taken",
    ),
    "a reserved name": ("routers.mifi", "routers.server", 10, "routers.server: the name is taken"),
    "too long a name": ("eth1", "a-name-of-16-let", 16, "String should match pattern"),
    "two ways of one interface": (
        "eth1.address",
        'eth1.via = "mifi"\neth1.address',
        16,
        "an interface has either `via` (a router or the internet) or an `address` of its own",
    ),
    "no way at all": ('wlan0.via = "mifi"\n', "", 14, "hosts.robot.interfaces: at least one needs a `via`"),
    "what this kernel cannot": (
        "pool = 2",
        'mapping = "address-and-port-dependent"',
        7,
        'nat: mapping "address-and-port-dependent" needs ports "random" or "block"',
    ),
    "without effect: a pool behind a router": (
        'via = "carrier"\n',
        'via = "carrier"\nnat = { pool = 2 }\n',
        10,
        "nat.pool of 2 needs via 'internet'",
    ),
    "an event of nobody": (
        'on = "carrier"',
        'on = "car"',
        31,
        "rebind-port cannot happen on 'car', only on: carrier, mifi",
    ),
    "an event that never happens": ("mappings = 3\n", "", 30, "rebind-port needs one of at, mappings, first_stun"),
    "an event that does not last": (
        "mappings = 3",
        "mappings = 3\nlasts = 1",
        29,
        "rebind-port does not last; these may",
    ),
}
