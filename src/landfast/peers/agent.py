"""An ICE agent by itself: it gathers, and checks candidates that it is told, whether anybody is there or not.

    python -m landfast.peers.agent [--stun ADDRESS:PORT] [--check ADDRESS:PORT …] [--limit SECONDS]

It is aioice as it comes: a socket on each address of the host, and a STUN request from each. It has no other peer, so
checks are sent as in any connection, and never answered as a peer answers them. `run` is for who starts it.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from aioice import Candidate, Connection

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, endpoint, written
from landfast.peers import report
from landfast.peers.report import ChecksStarted, Closed, Event, GatheringFinished, GatheringStarted, Reason

STACK = "aioice"
# RFC 8445, section 5.1.2: a server-reflexive candidate of the only component.
_PRIORITY = 100 << 24 | 65535 << 8 | 255


@dataclass(frozen=True)
class Gathering:
    """When an agent gathered, in monotonic seconds, and its candidates as "type address"."""

    began: float
    ended: float
    candidates: tuple[str, ...]


async def run(
    host: Host, *, stun: Endpoint | None = None, check: Sequence[Endpoint] = (), limit: float = 0
) -> Gathering:
    """Run one to its end as a process of its own: gathering, which takes up to 5 s where STUN requests stay
    unanswered, then `limit` seconds of checks. Raises ProgramFailed."""
    argv = [sys.executable, "-m", __name__, "--limit", f"{limit:g}"]
    argv += ["--stun", written(stun)] if stun else []
    for each in check:
        argv += ["--check", written(each)]
    said = (await host.run(argv)).checked()
    events = [report.decode(line) for line in said.stdout.splitlines()]
    began = next(event for event in events if isinstance(event, GatheringStarted))
    ended = next(event for event in events if isinstance(event, GatheringFinished))
    return Gathering(began.at, ended.at, ended.candidates)


async def _run(stun: Endpoint | None, check: Sequence[Endpoint], limit: float) -> None:
    agent = Connection(ice_controlling=True, stun_server=stun)
    try:
        _say(GatheringStarted(clock.monotonic()))
        await agent.gather_candidates()
        found = tuple(f"{each.type} {each.host}" for each in agent.local_candidates)
        _say(GatheringFinished(clock.monotonic(), found))
        if check:
            agent.remote_username, agent.remote_password = secrets.token_hex(2), secrets.token_hex(12)
            for number, (address, port) in enumerate(check):
                line = f"{number} 1 udp {_PRIORITY} {address} {port} typ srflx raddr 0.0.0.0 rport 9"
                await agent.add_remote_candidate(Candidate.from_sdp(line))
            _say(ChecksStarted(clock.monotonic()))
            with suppress(TimeoutError, ConnectionError):  # ConnectionError: no pair of candidates at all
                await asyncio.wait_for(agent.connect(), limit)
    finally:
        await agent.close()
    _say(Closed(clock.monotonic(), Reason.NO_PEER))


def _say(event: Event) -> None:
    sys.stdout.write(report.encode(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="landfast.peers.agent", description="Gather, and check candidates.")
    parser.add_argument("--stun", type=endpoint, metavar="ADDRESS:PORT")
    parser.add_argument("--check", type=endpoint, metavar="ADDRESS:PORT", action="append", default=[])
    parser.add_argument("--limit", type=float, metavar="SECONDS", default=0)
    given = parser.parse_args()
    asyncio.run(_run(given.stun, given.check, given.limit))
