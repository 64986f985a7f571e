"""A case that counts outages, from its network to its figures."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from bench.session.cases import Case
from bench.session.faults import Happened
from bench.session.outage import is_over, outage, return_after
from bench.session.place import Place, network, stand
from bench.session.side import Session, Side
from landfast import clock
from landfast.lab.network import Occasion

SETTLE = 2.0
"""Seconds until an agent has nominated, and Chromium has stopped to ping its other pairs at once."""
# Between events: longer than the interval of the agents' pings (2.5 s), so that each phase is as likely.
_APART = (0.0, 2.7)
_LOOK = 0.1


@dataclass
class Figures:
    """What a case gave. Milliseconds; None is an outage that did not end while it was watched."""

    case: str
    client_to_peer: list[float | None] = field(default_factory=list)
    peer_to_client: list[float | None] = field(default_factory=list)
    setup: list[float] = field(default_factory=list)
    """From the offer to open channels at both ends."""
    sessions: int = 0
    intact: int = 0
    """Sessions at whose end every reliable message had come, once and in order, over the channels of the beginning."""
    changes: int = 0
    """Changes of state that were told after a session had been connected."""
    paths: list[str] = field(default_factory=list)
    """How data went, before the first event and at the end."""
    media: dict[str, list[float | None]] = field(default_factory=dict)
    """The same of audio and video, by stream and direction."""
    notes: dict[str, float] = field(default_factory=dict)
    """What else was counted; of several the largest."""
    lost: int = 0
    reordered: int = 0
    """Reliable messages."""
    renewed: int = 0
    """Sessions that did not keep their channels, or their associations of SCTP and DTLS."""
    restarts: int = 0
    """Sessions that went on under other credentials than those of the beginning."""
    seconds: float = 0.0
    """That the case took."""
    problems: list[str] = field(default_factory=list)
    """What broke."""
    frames_lost: int = 0
    """By the bench's own wire, which could not keep up: such figures are too bad."""


async def play(case: Case, seed: int, events: int | None = None) -> Figures:
    """Play until so many events were measured. What breaks is told in the figures, and the other cases go on."""
    figures = Figures(case.name)
    wanted = case.times(events)
    draw = random.Random(f"{seed} {case.name}")  # noqa: S311 -- a phase, not a secret
    lies = network(
        round_trip_ms=case.round_trip_ms,
        loss=case.loss,
        restricted=case.restricted,
        budget=case.budget,
        ipv6=case.ipv6,
    )
    try:
        async with stand(lies, case.path) as place:
            if case.kept:
                await place.lab.event(Occasion.FLUSH)  # the router's keeper takes its time to start
            if case.before:
                await place.lab.event(case.before)
            while len(figures.client_to_peer) < wanted:
                await _sessions(case, place, figures, wanted, draw)
            figures.frames_lost = await place.lab.links.lost()
    except Exception as problem:  # noqa: BLE001 -- a case that fails is told, not dropped
        figures.problems.append(f"{type(problem).__name__}: {problem}")
    return figures


