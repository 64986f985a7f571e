"""Routing → nft text: how each axis of a router is said to this kernel. Pure; nft 1.0.6 and later.

Three tables a router, so that each can be replaced without disturbing the others:

* `ip nat`        translation, filtering, budget (`nat`); with a higher *generation* when addresses or ports change;
* `inet router`   what the router is: input policy, UDP blocked, IPv6, path MTU, source policy with its counters;
* `inet weather`  what happens to it for a while: suspended, UDP blocked, IPv6 one-way (`weather`).

Every form was classified by STUN in a kernel 6.18; `verify/` does it again each time a network is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from landfast.lab.network import Budget, Nat, Ports
from landfast.lab.topology import Routing
from landfast.model.nat import Filtering, Mapping, Pooling

# External ports of a generation: the first keeps the inner port where it can, each later one has a block of its own.
GENERATION_PORTS = 4000
GENERATIONS = 14


@dataclass(frozen=True)
class Weather:
    """What lies over a router for a while."""

    suspended: bool = False
    udp_blocked: bool = False
    ipv6_one_way: bool = False


CLEAR = Weather()


def nat(routing: Routing, generation: int = 0, addresses: int = 0) -> str:
    """The translation. `generation` moves the external ports, `addresses` the external addresses, by so many steps."""
    router = routing.router
    if router.nat is None:
        return ""
    table = _Table("ip", "nat")
    _translate(table, routing, router.nat, generation, addresses)
    _filter(table, routing, router.nat, addresses)
    if router.budget:
        _budget(table, routing, router.budget, router.nat)
    return table.text()


def router(routing: Routing) -> str:
    """What the router is, apart from translation."""
    table, own = _Table("inet", "router"), routing.router
    forward = "type filter hook forward priority 10"
    if own.mtu < 1500 and not own.mtu_signalled:  # first, so that nothing lets a large packet in before
        table.rule("forward", forward, f"ip length > {own.mtu} drop")
        table.rule("forward", forward, f"ip6 length > {own.mtu - 40} drop")  # the header's 40 bytes do not count
    if own.udp != "open":
        verdict = "drop" if own.udp == "blocked" else "reject with icmpx type admin-prohibited"
        table.rule("forward", forward, f'iifname "lan" meta l4proto udp udp dport != 53 {verdict}')
    if own.ipv6 == "one-way":
        _one_way(table, forward)
    elif own.ipv6 == "on":  # RFC 6092: what was not asked for does not come in
        table.rule("forward", forward, 'iifname "wan" meta nfproto ipv6 ct state established,related accept')
        table.rule("forward", forward, 'iifname "wan" meta nfproto ipv6 meta l4proto { tcp, udp } drop')
    if own.input == "drop":
        table.rule("input", "type filter hook input priority 0", 'iifname "wan" meta l4proto udp ct state new drop')
    if own.gateway:
        _sources(table, routing)
    return table.text()


def weather(now: Weather) -> str:
    """What lies over the router at the moment; an empty table when the sky is clear."""
    table = _Table("inet", "weather")
    # Before conntrack (-200): what the radio loses refreshes no mapping. After the sources (-350): all are counted.
    early = "type filter hook prerouting priority -300"
    if now.suspended:
        table.rule("early", early, 'iifname { "lan", "wan" } meta protocol { ip, ip6 } drop')
    if now.udp_blocked:
        table.rule("early", early, 'iifname { "lan", "wan" } meta l4proto udp drop')
    if now.ipv6_one_way:
        _one_way(table, "type filter hook forward priority 10")
    return table.text()


def _one_way(table: _Table, hook: str) -> None:
    table.rule("forward", hook, 'iifname "wan" icmpv6 type != packet-too-big drop')
    table.rule("forward", hook, 'iifname "wan" meta nfproto ipv6 meta l4proto { tcp, udp } drop')


class _Table:
    """Text of one table that replaces what it was before, atomically."""

    def __init__(self, family: str, name: str) -> None:
        self.head = f"{family} {name}"
        self.objects: list[str] = []
        self.chains: dict[str, list[str]] = {}
        self.hooks: dict[str, str] = {}

    def rule(self, chain: str, hook: str, *rules: str) -> None:
        self.hooks.setdefault(chain, hook)
        self.chains.setdefault(chain, []).extend(rules)

    def text(self) -> str:
        lines = [f"table {self.head}", f"delete table {self.head}", f"table {self.head} {{"]
        lines += [f"  {item}" for item in self.objects]
        for chain, rules in self.chains.items():
            hook = self.hooks[chain]
            lines += [f"  chain {chain} {{", *([f"    {hook}; policy accept;"] if hook else [])]
            lines += [*(f"    {rule}" for rule in rules), "  }"]
        return "\n".join([*lines, "}", ""])


def _block(nat: Nat, generation: int) -> tuple[int, int] | None:
    """The external ports, or None for all of them."""
    if generation:
        first = 4096 + GENERATION_PORTS * (generation % GENERATIONS)
        return first, first + GENERATION_PORTS - 1
    return nat.block


def _translate(table: _Table, routing: Routing, nat: Nat, generation: int, addresses: int) -> None:
    lan = f"ip saddr {routing.lan} "
    ways = ['oifname "wan" ' + (lan if nat.translates == "lan" else "")]
    if nat.hairpin:  # so that the answer comes back through here, and shows the external endpoint (RFC 4787, REQ-9)
        ways.append(f"{lan}ip daddr {routing.lan} ct status dnat ")
    for way in ways:
        for what, ports in _ports(nat, generation):
            for whose, address in _addresses(routing, nat, addresses):
                rule = f"{way}{what}{whose}snat to {address}{ports}"
                table.rule("post", "type nat hook postrouting priority srcnat", rule)


def _ports(nat: Nat, generation: int) -> list[tuple[str, str]]:
    """Which packets get which external ports: UDP by its mapping, and all others the ports that they have."""
    udp, others = "meta l4proto udp ", ("", "")
    block = _block(nat, generation)
    if nat.mapping is Mapping.ADDRESS_AND_PORT_DEPENDENT:
        low, high = block or (1024, 65535)
        return [(udp, f":{low}-{high} fully-random"), others]
    if nat.mapping is Mapping.ADDRESS_DEPENDENT:
        # Of two inner sockets that get one port towards the same server the later is not translated: 1 in 60000.
        low, high = block or (2000, 61999)
        return [(udp, f":jhash ip saddr . udp sport . ip daddr mod {high - low + 1} seed 0xfea57 offset {low}"), others]
    if block:
        # The kernel keeps a port that lies in the range: from there it goes to ports that no next generation has.
        away = _block(nat, generation + GENERATIONS // 2) if generation else None
        moved = [("{}udp sport {}-{} ".format(udp, *block), ":{}-{}".format(*away))] if away else []
        return [*moved, (udp, ":{}-{}".format(*block)), others]
    if nat.ports is Ports.RANDOM:
        # The kernel keeps a port that lies in the range and else takes a random one, the same for all destinations.
        return [(f"{udp}udp sport 1024-32767 ", ":32768-65535"), (udp, ":1024-32767"), others]
    return [others]


def _addresses(routing: Routing, nat: Nat, addresses: int) -> Iterator[tuple[str, IPv4Address]]:
    """Which packets get which external address, the last one all that are left."""
    pool = routing.in_use(addresses)
    if nat.pooling is Pooling.ARBITRARY:
        # Not `snat to FIRST-LAST`, which takes the same for all sessions with one server.
        for left in range(len(pool), 1, -1):  # of what the former left, its share: so all have the same
            yield f"numgen random mod {left} < 1 ", pool[left - 1]
    elif len(pool) > 1:
        for number, inner in enumerate(routing.subscribers):
            yield f"ip saddr {inner} ", pool[number % len(pool)]
    yield "", pool[0]


# A mapping: its external endpoint, and the inner one that it stands for, as conntrack knows them. Of flows from inside
# (translated at their source) and of those that strangers began (translated at their destination).
_FROM_INSIDE = ("ct reply ip daddr . ct reply proto-dst", "ct original ip saddr . ct original proto-src")
_FROM_OUTSIDE = ("ct original ip daddr . ct original proto-dst", "ct reply ip saddr . ct reply proto-src")


def _filter(table: _Table, routing: Routing, nat: Nat, addresses: int) -> None:
    """Who is let in. Conntrack is address-and-port-dependent and refreshed both ways; else mappings are remembered."""
    open_to_strangers = nat.filtering is not Filtering.ADDRESS_AND_PORT_DEPENDENT
    if not open_to_strangers and nat.refresh == "both":
        return
    maps = _remember(table, nat)
    if open_to_strangers:
        external = ", ".join(map(str, routing.in_use(addresses)))
        for name in maps:
            for side in ("wan", "lan") if nat.hairpin else ("wan",):
                entry = f'iifname "{side}" ip daddr {{ {external} }} meta l4proto udp dnat ip to'
                table.rule(
                    "pre", "type nat hook prerouting priority dstnat", f"{entry} ip daddr . udp dport map @{name}"
                )
    if nat.filtering is Filtering.ADDRESS_DEPENDENT:
        _only_spoken_to(table, nat)
    if nat.refresh == "outbound":
        for flow, (endpoint, _) in (("reply ct status snat", _FROM_INSIDE), ("original ct status dnat", _FROM_OUTSIDE)):
            dead = " ".join(f"{endpoint} != @{name}" for name in maps)
            rule = f'iifname "wan" meta l4proto udp ct direction {flow} {dead} drop'
            table.rule("refresh", "type filter hook forward priority 5", rule)


def _remember(table: _Table, nat: Nat) -> list[str]:
    """Maps from external to inner endpoints, with the lifetimes that conntrack has for flows; their names."""
    lives = {"mappings": (nat.udp_timeout, "")}
    if nat.udp_stream_timeout > nat.udp_timeout:
        lives["streams"] = (nat.udp_stream_timeout, "ct status assured ")
    ways = [('oifname "wan" meta l4proto udp ct direction original ct status snat', _FROM_INSIDE)]
    ways.append(('oifname "wan" meta l4proto udp ct direction reply ct status dnat', _FROM_OUTSIDE))
    if nat.refresh == "both":
        ways.append(('iifname "wan" meta l4proto udp ct direction reply ct status snat', _FROM_INSIDE))
        ways.append(('iifname "wan" meta l4proto udp ct direction original ct status dnat', _FROM_OUTSIDE))
    for name, (seconds, when) in lives.items():
        table.objects.append(
            f"map {name} {{ type ipv4_addr . inet_service : ipv4_addr . inet_service; flags dynamic,timeout; "
            f"timeout {seconds}s; size 65535; }}"
        )
        for way, (external, inner) in ways:
            rule = f"{way} {when}update @{name} {{ {external} timeout {seconds}s : {inner} }}"
            table.rule("remember", "type filter hook postrouting priority 150", rule)  # after srcnat (100)
    return list(lives)


def _only_spoken_to(table: _Table, nat: Nat) -> None:
    """Address-dependent filtering: strangers come in from addresses that the inner socket has sent to."""
    lives = f"timeout {nat.udp_stream_timeout}s"
    table.objects.append(
        f"set spoken {{ type ipv4_addr . inet_service . ipv4_addr; flags dynamic,timeout; {lives}; size 65535; }}"
    )
    table.rule(
        "forward",
        "type filter hook forward priority 0",
        f'oifname "wan" meta l4proto udp update @spoken {{ ip saddr . udp sport . ip daddr {lives} }}',
        'iifname "wan" meta l4proto udp ct state established,related accept',
        'iifname "wan" meta l4proto udp ip daddr . udp dport . ip saddr @spoken accept',
        'iifname "wan" meta l4proto udp drop',
    )


def _budget(table: _Table, routing: Routing, budget: Budget, nat: Nat) -> None:
    refuse = "drop" if budget.refusal == "drop" else "reject with icmp type admin-prohibited"
    hook = "type filter hook forward priority -10"
    if budget.of == "sessions":
        table.objects.append("set sessions { type ipv4_addr; flags dynamic; size 65535; }")
        add = f'oifname "wan" meta l4proto udp ct state new add @sessions {{ ip saddr ct count over {budget.limit} }}'
        table.rule("budget", hook, f"{add} {refuse}")
        return
    for number, inner in enumerate(routing.subscribers):
        lives = f"{nat.udp_stream_timeout}s"
        table.objects.append(
            f"set ports{number} {{ type inet_service; flags dynamic,timeout; timeout {lives}; size {budget.limit}; }}"
        )
        mine = f'oifname "wan" ip saddr {inner} meta l4proto udp'
        table.rule("budget", hook, f"{mine} update @ports{number} {{ udp sport }} accept", f"{mine} {refuse}")


def _sources(table: _Table, routing: Routing) -> None:
    """Drop, before conntrack, sources that were not given out; the counters are the laboratory's truth."""
    hook = "type filter hook prerouting priority -350"
    table.objects += ["counter violations { }", "counter violations6 { }"]
    given = ", ".join(map(str, routing.subscribers))
    table.rule(
        "sources", hook, f'iifname "lan" meta nfproto ipv4 ip saddr != {{ {given} }} counter name violations drop'
    )
    if routing.prefixes6:
        given6 = ", ".join(["fe80::/10", "::", *map(str, routing.prefixes6)])
        table.rule(
            "sources",
            hook,
            f'iifname "lan" meta nfproto ipv6 ip6 saddr != {{ {given6} }} counter name violations6 drop',
        )
