"""What happens to the network, and when it had happened."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.session.back import first_answer
from bench.session.place import CARRIER, ROUTER, Place
from bench.session.side import Session
from bench.session.watching import sending
from landfast import clock
from landfast.kernel import conntrack, nft
from landfast.lab import build, ruleset
from landfast.lab.network import Occasion
from landfast.lab.topology import SERVER_ADDRESSES

ROOT = str(Path(__file__).parents[2])
"""For programs of the bench: where it is imported from."""
_MINUTE = 60
_LOOK, _RESTARTED = 0.05, 4.0  # seconds: an agent gathers for 1.5 s at most before it answers
_BEFORE = 1.0  # seconds: the way is back when its keeper wakes, which is not before it was told to
DISCARD = 9  # RFC 863


@dataclass(frozen=True)
class Happened:
    """When a fault began, and when it had taken effect; monotonic seconds."""

    began: float
    over: float
    back: float | None = None
    """When a way that was gone was there again: what counts is the time from here."""
    notes: dict[str, float] = field(default_factory=dict)


Fault = Callable[[Place, Sequence[Session]], Awaitable[Happened]]


def once(what: Occasion, lasts: float | None = None) -> Fault:
    """An event of the laboratory, that passes by itself where it `lasts`."""

    async def happen(place: Place, _: Sequence[Session]) -> Happened:
        began = clock.monotonic()
        await place.lab.event(what, lasts=lasts)
        return Happened(began, clock.monotonic())

    return happen


async def new_public_address(place: Place, _: Sequence[Session]) -> Happened:
    """The carrier's addresses and all mappings change in one moment, which is when the mappings are forgotten.

    The laboratory's own event lets nothing pass for the 50 ms that a change of rules and addresses takes. That is as
    long as what is measured here, so everything is made ready before.
    """
    carrier, routing = place.lab.host(CARRIER), place.lab.plan.routings[CARRIER]
    step = place.next_addresses()
    await build.ip(carrier, "".join(f"address add {each}/24 dev wan\n" for each in routing.in_use(step)))
    await nft.load(carrier, ruleset.nat(routing, 0, step))
    began = clock.monotonic()
    await conntrack.flush(carrier)
    over = clock.monotonic()
    await build.ip(carrier, "".join(f"address del {each}/24 dev wan\n" for each in routing.in_use(step - 1)))
    return Happened(began, over)


def blackout(seconds: float) -> Fault:
    """Nothing passes for so long, and every mapping that is younger dies. Counts the agents' own bytes meanwhile."""

    async def happen(place: Place, sessions: Sequence[Session]) -> Happened:
        async with AsyncExitStack() as stack:
            sent = {
                whose: await stack.enter_async_context(sending(place.lab.host(host), place.lab.plan.egress(host)))
                for whose, host in (("client's", "robot"), ("peer's", "operator"))
            }
            began = clock.monotonic()
            await place.lab.event(Occasion.SUSPEND_RADIO, lasts=seconds)
            over = clock.monotonic()
            await asyncio.sleep(max(0.0, over + seconds - _BEFORE - clock.monotonic()))
            back, answered = await first_answer(place.lab.host(ROUTER), str(SERVER_ADDRESSES[0]))
        each = _MINUTE / seconds / len(sessions) / 1000
        notes = {f"{whose} kB/min": round(each * found.own_bytes, 1) for whose, found in sent.items()}
        notes |= {f"{whose} kB/min with data": round(each * found.all_bytes, 1) for whose, found in sent.items()}
        notes["back known within ms"] = round(1000 * (answered - back), 1)
        return Happened(began, over, back, notes)

    return happen


def steady(seconds: float) -> Fault:
    """Nothing for so long: it is the network itself that is hard."""

    async def happen(_place: Place, _sessions: Sequence[Session]) -> Happened:
        began = clock.monotonic()
        await asyncio.sleep(seconds)
        return Happened(began, clock.monotonic())

    return happen


def junk(per_second: float, seconds: float) -> Fault:
    """A stranger floods the peer's own port."""

    async def happen(place: Place, sessions: Sequence[Session]) -> Happened:
        address, port = sessions[0].peer.public
        argv = [sys.executable, "-m", "bench.session.flood", address, str(port), str(per_second), str(seconds)]
        began = clock.monotonic()
        done = await place.lab.host("server").run(argv, environment={"PYTHONPATH": ROOT})
        said = json.loads(done.checked().stdout.splitlines()[-1])
        share = said["back_bytes"] / said["sent_bytes"]
        notes = {"checks/s": said["most_back"], "amplification": round(share, 3)}
        return Happened(began, clock.monotonic(), notes=notes)

    return happen


async def restart(_place: Place, sessions: Sequence[Session]) -> Happened:
    """The client restarts ICE, which needs signalling: that is the bench, and takes no time."""
    client = sessions[0].client
    (way, before), began = await client.path(), clock.monotonic()
    await sessions[0].restart()
    taken, after = way, before
    while after == before and clock.monotonic() < began + _RESTARTED:
        await asyncio.sleep(_LOOK)
        taken, after = await client.path()
    notes = {"under new credentials": float(after != before), "left the old way": float(taken != way)}
    return Happened(began, clock.monotonic(), notes=notes)


async def restart_without_room(place: Place, sessions: Sequence[Session]) -> Happened:
    """The same while others on the client's host hold every UDP session that the carrier allows it.

    A peer of landfast restarts on the sockets it has and needs no room; Chromium takes new ones, and none of them is
    let through.
    """
    argv = [sys.executable, "-m", "bench.session.flood", str(SERVER_ADDRESSES[1]), str(DISCARD), "200", "60"]
    hog = await place.lab.host("robot").start(argv, environment={"PYTHONPATH": ROOT})
    place.lingering.append(hog)
    assert hog.stdout
    await hog.stdout.readline()  # each of its sockets has spoken
    return await restart(place, sessions)