async def _sessions(case: Case, place: Place, figures: Figures, wanted: int, draw: random.Random) -> None:
    """Sessions from beginning to end."""
    async with AsyncExitStack() as stack:
        made = await asyncio.gather(*(_session(case, place) for _ in range(case.together)))
        sessions = [await stack.enter_async_context(session) for session in made]
        figures.sessions += len(sessions)
        figures.setup += [milliseconds(session.setup) for session in sessions]
        await asyncio.sleep(SETTLE)
        connected = clock.monotonic()
        path, generation = await sessions[0].client.path()
        figures.paths += [path]
        lived = 0
        while len(figures.client_to_peer) < wanted and lived < case.lives:
            await asyncio.sleep(draw.uniform(*_APART))
            happened = await case.happen(place, sessions)
            until = await _watch(sessions, happened, case.watch)
            lived += len(sessions)
            for session in sessions:
                figures.client_to_peer.append(_outage(session.peer.probes, happened, until))
                figures.peer_to_client.append(_outage(session.client.probes, happened, until))
                if case.media:
                    _media(figures, session, happened, until)
            for name, value in happened.notes.items():
                figures.notes[name] = max(value, figures.notes.get(name, value))
            if None in (*figures.client_to_peer[-len(sessions) :], *figures.peer_to_client[-len(sessions) :]):
                break  # it is dead, and the next event would tell nothing
        path, last = await sessions[0].client.path()
        figures.paths += [path]
        figures.restarts += "" not in (generation, last) and last != generation
        figures.intact += sum(await asyncio.gather(*(session.intact() for session in sessions)))
        for session in sessions:
            _account(case, figures, session, connected)
        await asyncio.gather(*(session.part() for session in sessions))
    await place.clear()
    await asyncio.sleep(case.afterwards)


def _account(case: Case, figures: Figures, session: Session, connected: float) -> None:
    """What a session says at its end."""
    figures.lost += session.lost
    figures.reordered += session.reordered
    figures.renewed += session.renewed
    if case.kept:
        _recovered(figures, session, connected)
    told = [state for side in (session.client, session.peer) for state in side.states]
    figures.changes += sum(at > connected and not state.startswith("error") for at, state in told)
    figures.problems += [state for _, state in told if state.startswith("another")]
    sides = zip((session.client, session.peer), case.stacks, strict=True)
    figures.problems += [side.complaint for side, stack in sides if stack == "landfast" and side.complaint]
    errors = sum(at > connected and state.startswith("error") for at, state in told)
    if errors or case.budget:
        figures.notes["errors told"] = max(errors, figures.notes.get("errors told", 0))


def _recovered(figures: Figures, session: Session, connected: float) -> None:
    """Count the ends that were told `failed`, and those of them that were not told `connected` afterwards."""
    for side in (session.client, session.peer):
        told = [state for at, state in side.states if at > connected and state in ("connected", "failed")]
        found = {"failed": "failed" in told, "not recovered": "failed" in told and told[-1] == "failed"}
        figures.notes |= {name: figures.notes.get(name, 0) + value for name, value in found.items()}


async def _session(case: Case, place: Place) -> Session:
    client, peer = case.stacks
    both = await asyncio.gather(
        Side.start(place.lab.host("robot"), client, replace(place.client, media=case.media)),
        Side.start(place.lab.host("operator"), peer, replace(place.peer, media=case.media)),
    )
    return Session(*both, peer_offers=case.peer_offers)


async def _watch(sessions: Sequence[Session], happened: Happened, limit: float) -> float:
    """Look on until both directions of all are steady again, or the limit; the time until which everything is known."""
    since = happened.back or happened.over
    while True:
        await asyncio.sleep(_LOOK)
        now = clock.monotonic()
        for session in sessions:
            await session.take()
        if now > since + limit:
            return now
        sides = [side for session in sessions for side in (session.client, session.peer)]
        if all(is_over(times, since, now) for side in sides for times in (side.probes, *side.media.values())):
            return now


def _media(figures: Figures, session: Session, happened: Happened, until: float) -> None:
    for side, way in ((session.peer, "client→peer"), (session.client, "peer→client")):
        for stream in sorted({"audio", "video", *side.media}):  # packets of both are due, whatever else a stack tells
            found = figures.media.setdefault(f"{stream} {way}", [])
            found.append(_outage(side.media.get(stream, ()), happened, until))


def _outage(arrivals: Sequence[float], happened: Happened, until: float) -> float | None:
    if happened.back is not None:
        seconds = return_after(arrivals, happened.back, until)
    else:
        seconds = outage(arrivals, happened.began, happened.over, until)
    return None if seconds is None else milliseconds(seconds)


def milliseconds(seconds: float) -> float:
    """As they are told."""
    return round(1000 * seconds, 1)
