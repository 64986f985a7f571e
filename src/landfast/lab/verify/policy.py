"""The gateway's source policy at work: how many violations end a session, for how long, and what is new afterwards.

Its count is halved at the end of each period, and periods begin with a session. So a session is ended first, to know
when the next one begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from landfast import clock
from landfast.lab.network import Gateway
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.measured import NONE, Row, Value
from landfast.lab.verify.passage import FOREIGN
from landfast.lab.verify.points import Hop
from landfast.model.facts import MappedAddress

MOST = 5000
"""Violations that are sent at most: the keeper sees each of them in Python."""

Standing = Callable[[], AbstractAsyncContextManager[Asker]]
"""A new laboratory with its keepers, and somebody behind the gateway in it."""

# How long a session that was not ended is watched, and one that was waited for: the keeper takes 20 ms to end it.
_WATCHED, _WAITED = 0.4, 1.5
# Between two looks at a session, and for what a look waits.
_LOOK = 0.02
# How much before and after a period's end one more violation comes.
_MARGIN = 0.4
# Violations at once: the keeper's capture takes 1800 packets.
_AT_ONCE = 300
# When none should end it.
_IN_VAIN = 30


async def rows(hop: Hop, standing: Standing, horizon: float) -> list[Row]:
    """Every axis of the policy. A count that is never halved is watched for `horizon` seconds."""
    declared = hop.router.gateway
    if declared is None:
        return []
    if declared.limit > MOST:
        return [Row(hop.name, "gateway.limit", declared.limit, None, f"more than {MOST} violations are not sent")]
    (found, before), (_, after) = await together(
        _ending(hop, declared, standing, horizon), _after_period(declared, standing, horizon)
    )
    if declared.limit > 1:
        found.append(_period(hop, declared, before, after, horizon))
    return found


class _Sessions:
    """Sessions of a subscriber, one after the other."""

    def __init__(self, asker: Asker, foreign: Line) -> None:
        self.asker, self._foreign = asker, foreign
        self.address: str | None = None
        """The external address of the present session."""
        self.began = 0.0

    @classmethod
    async def begin(cls, asker: Asker) -> _Sessions:
        """With the first session."""
        sessions = cls(asker, await asker.line(FOREIGN, anywhere=True))
        await sessions.back(within=_WAITED)
        return sessions

    async def violate(self, times: int) -> float:
        """Send packets with a foreign source; when the last one left."""
        for number in range(times):
            self._foreign.send(token(), self.asker.server)
            if not (number + 1) % _AT_ONCE:
                await asyncio.sleep(_LOOK)
        return clock.monotonic()

    async def ends(self, within: float) -> bool:
        """Whether the present session ends: packets from outside, which are all that is sent, come no more."""
        until = clock.monotonic() + within
        while True:
            mark = token()
            self.asker.responder.lines[self.asker.server].send(mark, self._external)
            if await self._line.wait(mark, self.asker.round_trip + 2 * _LOOK) is None:
                return True
            if clock.monotonic() > until:
                return False
            await asyncio.sleep(_LOOK)

    async def back(self, within: float) -> float | None:
        """Wait for the next session: when it was seen to stand."""
        until = clock.monotonic() + within
        self._line = await self.asker.line()
        while (sent := clock.monotonic()) < until:
            seen = await self.asker.ask(self._line, self.asker.server, patience=_LOOK)
            if isinstance(seen, MappedAddress):
                self.address, self._external, self.began = seen.mapped[0], seen.mapped, sent
                return sent
        return None

    async def next(self, limit: int, outage: float) -> bool:
        """End the present session; False when that cannot be done, or no other follows."""
        for _ in range(2):  # its count may be halved in the midst of the first
            await self.violate(limit)
            if await self.ends(_WAITED / 2):
                return await self.back(outage + _WAITED) is not None
        return False


async def _ending(hop: Hop, declared: Gateway, standing: Standing, horizon: float) -> tuple[list[Row], bool | None]:
    """Limit, outage and new address; and whether one violation just before a period's end still ends a session."""
    name = hop.name
    async with standing() as asker:
        sessions = await _Sessions.begin(asker)
        if not declared.limit:
            await sessions.violate(_IN_VAIN)
            limit: Value = f"at most {_IN_VAIN}" if await sessions.ends(_WATCHED) else 0
            return [Row(name, "gateway.limit", 0, limit, f"{_IN_VAIN} packets from {FOREIGN}")], None
        await sessions.next(declared.limit, declared.outage)
        ended_by, ended_at = await _limit(sessions, declared.limit)
        how = f"packets from {FOREIGN} until the session ended"
        found = [Row(name, "gateway.limit", declared.limit, ended_by, how)]
        if ended_at is None:
            return found, None
        address = sessions.address
        back = await sessions.back(declared.outage + 2 * _WAITED)
        outage = None if back is None else round(back - ended_at, 2)
        tolerance = _MARGIN + 0.05 * declared.outage
        found.append(Row(name, "gateway.outage", declared.outage, outage, "seconds until one was answered", tolerance))
        if back is None:
            return found, None
        new = sessions.address != address
        found.append(Row(name, "gateway.new_address", declared.new_address, new, f"{address}, then {sessions.address}"))
        return found, await _one_more_at(sessions, declared, (declared.period or horizon) - _MARGIN)


async def _limit(sessions: _Sessions, declared: int) -> tuple[Value | None, float | None]:
    """The number that ends a session, and when it came."""
    sent = await sessions.violate(declared - 1)
    if declared > 1 and await sessions.ends(_WATCHED):
        return f"below {declared}", sent
    for number in range(declared, 2 * declared + 10):
        sent = await sessions.violate(1)
        if await sessions.ends(_WAITED / 2 if number == declared else _LOOK):
            return number, sent
    return f"above {2 * declared}", None


async def _one_more_at(sessions: _Sessions, declared: Gateway, age: float) -> bool | None:
    """All but one violations at a session's beginning, and one at that age: does it end?"""
    await sessions.violate(declared.limit - 1)
    at = sessions.began + age
    while (left := at - clock.monotonic()) > 0:  # what is kept must not expire meanwhile
        await asyncio.sleep(min(left, 1.0))
        if await sessions.ends(0):
            return None
    late = clock.monotonic() - at
    await sessions.violate(1)
    return await sessions.ends(_WATCHED) if late < _MARGIN / 2 else None


async def _after_period(declared: Gateway, standing: Standing, horizon: float) -> tuple[list[Row], bool | None]:
    """Whether a violation just after a period's end ends a session that all but one at its beginning did not."""
    if declared.limit < 2:
        return [], None
    async with standing() as asker:
        sessions = await _Sessions.begin(asker)
        if not await sessions.next(declared.limit, declared.outage):
            return [], None
        return [], await _one_more_at(sessions, declared, (declared.period or horizon) + _MARGIN)


def _period(hop: Hop, declared: Gateway, before: bool | None, after: bool | None, horizon: float) -> Row:
    """What the two trials say."""
    said: Value = NONE if declared.period is None else declared.period
    end = declared.period or horizon
    observed: Value | None = None
    if before is False:
        observed = f"below {end - _MARGIN:g}"
    elif before and after is False:  # it was halved in between
        observed = declared.period or f"at most {end:g}"
    elif before and after:
        observed = f"above {end:g}" if declared.period else NONE
    how = f"all violations but one at a session's beginning, one more {_MARGIN:g} s before and after {end:g} s"
    return Row(hop.name, "gateway.period", said, observed, how)
