"""What a host is: its interfaces and where they lead, its bridges, and what it does with sources that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from landfast.lab.network import INTERNET
from landfast.lab.topology import Attachment, Plan, bridge_port
from landfast.lab.verify import settings
from landfast.lab.verify.answering import Watch
from landfast.lab.verify.asking import Asker
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.settings import Held


def interfaces(plan: Plan, name: str, held: Held, answered: Mapping[str, bool]) -> list[Row]:
    """What it has, read back; `answered` says of each interface that leads somewhere whether something came back."""
    declared = plan.network.hosts[name]
    found = []
    for face, spec in declared.interfaces.items():
        has = settings.addresses(held.get(face))
        how = f"{face} has {', '.join(has) or 'no address'}" if face in held else f"there is no {face}"
        if spec.via:
            there = settings.whose(plan, has[0], spec.via) if has else NONE
            if not answered[face]:
                there, how = f"{there}, unreachable", f"{how}, and nothing comes back"
            found.append(Row(name, f"interfaces.{face}.via", spec.via, there, how))
        else:
            found.append(Row(name, f"interfaces.{face}.address", str(spec.address), _first(held, face), how))
    for face, bridge in declared.bridges.items():
        found.append(Row(name, f"bridges.{face}.address", str(bridge.address), _first(held, face), "read back"))
    six = settings.addresses(held.get("foreign6"), 6)
    said = str(declared.foreign_ipv6) if declared.foreign_ipv6 else NONE
    found.append(Row(name, "foreign_ipv6", said, six[0] if six else NONE, "the address of foreign6"))
    known = {"lo", "foreign6", *declared.interfaces, *declared.bridges, *map(bridge_port, declared.bridges)}
    if more := sorted(set(held) - known):  # what is missing is told above
        found.append(Row(name, "interfaces", NONE, ", ".join(more), "not declared"))
    return found


def _first(held: Held, face: str) -> str:
    every = held[face].addresses if face in held else ()
    return next((f"{a.address}/{a.prefix}" for a in every if a.address.version == 4), NONE)


@dataclass(frozen=True)
class _Fate:
    """What became of a packet from one of the host's addresses."""

    refused: bool
    place: str | None = None
    source: str | None = None


async def sources(plan: Plan, name: str, asker: Asker, watches: Mapping[str, Watch]) -> list[Row]:
    """What leaves from addresses that are not the egress interface's: weak hosts send it, Docker's rule translates it.

    `asker` stands at the host's first interface that leads somewhere.
    """
    declared = plan.network.hosts[name]
    first, *others = [at for at in plan.attachments if at.host == name]
    bridges = {face: str(bridge.address.ip) for face, bridge in declared.bridges.items()}
    stubs = [str(face.address.ip) for face in declared.interfaces.values() if face.address]
    addresses = [*stubs, *bridges.values(), *(str(at.address.ip) for at in others)]
    fates = await _fates(plan, asker, addresses, watches)
    found = []
    how = "; ".join(f"from {address}: {_told(fate)}" for address, fate in fates.items())
    routings = {
        _routing(fates[address], first, next((at for at in others if str(at.address.ip) == address), None))
        for address in fates
    } - {None}
    observed = " and ".join(sorted(filter(None, routings))) or None
    found.append(Row(name, "routing", declared.routing, observed, how or "it has one address only"))
    for face, bridge in declared.bridges.items():
        fate = fates.get(bridges[face], _Fate(refused=True))
        masqueraded = fate.source == str(first.address.ip) if fate.source else None
        told = f"from {bridges[face]}: {_told(fate)}"
        found.append(Row(name, f"bridges.{face}.masquerade", bridge.masquerade, masqueraded, told))
    return found


def _told(fate: _Fate) -> str:
    if fate.refused:
        return "the host does not send it"
    return f"leaves towards {fate.place} as {fate.source}" if fate.place else "lost"


def _routing(fate: _Fate, first: Attachment, own: Attachment | None) -> str | None:
    if fate.refused:
        return "strong"
    if own is None:
        return "weak" if fate.place else None
    if fate.place is None or own.via == first.via:
        return None
    return "weak" if fate.place == first.via else "strong"


async def _fates(plan: Plan, asker: Asker, addresses: Sequence[str], watches: Mapping[str, Watch]) -> dict[str, _Fate]:
    """Send from each address, and see on which LAN it appears. Addresses that the host has not are passed over."""
    marks: dict[str, bytes | None] = {}
    for address in addresses:
        try:
            line = await Line.open(asker.host, address)
        except OSError:
            continue
        mark = token()
        sent = [line.send(mark, asker.server) for _ in range(asker.attempts)]
        marks[address] = mark if any(sent) else None
        line.close()
    if any(marks.values()):
        await asker.fence()
    fates = {}
    for address, sent_mark in marks.items():
        if sent_mark is None:
            fates[address] = _Fate(refused=True)
            continue
        seen = {place: found[0][0] for place, watch in watches.items() if (found := watch.sources(sent_mark))}
        # It goes on from there: the LANs above see it, too.
        above = {upper for place in seen if place != INTERNET for upper in [*plan.network.path(place)[1:], INTERNET]}
        place = next((place for place in seen if place not in above), None)
        fates[address] = _Fate(False, place, seen.get(place or ""))
    return fates
