"""What there is on a host: a World is all that the remedy must know of it, a State is what is ours. Pure.

Ours are tables of nftables, chains of iptables, files. What is there and what is wanted are both a State: `enable` goes
from the present State to the wanted one, `disable` to the empty one, a failed change and an unconfirmed one back to the
State before: all by `diff.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from landfast.model.address import InterfaceAddress
from landfast.model.routing import DefaultRoute, Family, Interface
from landfast.remedies.masquerade.languages import (
    CHAIN,
    HOOKS,
    TABLE,
    by_table,
    iptables_lines,
    nft_json,
)
from landfast.remedies.masquerade.made import Made, Spot
from landfast.remedies.masquerade.ruleset import Place, Rule
from landfast.wire.netfilter import NFT_FAMILY, Json

COMMENT = "landfast"
NOTES: dict[Made, str] = {"": COMMENT, "chain": f"{COMMENT}:made-chain", "table": f"{COMMENT}:made-table"}
"""The comment on the jump to our chain: whose it is, and what was made for it."""
TRIAL = f"{CHAIN}-TRY"
"""The throw-away chain in which a form is tried; one that outlived a kill is removed with the rest."""


@dataclass(frozen=True)
class Chain:
    """Our part of one table of iptables. `lines` are the rules of our chain, `jumps` the rules that lead there, all as
    `-S` has them.

    `made` stands in a comment of the jump (or of the trial), so it is known exactly as long as the rules are there.
    """

    family: Family
    place: Place
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    made: Made = ""


@dataclass(frozen=True)
class Regular:
    """A file. Its text is read with `surrogateescape`, so that any bytes come back as they were."""

    text: str
    mode: int


@dataclass(frozen=True)
class Symlink:
    """A symbolic link."""

    target: str


Entry = Regular | Symlink | None


@dataclass(frozen=True)
class State:
    """All that is ours. `files` has every path that could be ours, with what is there: None, or whole contents, also of
    a file that is shared with others.
    """

    nft: tuple[Json, ...] = ()
    iptables: tuple[Chain, ...] = ()
    files: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """Whether any rule is there."""
        return bool(self.nft or self.iptables)

    @property
    def tables_made(self) -> tuple[Spot, ...]:
        """Whose tables iptables-nft made for us."""
        return tuple((chain.family, chain.place) for chain in self.iptables if chain.made == "table")

    def encoded(self) -> dict[str, Any]:
        """For JSON; `decoded` reads it."""
        return asdict(self)

    @staticmethod
    def decoded(said: Mapping[str, Any]) -> State:
        """What `encoded` wrote. Raises LookupError or TypeError for anything else."""
        chains = tuple(_chain(each) for each in said["iptables"])
        return State(tuple(said["nft"]), chains, {path: _entry(entry) for path, entry in said["files"].items()})


def _chain(said: Mapping[str, Any]) -> Chain:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return Chain(**fields)


def _entry(said: Mapping[str, Any] | None) -> Entry:
    if said is None:
        return None
    return Symlink(**said) if "target" in said else Regular(**said)


@dataclass(frozen=True)
class World:
    """A host at one moment. `listing` is nftables' ruleset; None where there is no nft that can be used."""

    interfaces: tuple[Interface, ...]
    defaults: tuple[DefaultRoute, ...]
    ipv6: bool
    listing: tuple[Json, ...] | None
    state: State
    systemd_runs: bool
    missing: Mapping[Spot, Made] = field(default_factory=dict)
    """What iptables-nft has not made yet; nothing where iptables is the legacy one."""

    @property
    def addresses(self) -> tuple[InterfaceAddress, ...]:
        """Of all interfaces."""
        return tuple(address for interface in self.interfaces for address in interface.addresses)


def with_rules(
    rules: Iterable[Rule], backend: Literal["nft", "iptables"], now: State, missing: Mapping[Spot, Made]
) -> State:
    """The State with these rules and no others; files as they are. `missing`: what iptables-nft will have to make."""
    if backend == "nft":
        return State(nft_json(rules), (), now.files)
    known = {(chain.family, chain.place): chain.made for chain in now.iptables if chain.jumps}
    chains = []
    for (family, place), inside in by_table(rules).items():
        note = known.get((family, place), missing.get((family, place), ""))
        jump = f"{HOOKS[place].builtin} -m comment --comment {NOTES[note]} -j {CHAIN}"
        chains.append(Chain(family, place, (CHAIN,), iptables_lines(inside), (jump,), note))
    return State((), tuple(chains), now.files)


def ours(listing: Iterable[Json]) -> tuple[Json, ...]:
    """Of a listing, our own tables and what is in them."""
    return tuple(each for each in listing if _table_of(each) in {(family, TABLE) for family in NFT_FAMILY.values()})


def _table_of(listed: Json) -> tuple[str | None, str | None]:
    ((kind, body),) = listed.items()
    return body.get("family"), body.get("name" if kind == "table" else "table")


def read_chain(family: Family, place: Place, lines: Iterable[tuple[str, ...]]) -> Chain | None:
    """Our part of a table, from the words of its `-S` lines; None when nothing there is ours."""
    hook = HOOKS[place]
    names, inside, jumps, comments = [], [], [], []
    for line in lines:
        if line[:2] in {("-A", hook.builtin), ("-A", TRIAL)} and "--comment" in line:
            comments.append(line[line.index("--comment") + 1])
        match line:
            case ("-N", name) if name in {CHAIN, TRIAL}:
                names.append(name)
            case ("-A", name, *rest) if name == CHAIN:
                inside.append(" ".join(rest))
            case ("-A", name, *rest) if name == hook.builtin and rest[-2:] == ["-j", CHAIN]:
                jumps.append(" ".join([name, *rest]))
    if not names and not jumps:
        return None
    made: Made = next((note for note, comment in NOTES.items() if note and comment in comments), "")
    return Chain(family, place, tuple(names), tuple(inside), tuple(jumps), made)
