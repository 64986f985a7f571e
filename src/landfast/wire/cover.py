"""Would this packet leave with its foreign source? Answered from any ruleset, ours or another's. Pure.

That is how a remedy is known to work, and how an equivalent rule is recognised that was put there by hand: the source
document's `-A POSTROUTING -o wlan0 -j MASQUERADE`, Docker's for its own bridge, firewalld's. The packet asked about is
the first of a UDP flow of this host. A condition that is not understood here makes its rule count as absent: what is
recognised is certain, what is not may still be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from landfast.model.address import Address
from landfast.model.routing import Family
from landfast.wire.netfilter import NFT_FAMILY, Json, Tables, iptables_uncounted

DEEPEST = 16
"""Jumps that are followed; the kernel's own limit is of this order (NFT_JUMP_STACK_SIZE is 16)."""


@dataclass(frozen=True)
class Packet:
    """From a source that is foreign to the interface it leaves by."""

    source: Address
    destination: Address
    egress: str


@dataclass(frozen=True)
class Cover:
    """The rule that keeps a foreign source from leaving. `table` as in "ip nat"."""

    table: str
    chain: str
    does: Literal["translates", "drops"]
    text: str

    def __str__(self) -> str:
        return f"{self.table}, {self.chain}: {self.text}"


Test = Callable[[Packet], bool | None]
"""One condition; None when it is not understood."""
Equals = Callable[[Sequence[object], Packet], bool | None]
"""Whether what a condition asks of the packet equals one of the values."""


@dataclass(frozen=True)
class Line:
    """One rule of any language: its conditions, and what happens when all are met."""

    text: str
    tests: Sequence[Test]
    action: str
    target: str = ""

    def matches(self, packet: Packet) -> bool | None:
        """No: one says no. Unknown: none says no, and one does not know."""
        found = [test(packet) for test in self.tests]
        return False if False in found else None if None in found else True


Chains = dict[str, list[Line]]

_TRANSLATES = {"masquerade", "snat", "netmap"}
_DROPS = {"drop", "reject"}
_ENDS = {"accept", "queue"}
_WAYS_OUT = {("nat", "postrouting"), ("filter", "postrouting"), ("filter", "output")}


def _find(table: str, chains: Chains, start: str, packet: Packet) -> Cover | None:
    """The cover on the packet's way through a base chain."""
    certain = True  # after an accept that may or may not have matched, what is dropped is not certain

    def walk(chain: str, depth: int) -> tuple[Cover | None, bool]:
        """The cover found from here on, and whether the way is at its end."""
        nonlocal certain
        for line in chains.get(chain, ()) if depth < DEEPEST else ():
            matched = line.matches(packet)
            if matched is None and line.action not in _TRANSLATES | _DROPS:
                certain = False
            if not matched:
                continue
            if line.action in _TRANSLATES:
                return Cover(table, chain, "translates", line.text), True
            if line.action in _DROPS:
                return (Cover(table, chain, "drops", line.text) if certain else None), True
            if line.action in _ENDS:
                return None, True
            if line.action == "return":
                break
            if line.action in {"jump", "goto"}:
                cover, ended = walk(line.target, depth + 1)
                if cover or ended or line.action == "goto":
                    return cover, ended
        return None, False

    return walk(start, 0)[0]


def covers(listing: Iterable[Json], tables: Tables, packet: Packet) -> tuple[Cover, ...]:
    """All covers: nftables' `listing`, but for the tables in it that are iptables' own, and iptables' `tables`."""
    found = list(by_nft(listing, packet, without=[f"{NFT_FAMILY[family]} {name}" for family, name in tables]))
    for (family, name), lines in tables.items():
        cover = by_iptables([iptables_uncounted(line) for line in lines], family, name, packet)
        found += [cover] if cover else []
    return tuple(found)


def by_nft(listing: Iterable[Json], packet: Packet, *, without: Iterable[str] = ()) -> tuple[Cover, ...]:
    """The covers in nftables, at most one for each base chain; `without` names tables to leave out, as "ip nat"."""
    tables: dict[str, Chains] = {}
    bases: list[tuple[str, str]] = []
    spoken = {NFT_FAMILY[4] if packet.source.version == 4 else NFT_FAMILY[6], "inet"}
    for each in listing:
        match each:
            case {"chain": {"family": family, "table": name, "name": chain, "type": kind, "hook": hook}}:
                if family in spoken and (kind, hook) in _WAYS_OUT:
                    bases.append((f"{family} {name}", chain))
            case {"rule": {"family": family, "table": name, "chain": chain, "expr": expressions}}:
                tables.setdefault(f"{family} {name}", {}).setdefault(chain, []).append(_nft_line(expressions))
    excluded = set(without)
    found = [_find(table, tables.get(table, {}), chain, packet) for table, chain in bases if table not in excluded]
    return tuple(cover for cover in found if cover)


def _nft_line(expressions: Sequence[Json]) -> Line:
    tests: list[Test] = []
    action, target, said = "", "", []
    for expression in expressions:
        ((kind, body),) = expression.items()
        if kind == "match":
            key, values = _nft_key(body["left"]), _nft_values(body["right"])
            tests.append(_test(_NFT.get(key), values, negated=body["op"] == "!="))
            shown = {"True": "exists", "False": "missing"}
            operator = "!= " if body["op"] == "!=" else ""
            said.append(f"{key} {operator}{','.join(shown.get(str(v), _nft_network(v) or str(v)) for v in values)}")
        elif kind in _TRANSLATES | _DROPS | _ENDS | {"return"}:
            action = kind
            said.append(kind)
        elif kind in {"jump", "goto"}:
            action, target = kind, body["target"]
        elif kind not in {"counter", "log", "mangle"}:
            tests.append(_unknown)
    return Line(" ".join(said), tests, action, target)


