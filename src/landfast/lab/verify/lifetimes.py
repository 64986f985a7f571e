"""How long a mapping lives: one socket is tried just before the declared end, another just after, all at the same time.

Only the outer side tries, so that trying prolongs nothing: the responder sends to the external endpoint.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from landfast import clock
from landfast.lab.network import Nat
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.measured import NONE, Row, Value
from landfast.lab.verify.points import Hop
from landfast.model.facts import Endpoint, MappedAddress

# A flow counts as a stream when a packet comes more than 2 s after its first (nf_conntrack_proto_udp.c).
_STREAM = 2.3
# How far before and after the end is tried, beside a round trip: the kernel is exact to a tick (10 ms at most), but we
# are late on a busy machine; when by more than half of it we say nothing.
_MARGIN, _MARGIN_SHARE = 0.35, 0.02
# The longest pause between two packets that keep a mapping alive: ICE's consent checks come every 5 s (RFC 7675).
_KEEPALIVE = 5.0

FLOWS = 6
"""Sessions, and as many mappings, that all of this takes; beside the fence's."""


def longest(nat: Nat) -> float:
    """Seconds until the timers of a NAT have been seen, on cables without delay."""
    return _STREAM + nat.udp_stream_timeout + 2 * _margin(nat.udp_stream_timeout)


async def rows(hop: Hop, asker: Asker, horizon: float) -> list[Row]:
    """The timers, what refreshes, and the greatest age. A mapping without one is watched for `horizon` seconds."""
    if hop.router.nat is None:
        return []
    trials = _Trials(hop.name, hop.router.nat, asker)
    questions = [trials.unreplied(), trials.age(horizon)]
    greatest = hop.router.nat.max_age
    if greatest is None or greatest > longest(hop.router.nat):  # else it dies of its age before its timer ends
        questions += [trials.stream(), trials.refresh()]
    return await together(*questions)


def _margin(seconds: float) -> float:
    return max(_MARGIN, _MARGIN_SHARE * seconds)


@dataclass
class _Flow:
    """A socket's mapping towards the server, as the outer side knows it."""

    line: Line
    external: Endpoint
    last: float
    """When the last packet went out."""


class _Trials:
    """What is tried on one NAT."""

    def __init__(self, name: str, nat: Nat, asker: Asker) -> None:
        self._name, self._nat, self._asker = name, nat, asker

    async def unreplied(self) -> Row:
        """The timer of a mapping that has had no answer."""
        early, late = [await self._begin(), await self._begin()]
        return await self._timer("udp_timeout", self._nat.udp_timeout, early, late)

    async def stream(self) -> Row:
        """The timer of a mapping with traffic both ways."""
        early, late = await together(self._begin_stream(), self._begin_stream())
        return await self._timer("udp_stream_timeout", self._nat.udp_stream_timeout, early, late)

    async def refresh(self) -> Row:
        """Packets come in all the time: does the mapping outlive its timer?"""
        flow, seconds = await self._begin_stream(), self._nat.udp_stream_timeout
        end = seconds + self._around(seconds)
        observed: str | None = None
        if flow:
            kept = [await self._lives(flow, seconds * share) for share in (0.3, 0.6, 0.85)]
            outlives = await self._lives(flow, end)
            if all(kept) and outlives is not None:
                observed = "both" if outlives else "outbound"
        how = f"packets from outside only, until {end:.3g} s after the last from inside"
        return Row(self._name, "nat.refresh", self._nat.refresh, observed, how)

    async def age(self, horizon: float) -> Row:
        """A mapping with traffic both ways all the time: at what age is it gone?"""
        line, born = await self._asker.line(), clock.monotonic()
        flow = await self._prolong(line)
        reached = 0.0
        for age in self._ages(horizon):
            alive = await self._lives(flow, born + age - flow.last) if flow else None
            if alive is None:
                return self._age_row(None, f"nothing can be said of {age:.3g} s")
            if not alive:
                return self._age_row(self._between(reached, age), f"alive at {reached:.3g} s, gone at {age:.3g} s")
            reached, flow = age, await self._prolong(line)
        return self._age_row(NONE, f"alive at {reached:.3g} s, with traffic both ways")

    def _age_row(self, observed: Value | None, how: str) -> Row:
        declared = NONE if self._nat.max_age is None else self._nat.max_age
        return Row(self._name, "nat.max_age", declared, observed, how)

    def _between(self, alive: float, gone: float) -> Value:
        """The age of a mapping that lived at one time and not at another."""
        declared = self._nat.max_age
        close = declared and alive < declared < gone and gone - alive <= 2 * self._around(declared) + _MARGIN
        return declared if declared and close else f"between {alive:.3g} and {gone:.3g}"

    def _ages(self, horizon: float) -> list[float]:
        """When the mapping is tried and prolonged: often enough to keep it, and around the declared end."""
        step, declared = min(_KEEPALIVE, self._nat.udp_timeout / 3), self._nat.max_age
        if declared is None:
            return [step * n for n in range(1, math.ceil(horizon / step) + 1)]
        around = self._around(declared)
        before = [step * n for n in range(1, math.ceil((declared - around) / step))]
        return [*before, declared - around, declared + around]

    def _around(self, seconds: float) -> float:
        return _margin(seconds) + self._asker.round_trip

    async def _begin(self) -> _Flow | None:
        """One packet out and no answer."""
        line, mark, sent = await self._asker.line(), token(), clock.monotonic()
        await self._asker.passes(line, mark, mark, self._asker.server)
        heard = self._asker.responder.heard(mark)
        return _Flow(line, heard.source, sent) if heard else None

    async def _begin_stream(self) -> _Flow | None:
        """Packets both ways, until the kernel takes the flow for a stream."""
        line = await self._asker.line()
        # Until then it lives no longer than one without an answer.
        pauses = math.ceil(_STREAM / min(_STREAM, self._nat.udp_timeout / 2))
        for _ in range(pauses):
            await self._asker.ask(line, self._asker.server)
            await asyncio.sleep(_STREAM / pauses)
        return await self._prolong(line)

    async def _prolong(self, line: Line) -> _Flow | None:
        sent = clock.monotonic()
        seen = await self._asker.ask(line, self._asker.server)
        return _Flow(line, seen.mapped, sent) if isinstance(seen, MappedAddress) else None

    async def _timer(self, axis: str, seconds: int, early: _Flow | None, late: _Flow | None) -> Row:
        """What two flows show that began alike and are tried before and after the end."""
        around = self._around(seconds)
        observed: Value | None = None
        if early and late:
            trials = (self._lives(early, seconds - around), self._lives(late, seconds + around))
            before, after = await together(*trials)
            if before is not None and after is not None:
                longer, shorter = f"above {seconds + around:.3g}", f"below {seconds - around:.3g}"
                observed = (longer if after else seconds) if before else shorter
        how = f"tried from outside {around:.2g} s before and after"
        return Row(self._name, f"nat.{axis}", seconds, observed, how)

    async def _lives(self, flow: _Flow, after: float) -> bool | None:
        """Whether a packet comes in so many seconds after the last one went out; None when we are too late to say."""
        at = flow.last + after
        await asyncio.sleep(at - clock.monotonic())
        mark, late = token(), clock.monotonic() - at
        for _ in range(self._asker.attempts):
            self._asker.responder.lines[self._asker.server].send(mark, flow.external)
        arrived = await self._asker.arrives(flow.line, mark)
        return arrived if late < _MARGIN / 2 else None
