"""Doctor: whom to ask, the questions, what was found, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from landfast import clock
from landfast.diagnose.evidence import Evidence
from landfast.diagnose.explain import explain
from landfast.errors import BadFile, RequestError
from landfast.kernel import routes
from landfast.kernel.host import Host
from landfast.kernel.metered import Meter, MeteredHost
from landfast.model.facts import (
    Confined,
    DefaultRouteSeen,
    Fact,
    IceServerMistake,
    IceServersRead,
    InterfaceSeen,
    ServerClock,
    TcpTried,
    encode,
    written,
)
from landfast.model.findings import Finding, Severity
from landfast.model.iceservers import StunServer, TurnServer
from landfast.probes import servers
from landfast.probes.plan import OpenQuestion, Plan, Servers, Wish, plan
from landfast.probes.questions import Interfaces
from landfast.walk import Hear, Seen, ask

SCHEMA_VERSION = 1
LARGEST = 2 << 20
"""Bytes of an application's file that are read; `wire.iceservers` refuses those of more than half as many."""


@dataclass(frozen=True)
class Request:
    """What somebody wants to know, and whom there is to ask. `servers`: as `probes.servers.named` reads them."""

    wish: Wish = field(default_factory=Wish)
    servers: tuple[str, ...] = ()
    ice_servers: tuple[Path, ...] = ()
    authority: str = ""


@dataclass
class Examination:
    """What is known so far; it is filled while it runs, and kept when that is interrupted."""

    seen: Seen = field(default_factory=Seen)
    meter: Meter = field(default_factory=Meter)
    began: float = field(default_factory=clock.monotonic)
    seconds: float | None = None
    """How long it took; None while it was not finished."""
    _judged: tuple[tuple[int, int], dict[str, tuple[Finding, ...]]] = field(default=((-1, -1), {}), repr=False)

    def finish(self) -> None:
        """No more will come; the first time counts."""
        if self.seconds is None:
            self.seconds = clock.monotonic() - self.began

    @property
    def by_uplink(self) -> dict[str, tuple[Finding, ...]]:
        """The findings of each uplink; one without a name where nobody named any. Judged anew when there is more."""
        known = len(self.seen.told), len(self.seen.asked)
        if self._judged[0] != known:
            self._judged = known, {uplink: self.seen.findings(uplink) for uplink in self.seen.uplinks()}
        return self._judged[1]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, each once, the worst first."""
        found = dict.fromkeys(finding for found in self.by_uplink.values() for finding in found)
        return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))

    def of(self, finding: Finding) -> tuple[str, ...]:
        """The uplinks that have a finding."""
        return tuple(uplink for uplink, found in self.by_uplink.items() if finding in found)

    @property
    def could_not(self) -> str:
        """Why nothing could be measured; empty where something was."""
        facts = self.seen.facts
        if any(isinstance(fact, InterfaceSeen) for fact in facts):
            if not any(isinstance(fact, DefaultRouteSeen) for fact in facts):
                return "this host has no default route: there is no network to ask"
        elif not facts:
            return "; ".join(map(str, self.seen.open())) or "nothing was asked"
        return ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever reads the findings must know."""
        confined = [fact for fact in self.seen.facts if isinstance(fact, Confined)]
        return tuple(
            f"this is a container without the host's own network ({fact.by}): what is found is true of its network "
            "only; run it with the host's (Docker: --network host)"
            for fact in confined[:1]
        )

    def as_json(self) -> dict[str, Any]:
        """One object, for `--json`."""
        found = [
            {**finding.as_json(), "title": explain(finding).title, "uplinks": [u for u in self.of(finding) if u]}
            for finding in self.findings
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "finished": self.seconds is not None,
            "findings": found,
            "unknown": [asdict(each) for each in self.seen.open()],
            "nat": [{"local": each.address, **asdict(each.nat)} for each in Evidence(self.seen.facts).translations],
            "notes": list(self.notes),
            "could_not_measure": self.could_not or None,
            "uplinks": [uplink for uplink in self.seen.uplinks() if uplink],
            "asked": [ended.question.name for ended in self.seen.ended if not ended.problem],
            "cost": {
                "seconds": round(clock.monotonic() - self.began if self.seconds is None else self.seconds, 3),
                "packets_sent": self.meter.packets_sent,
                "bytes_sent": self.meter.bytes_sent,
                "packets_received": self.meter.packets_received,
                "bytes_received": self.meter.bytes_received,
                "flows": len(self.meter.flows),
            },
        }

    def facts_text(self) -> str:
        """Every fact, one JSON object a line."""
        return "".join(f"{encode(fact)}\n" for fact in self.seen.facts)


async def prepare(host: Host, request: Request, seen: Seen) -> Plan:
    """Look up whom to ask, and plan. What an application's own file says goes into `seen`. Raises RequestError."""
    names = [servers.named(word) for word in request.servers]
    stun, relays, facts = _application(request.ice_servers)
    seen.told += [(Interfaces(), fact) for fact in facts]
    known, problems = Servers(), tuple[OpenQuestion, ...]()
    await _interfaces_exist(host, request.wish.interfaces)
    if await routes.defaults(host, 4) or await routes.defaults(host, 6):  # else a look-up only costs time
        patience = servers.PATIENCE if request.wish.quick else servers.MORE_PATIENCE
        known, problems = await servers.find(host, (*names, *stun), relays, request.authority, patience)
        now = clock.monotonic()  # a reflector tells about itself over TCP
        seen.told += [(Interfaces(), TcpTried(now, each.control, ok=True, problem="")) for each in known.reflectors]
        clocks = [(f"http://{written(each.control)}", each.ahead) for each in known.reflectors]
        seen.told += [(Interfaces(), ServerClock(now, url, ahead)) for url, ahead in clocks if ahead is not None]
    seen.unasked += problems
    return plan(request.wish, known)


async def _interfaces_exist(host: Host, names: Iterable[str]) -> None:
    if names:
        there = [interface.name for interface in await routes.interfaces(host)]
        for name in names:
            if name not in there:
                raise RequestError(f"--interface {name}: there is no such interface, but {', '.join(there)}")


def _application(paths: Iterable[Path]) -> tuple[tuple[servers.Named, ...], tuple[TurnServer, ...], list[Fact]]:
    """The STUN and TURN servers of an application's files, and what is wrong in those."""
    stun: list[servers.Named] = []
    relays: list[TurnServer] = []
    facts: list[Fact] = []
    for path in paths:
        from landfast.wire import iceservers

        read = iceservers.parse(_content(path), str(path), clock.wall().timestamp())
        now = clock.monotonic()
        stun += servers.of_application(each for each in read.servers if isinstance(each, StunServer))
        relays += [each for each in read.servers if isinstance(each, TurnServer)]
        facts.append(IceServersRead(now, str(path), read.urls))
        facts += [IceServerMistake(now, str(path), m.entry, m.url, m.mistake, m.detail) for m in read.mistakes]
    return tuple(stun), tuple(relays), facts


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as problem:
        raise BadFile(path, None, problem.strerror or str(problem)) from None


async def examine(host: Host, request: Request, made: Examination, hear: Hear = lambda _: None) -> None:
    """Ask everything, into `made`."""
    metered = MeteredHost(host, made.meter)
    await ask(metered, await prepare(metered, request, made.seen), made.seen, hear)
    made.finish()
