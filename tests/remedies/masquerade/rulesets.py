"""Rulesets of other people, made up from a seed: Docker's, ufw's and firewalld's shapes, and what hands write."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

ETC: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "rc.local",
        ("", "#!/bin/sh\nexit 0\n", "#!/bin/sh -e\n# mine\necho hello\nexit 0\n", "#!/bin/bash\necho no newline"),
    ),
    ("nftables.conf", ("#!/usr/sbin/nft -f\n\nflush ruleset\n", "")),
    ("systemd/system/multi-user.target.wants/theirs.service", ("[Unit]\n",)),
    ("landfast/notes.txt", ("not ours\n",)),
)


@dataclass(frozen=True)
class Theirs:
    """What was there first. `restores` are texts for iptables-restore and ip6tables-restore, `nft` one for `nft -f`."""

    restores: tuple[tuple[str, str], ...]
    nft: str
    files: tuple[tuple[str, str, int], ...]


def made(seed: int) -> Theirs:
    """The same ruleset for the same seed."""
    random = Random(seed)
    shapes = [_docker, _ufw, _mangle]
    chosen = [shape for shape in shapes if random.random() < 0.45]
    restores = tuple(shape(random) for shape in chosen)
    tables = [shape(random) for shape in (_firewalld, _hand, _hand6, _near) if random.random() < 0.55]
    files = tuple(
        (name, random.choice(texts), random.choice((0o644, 0o755, 0o600)))
        for name, texts in ETC
        if random.random() < 0.5
    )
    return Theirs(restores, "".join(tables), files)


def _network(random: Random) -> str:
    return f"172.{random.randint(17, 31)}.0.0/16"


def _docker(random: Random) -> tuple[str, str]:
    bridges = [
        ("docker0", _network(random)),
        *[(f"br-{random.randrange(16**6):06x}", _network(random))] * random.randint(0, 2),
    ]
    nat = ["*nat", ":PREROUTING ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":DOCKER - [0:0]"]
    nat.append("-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
    nat.append("-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER")
    filters = ["*filter", ":FORWARD DROP [0:0]", ":DOCKER - [0:0]", ":DOCKER-USER - [0:0]", "-A FORWARD -j DOCKER-USER"]
    for name, network in bridges:
        nat.append(f"-A POSTROUTING -s {network} ! -o {name} -j MASQUERADE")
        nat.append(f"-A DOCKER -i {name} -j RETURN")
        filters.append(f"-A FORWARD -o {name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        if random.random() < 0.5:
            port = random.randint(1024, 65535)
            to = f"{network.removesuffix('0.0/16')}0.2:80"
            nat.append(f"-A DOCKER ! -i {name} -p tcp -m tcp --dport {port} -j DNAT --to-destination {to}")
    filters.append("-A DOCKER-USER -j RETURN")
    return "iptables-restore", "\n".join([*nat, "COMMIT", *filters, "COMMIT", ""])


def _ufw(random: Random) -> tuple[str, str]:
    program, v6 = random.choice((("iptables-restore", ""), ("ip6tables-restore", "6")))
    names = [f"ufw{v6}-{part}" for part in ("before-output", "user-output", "track-output", "user-input")]
    lines = ["*filter", ":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *(f":{name} - [0:0]" for name in names)]
    lines += [f"-A OUTPUT -j {name}" for name in names[:3]]
    lines.append(f"-A {names[0]} -o lo -j ACCEPT")
    lines.append(f"-A {names[0]} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    lines.append(f"-A {names[2]} -p tcp -m conntrack --ctstate NEW -j ACCEPT")
    for _ in range(random.randint(0, 4)):
        lines.append(f"-A {names[3]} -p udp -m udp --dport {random.randint(1, 65535)} -j ACCEPT")
    return program, "\n".join([*lines, "COMMIT", ""])


def _mangle(random: Random) -> tuple[str, str]:
    mark = random.randrange(1, 1 << 16)
    lines = [
        "*mangle",
        ":POSTROUTING ACCEPT [0:0]",
        f"-A POSTROUTING -o wlan0 -j MARK --set-xmark {mark:#x}/0xffffffff",
    ]
    if random.random() < 0.4:
        lines.append('-A POSTROUTING -m comment --comment "not landfast\'s" -j ACCEPT')
    return "iptables-restore", "\n".join([*lines, "COMMIT", ""])


def _firewalld(random: Random) -> str:
    zone = random.choice(("public", "home", "trusted"))
    return f"""
table inet firewalld {{
  chain nat_POSTROUTING {{ type nat hook postrouting priority srcnat + 10; policy accept; jump nat_zones; }}
  chain nat_zones {{ oifname "wlan0" goto nat_POST_{zone}; goto nat_POST_{zone}; }}
  chain nat_POST_{zone} {{ jump nat_POST_{zone}_allow; }}
  chain nat_POST_{zone}_allow {{ meta nfproto ipv4 oifname != "lo" masquerade; }}
  chain filter_OUTPUT {{
    type filter hook output priority filter + 10; policy accept;
    ct state {{ established, related }} accept
    oifname "lo" accept
    ip6 daddr {{ ::/96, 2002::/24 }} reject with icmpv6 type addr-unreachable
  }}
}}
"""


def _hand(random: Random) -> str:
    ports = ", ".join(str(port) for port in sorted(random.sample(range(1, 65536), random.randint(1, 5))))
    return f"""
table ip mine {{
  set ports {{ type inet_service; flags interval; elements = {{ {ports} }}; }}
  map where {{ type inet_service : ipv4_addr; elements = {{ 80 : 192.168.1.{random.randint(2, 254)} }}; }}
  counter seen {{ }}
  quota much {{ over {random.randint(1, 99)} mbytes; }}
  chain pre {{ type nat hook prerouting priority dstnat; policy accept; iifname "wlan0" dnat to tcp dport map @where; }}
  chain post {{ type nat hook postrouting priority srcnat; policy accept;
    ip saddr {_network(random)} oifname "wlan0" counter name "seen" masquerade random
    udp dport @ports limit rate {random.randint(1, 50)}/second accept
  }}
}}
"""


def _hand6(random: Random) -> str:
    priority = random.choice(("-150", "filter", "100", "101"))
    return f"""
table ip6 mine {{
  chain out {{ type filter hook output priority {priority}; policy accept;
    meta mark {random.randint(1, 9)} drop
    ip6 saddr fd00::/8 oifname "wwan0" counter drop comment "landfast is another"
  }}
}}
"""


def _near(random: Random) -> str:
    """Names that are nearly ours."""
    name = random.choice(("inet landfast", "ip landfast2", "ip6 LANDFAST", "netdev landfast"))
    return f"table {name} {{\n  chain translate {{ counter accept; }}\n}}\n"
