"""The rules of `ruleset.py` in three languages: nft's JSON, nft's text, iptables' lines; and back from JSON. Pure.

What is written here is written as the program lists it again, so that comparing what is there with what is wanted is
comparing for equality (a test loads every form and lists it).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from landfast.model.routing import Family
from landfast.remedies.masquerade.ruleset import (
    Answer,
    Condition,
    Foreign,
    From,
    Leaving,
    NotForIpsec,
    Place,
    Rule,
    Untranslatable,
)
from landfast.wire.netfilter import NFT_FAMILY, Json, Table

TABLE = "landfast"
CHAIN = "LANDFAST"
"""Our chain in a table of iptables; one jump leads there, known by its comment."""


@dataclass(frozen=True)
class Hook:
    """Where a place is. For nft a base chain of our own table; for iptables a built-in chain, and where in it the jump
    goes.
    """

    kind: str
    hook: str
    priority: int
    table: Table
    builtin: str
    first: bool


# Priorities, from <linux/netfilter_ipv4.h>: filter 0, source NAT 100. Translation one later than others': theirs come
# first, as a rule appended to POSTROUTING would let them. `leave` after every source NAT. In iptables `leave` is
# mangle, which comes before NAT, and yet right for what NAT does not touch. Dropping must be first in OUTPUT: others
# accept there.
HOOKS: dict[Place, Hook] = {
    "output": Hook("filter", "output", 0, "filter", "OUTPUT", first=True),
    "translate": Hook("nat", "postrouting", 101, "nat", "POSTROUTING", first=False),
    "leave": Hook("filter", "postrouting", 110, "mangle", "POSTROUTING", first=False),
}

_FIXED: dict[type[Condition], tuple[str, Json, str]] = {
    Foreign: (
        "fib saddr . oif type != local",
        {"op": "!=", "left": {"fib": {"result": "type", "flags": ["saddr", "oif"]}}, "right": "local"},
        "-m addrtype ! --src-type LOCAL --limit-iface-out",
    ),
    Answer: (
        "ct direction reply",
        {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "reply"},
        "-m conntrack --ctdir REPLY",
    ),
    Untranslatable: (
        "ct state invalid,untracked",
        {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["invalid", "untracked"]},
        "-m conntrack --ctstate INVALID,UNTRACKED",
    ),
    NotForIpsec: (
        "rt ipsec missing",
        {"op": "==", "left": {"rt": {"key": "ipsec"}}, "right": False},
        "-m policy --dir out --pol none",
    ),
}


def nft_json(rules: Iterable[Rule], table: str = TABLE) -> tuple[Json, ...]:
    """Tables, chains and rules as `nft -j list ruleset` shows them, without handles and with counters of 0."""
    found: list[Json] = []
    for family, places in _arranged(rules).items():
        here = {"family": NFT_FAMILY[family], "table": table}
        found.append({"table": {"family": NFT_FAMILY[family], "name": table}})
        for place in places:
            hook = HOOKS[place]
            base = {"type": hook.kind, "hook": hook.hook, "prio": hook.priority, "policy": "accept"}
            found.append({"chain": {**here, "name": place, **base}})
        for place, inside in places.items():
            found += [{"rule": {**here, "chain": place, "expr": _expressions(rule)}} for rule in inside]
    return tuple(found)


def _expressions(rule: Rule) -> list[Json]:
    matches = [{"match": _json(condition)} for condition in rule.conditions]
    return [*matches, {"counter": {"packets": 0, "bytes": 0}}, {rule.verdict: None}]


def _json(condition: Condition) -> Json:
    match condition:
        case Leaving(interface):
            return {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": interface}
        case From(network):
            protocol = "ip" if network.version == 4 else "ip6"
            address = str(network.network_address)
            one = network.prefixlen == network.max_prefixlen
            right = address if one else {"prefix": {"addr": address, "len": network.prefixlen}}
            return {"op": "==", "left": {"payload": {"protocol": protocol, "field": "saddr"}}, "right": right}
        case _:
            return _FIXED[type(condition)][1]


_KINDS = ("table", "chain", "rule")


def canonical(listed: Iterable[Json]) -> tuple[Json, ...]:
    """Listed objects of one or more tables as `nft_json` would write them: without handles, counters at 0, rules last.

    Versions differ in what they list first: nft 0.9.8 has a chain's rules right behind it, 1.0.6 behind all chains.
    """
    found = []
    for each in listed:
        ((kind, body),) = each.items()
        kept = {name: value for name, value in body.items() if name != "handle"}
        if kind == "rule":
            kept["expr"] = [{"counter": {"packets": 0, "bytes": 0}} if "counter" in e else e for e in kept["expr"]]
        found.append({kind: kept})
    order = {
        (each["family"], each["name"]): index for index, each in enumerate(e["table"] for e in found if "table" in e)
    }
    return tuple(sorted(found, key=lambda each: (order.get(_table(each), 0), _kind(each))))


def _table(each: Json) -> tuple[str, str]:
    ((kind, body),) = each.items()
    return body["family"], body["name" if kind == "table" else "table"]


def _kind(each: Json) -> int:
    (kind,) = each
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def shape(objects: Iterable[Json]) -> list[str]:
    """What no version of nft lists otherwise than it was written: base chains, and the verdicts of their rules."""
    found = []
    for each in objects:
        match each:
            case {"chain": {"family": family, "name": name, "hook": hook, "prio": priority}}:
                found.append(f"{family} {name}: {hook} {priority}")
            case {"rule": {"family": family, "chain": name, "expr": [*_, verdict]}}:
                found.append(f"{family} {name}: {' '.join(verdict)}")
    return found


@dataclass(frozen=True)
class Counted:
    """A rule in force and what it has matched since it was made."""

    rule: Rule
    packets: int
    bytes: int


def read_rule(listed: Json) -> Counted | None:
    """A listed rule of our own table, as the rule it is; None for one that we never write."""
    families = {name: family for family, name in NFT_FAMILY.items()}
    *matches, counter, verdict = listed["expr"] if len(listed["expr"]) > 1 else ({}, {}, {})
    conditions = [_condition(each.get("match", {})) for each in matches]
    (said,) = verdict or {"": None}
    known = [condition for condition in conditions if condition is not None]
    if (
        len(known) != len(conditions)
        or "counter" not in counter
        or listed["chain"] not in HOOKS
        or said not in {"masquerade", "drop", "return"}
    ):
        return None
    rule = Rule(families[listed["family"]], listed["chain"], tuple(known), said)
    return Counted(rule, counter["counter"]["packets"], counter["counter"]["bytes"])


def _condition(match: Json) -> Condition | None:
    known = _known().get(json.dumps(match, sort_keys=True))
    if known:
        return known
    left, right = json.dumps(match.get("left")), match.get("right")
    if "oifname" in left and isinstance(right, str):
        return Leaving(right)
    if '"saddr"' in left and "payload" in left:
        network = _network(right)
        return From(network) if network else None
    return None


@cache
def _known() -> dict[str, Condition]:
    fixed = (Foreign(), Answer(), Untranslatable(), NotForIpsec())
    return {json.dumps(_FIXED[type(condition)][1], sort_keys=True): condition for condition in fixed}


def _network(right: object) -> IPv4Network | IPv6Network | None:
    try:
        match right:
            case str():
                return ip_network(right)
            case {"prefix": {"addr": address, "len": length}}:
                return ip_network(f"{address}/{length}")
    except ValueError:
        pass
    return None


def nft_text(rules: Iterable[Rule]) -> str:
    """A file for `nft -f`: it puts our tables in the place of whatever they were. Nothing of others is named."""
    lines = []
    for family, places in _arranged(rules).items():
        name = f"{NFT_FAMILY[family]} {TABLE}"
        lines += [f"table {name}", f"delete table {name}", f"table {name} {{"]
        for place, inside in places.items():
            hook = HOOKS[place]
            lines += [
                f"\tchain {place} {{",
                f"\t\ttype {hook.kind} hook {hook.hook} priority {hook.priority}; policy accept;",
            ]
            lines += [f"\t\t{nft_line(rule)}" for rule in inside]
            lines.append("\t}")
        lines.append("}")
    return "".join(f"{line}\n" for line in lines)


def nft_line(rule: Rule) -> str:
    """One rule as nft's text."""
    return " ".join([*(_text(condition) for condition in rule.conditions), "counter", rule.verdict])


