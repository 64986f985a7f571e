"""Mapping and filtering: doctor beside the classic testers, as whole processes from a cold start, on the same networks.

Beside the times it tells the verdicts, and which of them are right: a quick wrong answer is no answer. The testers ask
coturn, which serves RFC 5780 on two addresses; doctor asks a reflector on the same host.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.measure import BUILD, Row, row
from landfast import clock
from landfast.kernel.host import Host
from landfast.lab import parse
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.model.nat import Mapping
from landfast.servers import reflector
from landfast.trials.truth.declared import way
from landfast.trials.truth.examine import CONTROL, PORTS, cabled, lossy

TIMES = 3
NETWORKS = ("home", "home-full-cone", "symmetric", "cgnat-unpaired", "mifi")
ROUND_TRIP_MS = 50
_PYSTUN3 = BUILD.parent / "testers"
_PATIENCE = 30  # seconds: coturn's client alone needs 6 where something is filtered


@dataclass(frozen=True)
class Verdict:
    """What a tester said of a network, in one word each; empty where it said nothing."""

    mapping: str
    filtering: str

    def right(self, truth: Verdict) -> str:
        """`right`, `silent`, or the wrong word."""
        if not self.mapping and not self.filtering:
            return "silent"
        pairs = ((self.mapping, truth.mapping), (self.filtering, truth.filtering))
        wrong = [said for said, true in pairs if said and said != true]
        return ", ".join(wrong) or ("right" if self.mapping and self.filtering else "right in part")


def truth(network: Network) -> Verdict:
    """Several routers one behind the other look like the strictest of them."""
    nats = [router.nat for router in way(network) if router.nat]
    strictest = list(Mapping).index
    mapping = max((nat.mapping for nat in nats), key=strictest)
    return Verdict(mapping, max((nat.filtering.value for nat in nats), key=[m.value for m in Mapping].index))


async def _doctor(robot: Host, server: str) -> Verdict:
    argv = [sys.executable, "-m", "landfast", "doctor", "--json", "--only", "nat"]
    done = await robot.run([*argv, "--server", f"reflector:{server}:{CONTROL}"])
    (said,) = json.loads(done.stdout)["nat"]
    return Verdict(said["mapping"] or "", said["filtering"] or "")


def _rfc5780(said: str) -> Verdict:
    told = re.findall(r"NAT with (.+) (Mapping|Filtering)", said)
    found = {what: kind.lower().replace(" ", "-") for kind, what in told}
    return Verdict(found.get("Mapping", ""), found.get("Filtering", ""))


async def _natdiscovery(robot: Host, server: str) -> Verdict:
    done = await robot.run(["timeout", str(_PATIENCE), "turnutils_natdiscovery", "-m", "-f", server])
    return _rfc5780(done.stdout + done.stderr)


# RFC 3489's words, as RFC 4787 would say them.
_OLD = {
    "Full Cone": Verdict("endpoint-independent", "endpoint-independent"),
    "Restric NAT": Verdict("endpoint-independent", "address-dependent"),
    "Restric Port NAT": Verdict("endpoint-independent", "address-and-port-dependent"),
    "Symmetric NAT": Verdict("address-and-port-dependent", "address-and-port-dependent"),
}


async def _stun_client(robot: Host, server: str) -> Verdict:
    done = await robot.run(["timeout", str(_PATIENCE), "stun", server])
    said = done.stdout + done.stderr
    mapping = re.search(r"(Independent|Dependent) Mapping", said)
    filtering = re.search(r"(Independent|Address Dependent|Port Dependent) Filter", said)
    words = {"Independent": "endpoint-independent", "Dependent": "address-and-port-dependent"}
    words |= {"Address Dependent": "address-dependent", "Port Dependent": "address-and-port-dependent"}
    return Verdict(words[mapping[1]] if mapping else "", words[filtering[1]] if filtering else "")


async def _pystun3(robot: Host, server: str) -> Verdict:
    argv = ["timeout", str(_PATIENCE), sys.executable, "-m", "stun.cli", "-H", server]
    done = await robot.run(argv, environment={"PYTHONPATH": str(_PYSTUN3)})
    kind = re.search(r"NAT Type: (.+)", done.stdout)
    return _OLD.get(kind[1].strip(), Verdict("", "")) if kind else Verdict("", "")


Tester = Callable[[Host, str], Awaitable[Verdict]]

TESTERS: dict[str, Tester] = {
    "turnutils_natdiscovery": _natdiscovery,
    "stun-client": _stun_client,
    "pystun3": _pystun3,
    "landfast doctor": _doctor,
}

Told = tuple[Verdict, dict[str, list[Verdict]]]
"""The truth of a network, and what each tester said of it, time by time."""


async def run() -> list[Row]:
    """Each tester on each network, in turn; a table of the verdicts goes to the terminal."""
    rows: list[Row] = []
    told: dict[str, Told] = {}
    for name, network in _networks().items():
        said, taken = await _measure(network)
        told[name] = (truth(network), said)
        rows += [row(name, tester, taken[tester], "ms") for tester in TESTERS]
    Console().print(verdicts(told))
    return rows


def verdicts(told: dict[str, Told]) -> Table:
    """A line for each tester on each network: side by side they would not fit a terminal of 80 columns."""
    table = Table(title="doctor: verdicts", title_justify="left")
    for column in ("network", "tester", "verdict"):
        table.add_column(column)
    for name, (known, said) in told.items():
        table.add_section()
        table.add_row(name, "(truth)", f"{known.mapping} / {known.filtering}")
        for tester, times in said.items():
            table.add_row("", tester, ", ".join(dict.fromkeys(each.right(known) for each in times)))
    return table


def _networks() -> dict[str, Network]:
    """Each with a long cable to the robot's first router: 50 ms there and back."""
    found = {name: parse.profile(name) for name in NETWORKS}
    home = found["home"]
    # A router that lets unasked packets reach itself has them in its table, and the next mapping may look symmetric.
    found["home, input accepted"] = home.but(routers={**home.routers, "home": home.routers["home"].but(input="accept")})
    found["home, 10 % lost"] = lossy(home, 0.1)
    return {name: cabled(network, delay_ms=ROUND_TRIP_MS / 2) for name, network in found.items()}


async def _measure(network: Network) -> tuple[dict[str, list[Verdict]], dict[str, list[float]]]:
    said: dict[str, list[Verdict]] = {tester: [] for tester in TESTERS}
    taken: dict[str, list[float]] = {tester: [] for tester in TESTERS}
    for _ in range(TIMES):
        for name, tester in TESTERS.items():
            async with Lab(network) as lab:  # a new one each time: what one asked is not there for the next
                addresses = tuple(map(str, SERVER_ADDRESSES))
                settings = reflector.Settings(addresses, *PORTS, CONTROL)
                await reflector.start(lab.host("server"), settings)
                began = clock.monotonic()
                said[name].append(await tester(lab.host("robot"), addresses[0]))
                taken[name].append(1000 * (clock.monotonic() - began))
    return said, taken