def _nft_key(left: object) -> str:
    """What is compared, in nft's own words."""
    match left:
        case {"meta": {"key": str(key)}}:
            return key
        case {"ct": {"key": str(key)}}:
            return f"ct {key}"
        case {"rt": {"key": str(key)}}:
            return f"rt {key}"
        case {"payload": {"protocol": protocol, "field": name}}:
            return f"{protocol} {name}"
        case {"fib": {"result": "type", "flags": list(flags)}}:
            return f"fib {' . '.join(flags)} type"
    return "something"


def _nft_values(right: object) -> Sequence[object]:
    match right:
        case {"set": list(values)} | list(values):
            return values
    return [right]


def _nft_network(value: object) -> str | None:
    match value:
        case str():
            return value
        case {"prefix": {"addr": str(address), "len": int(length)}}:
            return f"{address}/{length}"
    return None


def by_iptables(lines: Iterable[Sequence[str]], family: Family, table: str, packet: Packet) -> Cover | None:
    """The cover in a table of iptables, from the words of its `-S` lines."""
    if packet.source.version != family:
        return None
    chains: Chains = {}
    for words in lines:
        if len(words) > 1 and words[0] == "-A":
            chains.setdefault(words[1], []).append(_iptables_line(words))
    start = "POSTROUTING" if table in {"nat", "mangle"} else "OUTPUT"
    return _find(f"{NFT_FAMILY[family]} {table}", chains, start, packet)


def _iptables_line(words: Sequence[str]) -> Line:
    action, target, tests = "", "", []
    rest = list(words[2:])
    while rest:
        negated = rest[0] == "!" and bool(rest.pop(0))
        flag = rest.pop(0) if rest else ""
        if flag in {"-j", "-g"}:
            target = rest.pop(0) if rest else ""
            known = target.lower() in _TRANSLATES | _DROPS | _ENDS | {"return"}
            action = target.lower() if known else "goto" if flag == "-g" else "jump"
            break  # what follows belongs to the target
        values = []
        while rest and not rest[0].startswith("-") and rest[0] != "!":
            values.append(rest.pop(0))
        if flag == "--src-type" and "--limit-iface-out" in words:
            flag = "--src-type on the interface"
        tests.append(_test(_IPTABLES.get(flag), values, negated=negated))
    return Line(" ".join(words), tests, action, target)


def _test(equals: Equals | None, values: Sequence[object], *, negated: bool) -> Test:
    def test(packet: Packet) -> bool | None:
        named_set = any(str(value).startswith("@") for value in values)
        found = equals(values, packet) if equals and not named_set else None
        return found if found is None or not negated else not found

    return test


def _unknown(_: Packet) -> None:
    """What is not understood."""


def _named(interface: str, pattern: str, wildcard: str) -> bool:
    return interface.startswith(pattern[:-1]) if pattern.endswith(wildcard) else interface == pattern


def _one_of(*wanted: object) -> Equals:
    return lambda values, _: any(each in wanted for value in values for each in [value, *str(value).split(",")])


def _from(values: Sequence[object], packet: Packet) -> bool | None:
    return _inside(values, packet.source)


def _to(values: Sequence[object], packet: Packet) -> bool | None:
    return _inside(values, packet.destination)


def _inside(values: Sequence[object], address: Address) -> bool | None:
    try:
        return any(address in ip_network(_nft_network(value) or "") for value in values)
    except ValueError:
        return None


# What is asked of the packet, in each language's words. It is the first of a UDP flow of this host, from an address
# that is its own but not of the interface it leaves by.
_NFT: dict[str, Equals] = {
    "oifname": lambda values, packet: any(_named(packet.egress, str(name), "*") for name in values),
    "oif": lambda values, packet: packet.egress in values,
    "iifname": lambda *_: False,
    "iif": lambda *_: False,
    "nfproto": lambda values, packet: f"ipv{packet.source.version}" in values,
    "l4proto": _one_of("udp"),
    "ip saddr": _from,
    "ip6 saddr": _from,
    "ip daddr": _to,
    "ip6 daddr": _to,
    "fib saddr . oif type": lambda values, _: values != ["local"],
    "rt ipsec": _one_of(False),
    "ct direction": _one_of("original"),
    "ct state": _one_of("new"),
}
_IPTABLES: dict[str, Equals] = {
    "-o": lambda values, packet: any(_named(packet.egress, str(name), "+") for name in values),
    "-i": lambda *_: False,
    "-s": _from,
    "-d": _to,
    "-p": _one_of("udp", "all", "17", "0"),
    "--src-type": _one_of("LOCAL"),
    "--src-type on the interface": lambda values, _: values != ["LOCAL"],
    "--ctdir": _one_of("ORIGINAL"),
    "--ctstate": _one_of("NEW"),
    "--state": _one_of("NEW"),
    "--pol": _one_of("none"),
    **dict.fromkeys(("-m", "--comment", "--dir", "--limit-iface-out"), lambda *_: True),
}