def _text(condition: Condition) -> str:
    match condition:
        case Leaving(interface):
            return f'oifname "{interface}"'
        case From(network):
            return f"{'ip' if network.version == 4 else 'ip6'} saddr {_shortest(network)}"
        case _:
            return _FIXED[type(condition)][0]


def _shortest(network: IPv4Network | IPv6Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def iptables_lines(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The rules of one place as `iptables -S` shows them in our chain, without the leading `-A LANDFAST`."""
    return tuple(_iptables_line(rule) for rule in rules)


def _iptables_line(rule: Rule) -> str:
    # -S writes the source before the interface, and both before the matches
    order: list[tuple[int, str]] = []
    for condition in rule.conditions:
        match condition:
            case From(network):
                order.append((0, f"-s {network}"))
            case Leaving(interface):
                order.append((1, f"-o {interface}"))
            case _:
                order.append((2, _FIXED[type(condition)][2]))
    return " ".join([*(words for _, words in sorted(order, key=lambda pair: pair[0])), f"-j {rule.verdict.upper()}"])


def readable(rules: Iterable[Rule], backend: Literal["nft", "iptables"]) -> Iterator[str]:
    """The rules for a person, each place under its heading."""
    for (family, place), inside in by_table(rules).items():
        hook = HOOKS[place]
        if backend == "nft":
            yield f"table {NFT_FAMILY[family]} {TABLE}, hook {hook.hook}, priority {hook.priority}:"
            yield from (f"  {nft_line(rule)}" for rule in inside)
        else:
            yield f"table {NFT_FAMILY[family]} {hook.table}, from {hook.builtin}:"
            yield from (f"  {line}" for line in iptables_lines(inside))


def by_table(rules: Iterable[Rule]) -> dict[tuple[Family, Place], tuple[Rule, ...]]:
    """The rules by where they stand."""
    return {
        (family, place): tuple(inside)
        for family, places in _arranged(rules).items()
        for place, inside in places.items()
    }


def _arranged(rules: Iterable[Rule]) -> dict[Family, dict[Place, list[Rule]]]:
    found: dict[Family, dict[Place, list[Rule]]] = {}
    for rule in rules:
        found.setdefault(rule.family, {}).setdefault(rule.place, []).append(rule)
    return found
