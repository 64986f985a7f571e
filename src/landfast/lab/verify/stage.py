"""What a verification holds open: a responder beyond each router, a watch on each LAN, an asker at each point.

Afterwards there is no trace of it: rules, sets and counters as they were built, no tracked flow, no learned path MTU.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from landfast.kernel import conntrack, nft, sysctl
from landfast.kernel.host import Host
from landfast.lab import build
from landfast.lab.network import INTERNET, NOWHERE
from landfast.lab.topology import Plan
from landfast.lab.verify.answering import PORTS, Responder, Watch
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.points import Hop, Point, first_port, hops, outside_of, points, way_of

Hosts = Callable[[str], Host]
"""A laboratory's hosts, by name."""


class Stage:
    """`async with Stage(plan, lab.host) as stage`. The plan is what is declared; `built` is what stands, if another."""

    def __init__(self, plan: Plan, host: Hosts, built: Plan | None = None) -> None:
        self.plan, self.host = plan, host
        self.hops, self.points = hops(plan), points(plan)
        self.watches: dict[str, Watch] = {}
        """By the place that has the LAN."""
        self.askers: dict[Point, Asker] = {}
        self.missing: dict[Point, str] = {}
        """Why nobody can ask from there."""
        self._built = built or plan
        self._open = ExitStack()

    async def __aenter__(self) -> Stage:
        try:
            await self._enter()
        except BaseException:
            self._open.close()
            raise
        return self

    async def _enter(self) -> None:
        responders: dict[str, Responder | str] = {}
        for outside in {outside_of(self.plan, point.via) for point in self.points}:
            try:
                responder = await Responder.open(self.host(outside.place), outside.addresses, outside.address6)
            except OSError as problem:
                responders[outside.place] = f"{outside.place} has not {' and '.join(outside.addresses)}: {problem}"
            else:
                self._open.callback(responder.close)
                responders[outside.place] = responder
        for place in {INTERNET, *(point.via for point in self.points)}:
            self.watches[place] = await Watch.open(self.host(place))
            self._open.callback(self.watches[place].close)
        for point in self.points:
            found = responders[outside_of(self.plan, point.via).place]
            if isinstance(found, str):
                self.missing[point] = found
                continue
            way, first = way_of(self.plan, point), first_port(self.plan, point)
            self.askers[point] = Asker(point, self.host(point.place), found, way, first)
            self._open.callback(self.askers[point].close)
        asking = [hop for hop in self.hops if hop.inside and hop.inside.routes]
        await together(*(nft.load(self.host(hop.inside.place), untracked(hop)) for hop in asking if hop.inside))

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        if kind is None:
            await together(*(self._no_trace(name) for name in self.plan.places if name != NOWHERE))

    async def reset(self, router: str) -> None:
        """Let a router forget everything: its rules as at the beginning, no flow, no mapping."""
        await build.load(self.host(router), self._built.routings[router])
        await conntrack.flush(self.host(router))

    async def forget(self) -> None:
        """Let everybody forget what was asked, and leave the rules alone: what stands may be asked once more."""
        await together(*(conntrack.flush(self.host(router)) for router in self.plan.routings))
        await together(*(self._unlearn(name) for name in self.plan.places if name != NOWHERE))

    async def _unlearn(self, name: str) -> None:
        """What Packet Too Big taught."""
        await sysctl.write(self.host(name), {"ipv4/route/flush": "1"})

    async def _no_trace(self, name: str) -> None:
        here, declared = self.host(name), self.plan.network.hosts.get(name)
        if name in self.plan.routings:
            await nft.load(here, _TRACKED)
            await self.reset(name)
        elif declared and declared.bridges:
            (await here.run(["iptables", "-w", "-t", "nat", "-Z"])).checked()
            await conntrack.flush(here)
        await self._unlearn(name)


# The first line so that the second one never fails.
_TRACKED = "table ip verify\ndelete table ip verify\n"


def untracked(hop: Hop) -> str:
    """Rules for a router that asks through another: its questions do not meet its own translation.

    What it forwards goes to other servers: its own hop's responder is the very router which it asks through.
    """
    above, pool, ports = (", ".join(map(str, each)) for each in (hop.outside.addresses, hop.routing.pool, PORTS))
    lines = [
        "table ip verify {",
        "  chain out {",
        "    type filter hook output priority raw;",
        f"    ip daddr {{ {above} }} notrack",
        f"    ip daddr {{ {pool} }} udp dport != {{ {ports} }} notrack",
        "  }",
        "  chain in {",
        "    type filter hook prerouting priority raw;",
        f'    iifname "wan" ip saddr {{ {above} }} notrack',
        f'    iifname "wan" ip saddr {{ {pool} }} udp sport != {{ {ports} }} notrack',
        "  }",
        "}",
    ]
    return "\n".join([*lines, ""])
