"""A host that is not there: in memory, with just enough of nft, iptables, conntrack and ip for what speaks to them by
the doors.

Trusted only as far as the same test body passes on it and on a real host. Its iptables is the legacy one, with tables
of its own; a real host of today keeps them in nftables, so both ways are met. What it does not know it refuses: a fake
that answers anything proves nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NoReturn, cast

from landfast.errors import CapabilityMissing, LandfastError
from landfast.kernel import iptables, namespaces, routes, sysctl
from landfast.kernel.host import Completed, Host, Program, R, Socket
from landfast.model.address import InterfaceAddress
from landfast.model.flow import Flow
from landfast.wire.netfilter import Json, conntrack_flow


class Refused(Exception):
    """A program's complaint: it becomes its standard error, and its code 1."""


@dataclass(frozen=True)
class Route:
    """A route of the main table."""

    to: IPv4Network | IPv6Network
    interface: str
    metric: int = 0


class FakeNft:
    """Tables, chains and rules, in the order in which they were made. `refuses`: words that no rule may have (a kernel
    without).
    """

    def __init__(self) -> None:
        self.objects: list[Json] = []
        self.refuses: set[str] = set()

    def __call__(self, argv: Sequence[str], given: str) -> str:
        match list(argv[1:]):
            case ["-j", "list", "ruleset"]:
                return json.dumps({"nftables": [{"metainfo": {"json_schema_version": 1}}, *self.listing()]})
            case ["-s", "list", "ruleset"]:
                return "".join(f"{json.dumps(each)}\n" for each in self.listing())
            case ["-j", "-f", "-"]:
                self._transaction(json.loads(given)["nftables"])
                return ""
        raise Refused(f"the fake nft does not know {' '.join(argv)}")

    def listing(self) -> list[Json]:
        """As nft orders it: each table, its chains, its rules."""
        found = []
        for table in (each for each in self.objects if "table" in each):
            inside = [each for each in self.objects if "table" not in each and _within(each, table["table"])]
            found += [table, *(e for e in inside if "chain" in e), *(e for e in inside if "rule" in e)]
        return found

    def _transaction(self, commands: Sequence[Json]) -> None:
        before = deepcopy(self.objects)
        try:
            for command in commands:
                ((verb, what),) = command.items()
                {"add": self._add, "delete": self._delete}[verb](what)
        except Refused:
            self.objects = before
            raise

    def _add(self, what: Json) -> None:
        ((kind, body),) = what.items()
        if "expr" in body and any(word in json.dumps(body) for word in self.refuses):
            raise Refused("Error: Could not process rule: Operation not supported")
        if kind != "table" and not any("table" in each and _within(what, each["table"]) for each in self.objects):
            raise Refused("Error: Could not process rule: No such file or directory")
        if kind == "rule" or what not in self.objects:
            self.objects.append(deepcopy(what))

    def _delete(self, what: Json) -> None:
        if what not in self.objects:
            raise Refused("Error: Could not process rule: No such file or directory")
        self.objects = [each for each in self.objects if each != what and not _within(each, what.get("table", {}))]


def _within(each: Json, table: Json) -> bool:
    (body,) = each.values()
    return bool(table) and (body["family"], body.get("table")) == (table["family"], table["name"])


