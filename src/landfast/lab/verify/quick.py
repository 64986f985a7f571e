"""A network's verification before each use: everything that can be asked at once, and then no trace of it."""

from __future__ import annotations

from collections.abc import Mapping

from landfast.lab.topology import Plan
from landfast.lab.verify import hop, hosts, settings
from landfast.lab.verify.asking import together
from landfast.lab.verify.measured import Measured, Row
from landfast.lab.verify.points import Hop, Point
from landfast.lab.verify.settings import Held
from landfast.lab.verify.stage import Hosts, Stage
from landfast.model.facts import MappedAddress

External = Mapping[Point, str | None]
"""Where the world sees each point; None: nothing comes back."""


async def measure(plan: Plan, host: Hosts, built: Plan | None = None) -> Measured:
    """Measure what stands against a plan. Afterwards it is as it was built: by `built`, or by the same plan.

    What differs is looked at twice: on a machine that starves one of its CPUs a packet may be later than any that was
    sent after it, or meet itself (nf_conntrack's clashes), as one network in some hundreds then shows.
    """
    async with Stage(plan, host, built) as stage:
        first = Measured(plan.network.name, tuple(await _rows(stage)))
        if first.ok:
            return first
        await stage.forget()
        return first.seen_again(Measured(plan.network.name, tuple(await _rows(stage))))


async def _rows(stage: Stage) -> list[Row]:
    """Ask everything. The routers come last: theirs are the questions that reset them in between."""
    places = [*stage.plan.routings, *stage.plan.network.hosts]
    held = dict(zip(places, await together(*(settings.held(stage.host(place)) for place in places)), strict=True))
    seen = await together(*(_external(stage, point) for point in stage.points))
    external = dict(zip(stage.points, seen, strict=True))
    of_hosts = await together(*(_host(stage, name, held[name], external) for name in stage.plan.network.hosts))
    of_routers = await together(*(_router(stage, each, held[each.name], external) for each in stage.hops))
    return [row for rows in (*of_hosts, *of_routers) for row in rows]


async def _external(stage: Stage, point: Point) -> str | None:
    asker = stage.askers.get(point)
    if asker is None:
        return None
    try:
        seen = await asker.first()
    except OSError as problem:
        stage.missing[point] = f"{point.place} has not {point.address}: {problem.strerror}"
        return None
    return seen.mapped[0] if isinstance(seen, MappedAddress) else None


async def _host(stage: Stage, name: str, held: Held, external: External) -> list[Row]:
    mine = [point for point in stage.points if point.place == name]
    answered = {point.interface: external[point] is not None for point in mine}
    found = hosts.interfaces(stage.plan, name, held, answered)
    if mine[0] in stage.missing:
        return found
    return found + await hosts.sources(stage.plan, name, stage.askers[mine[0]], stage.watches)


async def _router(stage: Stage, each: Hop, held: Held, external: External) -> list[Row]:
    found = await settings.router(stage.plan, each.routing, stage.host(each.name), held)
    if each.inside is None:
        return found  # nobody is behind it, so nobody can tell more
    if each.inside in stage.missing:
        return [*found, Row(each.name, "udp", each.router.udp, "nothing passes", stage.missing[each.inside])]
    subscribers = [address for point in each.subscribers if (address := external[point])]
    return found + await hop.rows(stage, each, subscribers, settings.addresses(held.get("wan")))
