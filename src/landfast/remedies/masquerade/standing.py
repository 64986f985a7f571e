"""What is in force, and whether it works: asked of the host, judged without asking again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from landfast import clock
from landfast.kernel import iptables, routes
from landfast.kernel.host import Host
from landfast.model.routing import Family
from landfast.remedies.masquerade import confirmation, persist, threats
from landfast.remedies.masquerade.languages import CHAIN, TABLE, nft_line, read_rule
from landfast.remedies.masquerade.observe import look
from landfast.remedies.masquerade.options import Persistence
from landfast.remedies.masquerade.state import World, ours
from landfast.wire import cover
from landfast.wire.cover import Packet
from landfast.wire.netfilter import NFT_FAMILY, Json, Tables, iptables_uncounted, iptables_words


@dataclass(frozen=True)
class RuleInForce:
    """One rule of ours. `text` is as nft or iptables writes it."""

    table: str
    chain: str
    text: str
    packets: int
    bytes: int


@dataclass(frozen=True)
class ForeignSource:
    """An address of this host that can leave by another interface: a route says so. `ours` and `others` keep it from
    leaving as it is.
    """

    address: str
    interface: str
    egress: str
    ours: str | None
    others: str | None


@dataclass(frozen=True)
class Status:
    """What `landfast masquerade status` prints. `effective`: no foreign source can leave as it is; None, there is none
    to leave.
    """

    enabled: bool
    backend: Literal["nft", "iptables"] | None
    rules: tuple[RuleInForce, ...]
    foreign_sources: tuple[ForeignSource, ...]
    effective: bool | None
    matched_packets: int
    """What the translating and dropping rules have matched: packets that would have left, for translation first packets
    of flows.
    """
    persistence: Persistence | None
    unconfirmed_s: float | None
    """Seconds until the change is undone."""
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """One object, for `--json`."""
        return {"schema_version": 1, **asdict(self)}


async def status(host: Host) -> Status:
    """Ask. Raises CapabilityMissing without the right to read rules."""
    world, waiting = await look(host), confirmation.pending(host)
    leaving, tables = await asyncio.gather(
        routes.foreign_sources(host, world.addresses), iptables.tables(host, world.listing)
    )
    left = None if waiting is None else max(0.0, waiting.until - clock.monotonic())
    return judge(world, tables, leaving, threats.read(host.root), left)


def judge(
    world: World,
    tables: Tables,
    leaving: Sequence[Packet],
    configuration: threats.Configuration,
    unconfirmed_s: float | None,
) -> Status:
    """The status from what was seen. Pure."""
    backend: Literal["nft", "iptables"] | None = (
        "nft" if world.state.nft else "iptables" if world.state.iptables else None
    )
    rules = (*_nft_rules(ours(world.listing or ())), *_iptables_rules(tables))
    sources = tuple(_source(packet, world, tables) for packet in leaving)
    persistence = persist.found(world.state.files)
    return Status(
        world.state.enabled,
        backend,
        rules,
        sources,
        all(source.ours or source.others for source in sources) if sources else None,
        sum(rule.packets for rule in rules if not rule.text.lower().endswith("return")),
        persistence,
        unconfirmed_s,
        threats.warnings(configuration, backend, persistence) if backend else (),
    )


def _source(packet: Packet, world: World, tables: Tables) -> ForeignSource:
    family: Family = 4 if packet.source.version == 4 else 6
    covers = cover.covers(world.listing or (), tables, packet)
    by_us = [each for each in covers if each.table == f"{NFT_FAMILY[family]} {TABLE}" or each.chain == CHAIN]
    by_others = [each for each in covers if each not in by_us]
    interface = next(each.interface for each in world.addresses if each.address == packet.source)
    return ForeignSource(
        str(packet.source),
        interface,
        packet.egress,
        str(by_us[0]) if by_us else None,
        str(by_others[0]) if by_others else None,
    )


def _nft_rules(listed: Sequence[Json]) -> list[RuleInForce]:
    found = []
    for each in listed:
        counted = read_rule(each["rule"]) if "rule" in each else None
        if counted:
            table = f"{NFT_FAMILY[counted.rule.family]} {TABLE}"
            found.append(RuleInForce(table, counted.rule.place, nft_line(counted.rule), counted.packets, counted.bytes))
    return found


def _iptables_rules(tables: Tables) -> list[RuleInForce]:
    found = []
    for (family, name), lines in tables.items():
        for line in lines:
            words = iptables_words(line)
            if words[:2] == ("-A", CHAIN) and "-c" in words:
                packets, count = words[words.index("-c") + 1 :][:2]
                text = " ".join(iptables_uncounted(line)[2:])
                found.append(RuleInForce(f"{NFT_FAMILY[family]} {name}", CHAIN, text, int(packets), int(count)))
    return found