class FakeIptables:
    """One family's tables: chains by name, each with its rules. Built-in chains are made with their table."""

    BUILT_IN: Mapping[str, tuple[str, ...]] = {
        "filter": ("INPUT", "FORWARD", "OUTPUT"),
        "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
        "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    }

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, list[str]]] = {}
        self.refuses: set[str] = set()

    def __call__(self, argv: Sequence[str], given: str) -> str:
        if argv[0].endswith("-restore"):
            before = deepcopy(self.tables)
            try:
                self._restore(given)
            except Refused:
                self.tables = before
                raise
            return ""
        match [word for word in argv[1:] if word != "--wait"]:
            case ["--version"]:
                return "iptables v1.8.9 (legacy)\n"
            case ["-t", table, "-S"]:
                return self._listed(table, "")
            case ["-t", table, "-v", "-S"]:
                return self._listed(table, "-c 0 0 ")
        raise Refused(f"the fake iptables does not know {' '.join(argv)}")

    def _listed(self, table: str, counters: str) -> str:
        chains = self.tables.get(table, {})
        own = [name for name in chains if name not in self.BUILT_IN[table]]
        lines = [f"-P {name} ACCEPT" for name in self.BUILT_IN[table]] + [f"-N {name}" for name in own]
        for name, inside in chains.items():
            for rule in inside:
                before, jump, after = rule.rpartition("-j ")
                lines.append(f"-A {name} {before}{counters}{jump}{after}")
        return "".join(f"{line}\n" for line in lines)

    def _restore(self, given: str) -> None:
        chains: dict[str, list[str]] = {}
        name = ""
        for line in given.splitlines():
            if line.startswith("*"):
                name = line[1:]
                chains = self.tables.setdefault(name, {chain: [] for chain in self.BUILT_IN[name]})
            elif line.startswith(":"):
                chains[line[1:].split()[0]] = []
            elif line.startswith("-"):
                self._line(chains, self.BUILT_IN[name], *line.split(" ", 2))

    def _line(
        self, chains: dict[str, list[str]], built_in: Sequence[str], verb: str, chain: str, rule: str = ""
    ) -> None:
        if chain not in chains or any(word in rule for word in self.refuses):
            raise Refused("iptables-restore: line failed")
        match verb:
            case "-A":
                chains[chain].append(rule)
            case "-I":
                chains[chain].insert(0, rule.removeprefix("1 "))
            case "-D" if rule in chains[chain]:
                chains[chain].remove(rule)
            case "-X" if not chains[chain] and chain not in built_in:
                del chains[chain]
            case _:
                raise Refused(f"iptables-restore: {verb} {chain} failed")


