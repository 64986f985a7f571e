"""What nft, iptables and conntrack read and write: their commands as data, their answers as values. Pure.

The doors that run them are `kernel/nft.py`, `kernel/iptables.py` and `kernel/conntrack.py`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Literal

from landfast.model.address import Address
from landfast.model.flow import Direction, Flow
from landfast.model.routing import Family

Json = dict[str, Any]
"""One object of libnftables-json(5): `{"rule": {...}}`, or one command: `{"add": {"rule": {...}}}`."""
Table = Literal["filter", "mangle", "nat"]
"""Those of iptables that a remedy may use."""
Tables = Mapping[tuple[Family, Table], Sequence[str]]
"""Tables of iptables by family and name, each as its `-S` lists it, with counters or without."""

NFT_FAMILY: dict[Family, str] = {4: "ip", 6: "ip6"}

NFT_APPLY = ("nft", "-j", "-f", "-")
"""The program that takes an `nft_document` on its standard input."""
_CONNTRACK_FAMILY = {4: "ipv4", 6: "ipv6"}


def nft_document(commands: Iterable[Json]) -> str:
    """Commands for `NFT_APPLY`, one a line."""
    return '{"nftables": [\n' + ",\n".join(json.dumps(command) for command in commands) + "\n]}\n"


def nft_objects(said: str) -> tuple[Json, ...]:
    """What `nft -j list` wrote, without the metainfo; some versions write nothing at all for an empty ruleset.

    Raises ValueError for what nft does not write.
    """
    return tuple(each for each in json.loads(said or '{"nftables": []}')["nftables"] if "metainfo" not in each)


def iptables(family: Family) -> str:
    """The program of a family."""
    return "iptables" if family == 4 else "ip6tables"


def iptables_restore(family: Family) -> tuple[str, ...]:
    """The program that takes lines of `iptables-save` on its standard input, and leaves alone what they do not name."""
    return (f"{iptables(family)}-restore", "--noflush", "--wait")


def iptables_words(line: str) -> tuple[str, ...]:
    """A line of `iptables -S` in its words; a quoted comment is one. A line that cannot be read has none."""
    try:
        return tuple(shlex.split(line))
    except ValueError:
        return ()


def iptables_uncounted(line: str) -> tuple[str, ...]:
    """The words of a line of `iptables -v -S` without its counters."""
    words = iptables_words(line)
    if "-c" not in words:
        return words
    place = words.index("-c")
    return (*words[:place], *words[place + 3 :])


def conntrack_listing(family: Family) -> tuple[str, ...]:
    """The command that lists a family's flows, one `conntrack_flow` a line."""
    return ("conntrack", "-L", "-f", _CONNTRACK_FAMILY[family])


def conntrack_deletion(
    source: Address, destination: Address | None = None, *, only_untranslated: bool = False
) -> tuple[str, ...]:
    """The command that forgets flows from `source` (to `destination`); `only_untranslated`: without source NAT."""
    argv = ["conntrack", "-D", "-f", _CONNTRACK_FAMILY[source.version], "--orig-src", str(source)]
    if destination is not None:
        argv += ["--orig-dst", str(destination)]
    if only_untranslated:
        argv += ["--reply-dst", str(source)]
    return tuple(argv)


def conntrack_flow(line: str) -> Flow | None:
    """One line of `conntrack -L`, with or without `-o extended`; None for a line that is no flow."""
    words = line.split()
    if words and words[0] in _CONNTRACK_FAMILY.values():
        words = words[2:]
    try:
        protocol, number, *rest = words
        seconds = int(rest.pop(0)) if rest and rest[0].isdecimal() else None
        state = rest.pop(0) if rest and "=" not in rest[0] and not rest[0].startswith("[") else None
        fields = list(_fields(rest))
        second = [name for name, _ in fields].index("src", 1)
        original, reply = dict(fields[:second]), dict(fields[second:])
        flags = frozenset(word[1:-1] for word in rest if word.startswith("[") and word.endswith("]"))
        mark = int(reply.get("mark", 0))
        return Flow(protocol, int(number), _direction(original), _direction(reply), seconds, state, flags, mark)
    except (KeyError, ValueError):
        return None


def _fields(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def _direction(fields: dict[str, str]) -> Direction:
    ports = [int(fields[name]) if name in fields else None for name in ("sport", "dport")]
    return Direction(ip_address(fields["src"]), ip_address(fields["dst"]), ports[0], ports[1])
