from __future__ import annotations

import pytest

from landfast.lab import parse
from landfast.lab.picture import lines, tree

EVERYTHING = """
title = "Everything that a picture says"
observed_on = ["this test"]

[routers.carrier]
lan = "100.64.0.0/24"
udp = "rejected"
mtu = 1400
mtu_signalled = false
link = { delay_ms = 40, jitter_ms = 2.5, loss = 0.015, rate_kbit = 2000 }

[routers.carrier.nat]
mapping = "address-and-port-dependent"
filtering = "address-dependent"
ports = "block"
block = [5000, 6000]
pooling = "arbitrary"
pool = 3
udp_timeout = 20

[routers.carrier.budget]
of = "mappings"
limit = 5

[routers.wifi]
via = "carrier"
gateway = { limit = 0, new_address = false }

[routers.tunnel]
nat = false

[hosts.robot]
routing = "strong"
foreign_ipv6 = "2001:db8:dead::1"

[hosts.robot.interfaces]
wlan0.via = "wifi"
wwan0.via = "tunnel"
wwan0.link.delay_ms = 70
eth1.address = "10.42.0.1/24"

[hosts.robot.bridges]
docker0 = {}

[hosts.operator.interfaces]
eth0.via = "internet"

[[events]]
what = "handoff"
on = "robot"
at = 3

[[events]]
what = "suspend-radio"
on = "wifi"
first_stun = true
lasts = 2

[[events]]
what = "rebind-port"
on = "carrier"
mappings = 3
"""

PICTURE = """
internet
├─ server  198.51.100.5, 198.51.100.6
│          STUN, TURN, signalling
├─ carrier  203.0.113.10 ⇄ 100.64.0.0/24
│  │        NAT: mapping address-and-port-dependent, filtering address-dependent, ports block,
│  │        block 5000-6000, pooling arbitrary, pool 3, udp timeout 20 s
│  │        budget: of mappings, limit 5, refusal drop
│  │        link: delay 40 ms, jitter 2.5 ms, loss 1.5 %, rate 2000 kbit/s
│  │        udp rejected, mtu 1400 bytes, no mtu signalled
│  │        event: rebind-port when there have been 3 mappings
│  └─ wifi  100.64.0.2 ⇄ 192.168.2.0/24
│     │     NAT: mapping endpoint-independent, filtering address-and-port-dependent,
│     │     ports preserving
│     │     gateway: limit 0, period 120 s, outage 3 s, no new address
│     │     event: suspend-radio at the first STUN packet, lasts 2 s
│     └─ robot  wlan0 192.168.2.10
│               eth1 10.42.0.1, leads nowhere
│               docker0 172.17.0.1, a bridge with Docker's masquerade rule
│               2001:db8:dead::1, leads nowhere
│               a strong host: each address sends only through its own interface
│               event: handoff at 3 s
├─ tunnel  203.0.113.50 ⇄ 192.168.3.0/24
│  │       no NAT
│  └─ robot  wwan0 192.168.3.10, link: delay 70 ms
└─ operator  eth0 192.0.2.20
"""


def test_a_picture_says_what_is_declared() -> None:
    drawn = lines(tree(parse.parse(EVERYTHING, "everything.toml")))
    assert "\n".join(["", *drawn, ""]) == PICTURE


@pytest.mark.parametrize("profile", parse.profiles())
def test_every_profile_has_a_picture_that_fits_a_page(profile: str) -> None:
    network = parse.profile(profile)
    drawn = list(lines(tree(network)))
    for name in ("internet", "server", *network.routers, *network.hosts):
        assert any(name in line.split() for line in drawn)
    assert max(map(len, drawn)) <= 100
