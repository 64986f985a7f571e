"""`async with Lab("mifi") as lab`: a network that stands, was verified, and has its servers running.

lab.host("robot")       any host or router of the network, as a Host
lab.services            addresses of the STUN, TURN and signalling servers; `environment` for guests
await lab.event(...)    let something happen to it
await lab.violations()  the carrier's own count, for whoever wants to compare: the laboratory knows the truth
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from landfast.errors import LandfastError, RequestError, UnknownName
from landfast.kernel import nft
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox, SandboxHost
from landfast.lab import build, parse, services, topology, verify
from landfast.lab.hosts import Attachments, Change
from landfast.lab.kept import Kept
from landfast.lab.links import Links
from landfast.lab.network import INTERNET, ON_HOSTS, SERVER, Event, Network, Occasion
from landfast.lab.services import Services, Serving
from landfast.lab.verify import Measured


@dataclass(frozen=True)
class Violations:
    """What the gateway counted since the network stood: packets with a foreign source, sessions deleted for them."""

    packets: int
    resets: int


class Lab:
    """A laboratory network. Entering builds and verifies it, leaving leaves nothing.

    Entering raises NotAsDeclared when it is not what it says, CapabilityMissing where it cannot be built. Leaving
    raises a WorldError when a part of it had ended by itself: what happened then did not happen in this network.
    """

    sandbox: Sandbox
    links: Links

    def __init__(
        self,
        network: Network | str,
        *,
        verified: bool = True,
        served: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.network = parse.profile(network) if isinstance(network, str) else network
        try:
            self.plan = topology.plan(self.network)
        except ValueError as problem:
            raise RequestError(str(problem)) from None
        self.measured: Measured | None = None
        self._verified, self._served, self._progress = verified, served, progress
        self._hosts: dict[str, SandboxHost] = {}
        self._attachments = Attachments(self.plan)
        self._keepers: dict[str, asyncio.Task[Kept]] = {}
        self._serving: Serving | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: LandfastError | None = None
        self._news = asyncio.Event()  # that something ended

    async def __aenter__(self) -> Lab:
        async with AsyncExitStack() as stack:
            self._progress(f"building {self.network.name}")
            self.sandbox = await stack.enter_async_context(Sandbox())
            stack.callback(self._leave)
            self._hosts, self.links = await build.build(self.sandbox, self.plan)
            if self._verified:
                self._progress("verifying it")
                self.measured = await verify.verify(self)
            if self._served:
                self._progress("starting its servers")
                self._serving = await services.start(self.host(SERVER))
                for server in self._serving.servers.values():
                    server.ended.add_done_callback(self._heard)
            await asyncio.gather(*(self._keeper(name) for name in self._kept()))
            for event in self.network.events:
                if event.at is not None and event.what in ON_HOSTS:
                    self._spawn(self._later(event, event.at))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        broken = self.problem
        await self._stack.__aexit__(kind, problem, trace)
        if broken and kind is None:
            raise broken

    def _leave(self) -> None:
        for task in (*self._tasks, *self._keepers.values()):
            task.cancel()
        for kept in self._standing():
            kept.leave()

    def _standing(self) -> list[Kept]:
        """The keepers that were started."""
        done = [task for task in self._keepers.values() if task.done() and not task.cancelled()]
        return [task.result() for task in done if not task.exception()]

    @property
    def problem(self) -> LandfastError | None:
        """What has ended by itself, or could not be done at its time; None while all is well."""
        serving = self._serving.problem if self._serving else None
        return self._failed or next((kept.problem for kept in self._standing() if kept.problem), serving)

    async def broken(self) -> LandfastError:
        """Wait until there is a problem."""
        while not self.problem:
            self._news.clear()
            await self._news.wait()
        return self.problem

    def _heard(self, _: asyncio.Task[Any]) -> None:
        self._news.set()

    def host(self, name: str) -> Host:
        """A host or router by name. Raises UnknownName."""
        if name not in self.names:
            raise UnknownName("host", name, self.names)
        return self._hosts[name]

    @property
    def names(self) -> list[str]:
        """Every host and router."""
        return [INTERNET, SERVER, *self.network.routers, *self.network.hosts]

    @property
    def impairment(self) -> str | None:
        """What impairs its links: `netem`, or `wire`, `nft` and `tbf` (`impair.py` tells which does what); or None.

        The delays as measured are in `links.delays`.
        """
        return ", ".join(self.links.means) or None

    @property
    def services(self) -> Services:
        """Where its servers are. Raises RequestError when it was built without."""
        if not self._serving:
            raise RequestError(f"{self.network.name} was built without servers")
        return self._serving.services

    @property
    def environment(self) -> dict[str, str]:
        """What guests are told: LANDFAST_STUN, LANDFAST_TURN, LANDFAST_SIGNALLING and their company."""
        return self._serving.services.environment if self._serving else {}

    async def event(self, what: Occasion | str, on: str = "", *, lasts: float | None = None) -> None:
        """Let something happen now; returns when it has taken effect.

        Without `on` it happens to the robot, or to the outermost router on its way that it can happen to. Raises
        UnknownName, RequestError, and WorldError when the router's keeper has ended.
        """
        if what not in list(Occasion):
            raise UnknownName("event", what, [*Occasion])
        occasion = Occasion(what)
        try:
            event = Event(what=occasion, on=on or self._usual(occasion), lasts=lasts)
            self.network.admits(event)
        except ValidationError as problem:
            raise RequestError(problem.errors()[0]["msg"].removeprefix("Value error, ")) from None
        except ValueError as problem:
            raise RequestError(str(problem)) from None
        await self._happen(event)

    def occasions(self) -> list[Occasion]:
        """What can happen at its usual place."""
        return [what for what in Occasion if self._usual(what) and self.network.may(what, self._usual(what))]

    def _usual(self, what: Occasion) -> str:
        """Where an event happens by default; empty when the robot stands directly on the internet."""
        if what in ON_HOSTS:
            return "robot"
        via = next(a.via for a in self.plan.attachments if a.host == "robot")
        path = self.network.path(via)
        return next((name for name in reversed(path) if self.network.may(what, name)), path[-1] if path else "")

    async def _happen(self, event: Event) -> None:
        if event.what not in ON_HOSTS:
            await (await self._keeper(event.on)).ask(event)
            return
        change = self._attachments.begin(event)
        await build.ip(self.host(event.on), change.lines)
        if event.lasts:
            self._spawn(self._end(change, event.on, event.lasts))

    async def _later(self, event: Event, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._happen(event)

    async def _end(self, change: Change, host: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if lines := self._attachments.end(host, change):
            await build.ip(self.host(host), lines)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it meanwhile; its failure is the laboratory's `problem`."""

        async def watched() -> None:
            try:
                await work
            except LandfastError as problem:
                self._failed = self._failed or problem
                self._news.set()

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _kept(self) -> list[str]:
        """Routers that act on what crosses them or on a clock."""
        routers = self.network.routers
        acting = [name for name, r in routers.items() if r.gateway or (r.nat and r.nat.max_age)]
        waiting = [e.on for e in self.network.events if e.what not in ON_HOSTS]
        return list(dict.fromkeys([*acting, *waiting]))

    async def _keeper(self, router: str) -> Kept:
        """The keeper of a router, started when it is first needed."""
        if router not in self._keepers:
            self._keepers[router] = asyncio.create_task(self._keep(router))
        return await asyncio.shield(self._keepers[router])

    async def _keep(self, router: str) -> Kept:
        kept = await Kept.start(self.host(router), self.network, router)
        kept.hearing.add_done_callback(self._heard)
        return kept

    async def violations(self) -> Violations:
        """The carriers' own counters: nft's for packets, the keepers' for resets. Raises WorldError if one ended."""
        packets = resets = 0
        for name, router in self.network.routers.items():
            if router.gateway:
                kept = await self._keeper(name)
                if kept.problem:
                    raise kept.problem
                counters = [each["counter"] for each in await nft.listing(self.host(name)) if "counter" in each]
                packets += sum(each["packets"] for each in counters if each["table"] == "router")
                resets += kept.resets
        return Violations(packets, resets)
