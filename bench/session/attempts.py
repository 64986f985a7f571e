"""Cases that count what setting up connections does to a network: on the robot of `mifi`, whose carrier ends a session
after ten packets from foreign sources. Nothing is masqueraded, so what an agent sends by the wrong way arrives."""

from __future__ import annotations

import asyncio

from bench.session.place import network, stand
from bench.session.play import Figures, milliseconds
from bench.session.prober import Configuration
from bench.session.side import Session, Side
from landfast.errors import LandfastError

ATTEMPTS = 10
_HOLD = 3.0
"""Seconds: the carrier's outage is as long."""
_WITHIN = 8.0
"""Seconds to connect: the limit of the trials' peers."""


async def attempt(peer: str, name: str, attempts: int | None) -> Figures:
    """Connect, stay a little, part; again and again in one network."""
    figures = Figures(name)
    stack = peer.removeprefix("stock-")
    try:
        async with stand(network("mifi"), "any") as place:
            given = Configuration(stun=place.client.stun)
            connected = 0
            for _ in range(attempts or ATTEMPTS):
                both = await asyncio.gather(
                    Side.start(place.lab.host("robot"), stack, given),
                    Side.start(place.lab.host("operator"), stack, given),
                )
                figures.sessions += 1
                try:
                    async with Session(*both, within=_WITHIN) as session:
                        figures.setup.append(milliseconds(session.setup))
                        await asyncio.sleep(_HOLD)
                        intact = await session.intact()
                        figures.intact += intact
                        connected += 1
                except LandfastError:
                    pass  # it is counted by not being counted
            found = await place.lab.violations()
            figures.notes |= {"foreign packets": found.packets, "address changes": found.resets, "connected": connected}
            figures.frames_lost = await place.lab.links.lost()
    except Exception as problem:  # noqa: BLE001 -- a case that fails is told, not dropped
        figures.problems.append(f"{type(problem).__name__}: {problem}")
    return figures