class FakeConntrack:
    """Entries as lines of `conntrack -L`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, argv: Sequence[str], given: str) -> tuple[str, str, int]:
        match list(argv[1:]):
            case ["-F"]:
                self.lines.clear()
                return "", "", 0
            case ["-L", "-f", family]:
                return "".join(f"{line}\n" for line in self._of(family)), "", 0
            case ["-D", "-f", family, *filters]:
                wanted = dict(zip(filters[::2], filters[1::2], strict=True))
                gone = [line for line in self._of(family) if self._matches(conntrack_flow(line), wanted)]
                self.lines = [line for line in self.lines if line not in gone]
                said = f"conntrack v1.4.7 (conntrack-tools): {len(gone)} flow entries have been deleted.\n"
                return "", said, 0 if gone else 1
        raise Refused(f"the fake conntrack does not know {' '.join(argv)}")

    def _of(self, family: str) -> list[str]:
        return [line for line in self.lines if (":" in line) is (family == "ipv6")]

    @staticmethod
    def _matches(flow: Flow | None, wanted: Mapping[str, str]) -> bool:
        assert flow is not None
        has = {
            "--orig-src": flow.original.source,
            "--orig-dst": flow.original.destination,
            "--reply-dst": flow.reply.destination,
        }
        return all(str(has[name]) == value for name, value in wanted.items())


@dataclass
class FakeHost(Host):
    """In memory but for its files, which are below `root`. `lacks` names programs that are not installed; `ran` is what
    was run.
    """

    root: Path
    name: str = "fake"
    addresses: list[InterfaceAddress] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    nft: FakeNft = field(default_factory=FakeNft)
    iptables: dict[int, FakeIptables] = field(default_factory=lambda: {4: FakeIptables(), 6: FakeIptables()})
    conntrack: FakeConntrack = field(default_factory=FakeConntrack)
    sysctls: dict[str, str] = field(default_factory=dict)
    lacks: set[str] = field(default_factory=set)
    ran: list[tuple[str, ...]] = field(default_factory=list)

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        known: dict[object, Callable[..., object]] = {
            iptables._legacy_tables: lambda family: tuple(self.iptables[family].tables),  # noqa: SLF001 - the other side of it
            namespaces.is_network_of_init: lambda: True,
            routes._has_ipv6: lambda: True,  # noqa: SLF001
            sysctl._read: self.sysctls.get,  # noqa: SLF001
            sysctl._write: lambda values, _: self.sysctls.update(values),  # noqa: SLF001
        }
        if function not in known:
            _unknown(f"call {function.__qualname__}")
        return cast("R", known[function](*arguments))

    async def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        _unknown("open a socket")

    async def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        as_user: bool = False,
    ) -> Program:
        return FakeProgram(await self.run(argv, environment=environment))

    async def run(
        self, argv: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        program = argv[0]
        if program in self.lacks:
            raise CapabilityMissing(f"program {program}", "an installation of it")
        self.ran.append(tuple(argv))
        try:
            out, err, code = self._answer(program, argv, given)
        except Refused as problem:
            out, err, code = "", f"{problem}\n", 1
        return Completed(tuple(argv), code, out, err)

    def _answer(self, program: str, argv: Sequence[str], given: str) -> tuple[str, str, int]:
        match program:
            case "nft":
                return self.nft(argv, given), "", 0
            case "iptables" | "iptables-restore":
                return self.iptables[4](argv, given), "", 0
            case "ip6tables" | "ip6tables-restore":
                return self.iptables[6](argv, given), "", 0
            case "conntrack":
                return self.conntrack(argv, given)
            case "ip":
                return self._ip(argv, given), "", 0
            case "setsid" | "sh" | "systemctl":
                return "", "", 0
        raise Refused(f"{program}: the fake does not know it")

    def _ip(self, argv: Sequence[str], given: str) -> str:
        match list(argv[1:]):
            case ["-json", "address", "show"]:
                names = dict.fromkeys(each.interface for each in self.addresses)
                return json.dumps([{"ifname": name, "flags": ["UP"], "addr_info": self._of(name)} for name in names])
            case ["-json", "-4" | "-6" as family, "route", "show", "default"]:
                found = [route for route in self.routes if not route.to.prefixlen and f"-{route.to.version}" == family]
                return json.dumps([{"dst": "default", "dev": each.interface, "metric": each.metric} for each in found])
            case ["-json", "-force", "-batch", "-"]:
                return "".join(self._route_get(line.split()) for line in given.splitlines())
        raise Refused(f"the fake ip does not know {' '.join(argv)}")

    def _of(self, interface: str) -> list[Json]:
        own = [each for each in self.addresses if each.interface == interface]
        return [{"local": str(each.address), "prefixlen": each.prefix} for each in own]

    def _route_get(self, words: Sequence[str]) -> str:
        destination = ip_address(words[2])
        source = words[4] if len(words) > 4 else None
        on_link = [
            Route(ip_network((each.address, each.prefix), strict=False), each.interface) for each in self.addresses
        ]
        ways = [route for route in (*on_link, *self.routes) if destination in route.to]
        if not ways or (source and not any(str(each.address) == source for each in self.addresses)):
            return ""
        best = min(ways, key=lambda route: (-route.to.prefixlen, route.metric))
        answer = {"dst": str(destination), **({"from": source} if source else {}), "dev": best.interface}
        return json.dumps([answer]) + "\n"


class FakeProgram:
    """A program that ended before anybody looked."""

    def __init__(self, completed: Completed) -> None:
        self.argv = completed.argv
        self.code: int | None = completed.code
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None

    async def wait(self) -> int:
        assert self.code is not None
        return self.code

    def send_signal(self, number: int) -> None:
        """It has ended."""


def _unknown(what: str) -> NoReturn:
    raise LandfastError(f"the fake host cannot {what}")
