"""One run: a laboratory of the network, a reflector on its server, and doctor as its own process on the robot."""

from __future__ import annotations

import json
import sys

from landfast import clock
from landfast.errors import LandfastError
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.servers import reflector
from landfast.servers.reflector import Settings
from landfast.trials.truth.declared import truth
from landfast.trials.truth.matrix import Run

PORTS = (3490, 3491)
"""UDP; coturn has the standard ones."""

CONTROL = 3480
"""TCP."""

_HEALTHY, _FINDINGS = 0, 1  # doctor's exit codes for an answer


def cabled(network: Network, **changes: float) -> Network:
    """The same with another cable to the robot's first router."""
    robot = network.hosts["robot"]
    name, first = next((name, face) for name, face in robot.interfaces.items() if face.via)
    interfaces = {**robot.interfaces, name: first.but(link=first.link.but(**changes))}
    return network.but(hosts={**network.hosts, "robot": robot.but(interfaces=interfaces)})


def lossy(network: Network, share: float) -> Network:
    """The same with this share of the packets lost on that cable, each way by itself."""
    return cabled(network, loss=share)


async def examine(network: Network, loss: float = 0.0, options: tuple[str, ...] = ("--full",)) -> Run:
    """Build it, ask doctor, compare. What breaks is the run's problem, and the other runs go on."""
    known = truth(network)
    built = lossy(network, loss) if loss else network
    try:
        async with Lab(built, verified=not loss, served=False) as lab:
            addresses = tuple(map(str, (*SERVER_ADDRESSES, *SERVER_ADDRESSES6)))
            await reflector.start(lab.host("server"), Settings(addresses, *PORTS, CONTROL))
            server = f"reflector:{addresses[0]}:{CONTROL}"
            argv = [sys.executable, "-m", "landfast", "doctor", "--json", "--server", server, *options]
            began = clock.monotonic()
            done = await lab.host("robot").run(argv)
            seconds = clock.monotonic() - began
    except LandfastError as problem:
        return Run(network.name, loss, known, problem=str(problem))
    if done.code not in (_HEALTHY, _FINDINGS):
        return Run(
            network.name, loss, known, seconds=seconds, problem=f"exit {done.code}: {done.stderr.strip()[-500:]}"
        )
    said = json.loads(done.stdout)
    found = frozenset(finding["code"] for finding in said["findings"])
    unknown = tuple(each["name"] for each in said["unknown"])
    return Run(network.name, loss, known, found, seconds, unknown)
