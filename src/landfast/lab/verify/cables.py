"""What cables do to packets: delay, jitter, loss, order and rate, by the kernel's own stamps at both ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median, quantiles

from landfast import clock
from landfast.kernel import capture
from landfast.kernel.host import Host
from landfast.lab.network import INTERNET, Link
from landfast.lab.topology import POOLS, PUBLIC, Plan
from landfast.lab.verify.line import TOKEN, Line, token
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.points import Point, points
from landfast.model.facts import Endpoint

# Packets for delay and jitter, apart so far that none holds up another, for ten seconds at most.
_APART, _MOST_SECONDS = 0.004, 10.0
_FEW, _SOME = 12, 60
# Packets for loss and order: a loss of 5 % is then seen to within 1.8 % with 4.5 sigma, that is always.
_MANY, _MANY_APART = 1500, 0.002
_SIGMAS = 4.5
# A link's rate is filled to 30 % at most while something else is measured.
_SHARE = 0.3
_SMALL, _LARGE = 60, 1200
"""Bytes of a packet with its headers, for delays and for rates."""
_HEADERS = 28 + 14  # IPv4, UDP and Ethernet
# Bytes a second that one process sends and another may carry; what is faster is not told from no limit.
_FASTEST_KBIT = 20_000
# A process carries the packets of a cable with a delay; when it does not get a CPU they are later than they should be.
_ROUNDS = 4
# A cable without a rate passes packets as they are handed over; a slow one spreads a burst over many times as long.
_KEEPS_UP = 0.5
# How near a rate must be: a bucket of tokens, and a queue that is full or not yet.
_NEAR = 0.1
# How much later than declared a packet may come on a busy machine.
_PATIENCE = 0.5


@dataclass(frozen=True)
class _Crossed:
    """Packets that were sent over a cable in one direction: seconds each took, None for those that were lost."""

    times: tuple[float | None, ...]
    rate_kbit: float | None
    """Of those that arrived, from the first to the last."""
    offered_kbit: float | None
    """Of the same packets when they were handed over: a busy machine offers less than the cable bears."""

    @property
    def arrived(self) -> list[float]:
        return sorted(time for time in self.times if time is not None)


async def rows(plan: Plan, host: Callable[[str], Host]) -> list[Row]:
    """Every cable that leads somewhere, one after the other: they may share a CPU."""
    found: list[Row] = []
    for point in points(plan):
        try:
            async with _Cable(plan, point, host) as cable:
                found += await cable.rows()
        except OSError as problem:
            axis = f"{_prefix(point)}delay_ms"
            found.append(Row(point.place, axis, point.link.delay_ms, None, f"{point.address}: {problem.strerror}"))
    return found


def _prefix(point: Point) -> str:
    return "link." if point.routes else f"interfaces.{point.interface}.link."


def _gateway(plan: Plan, point: Point) -> str:
    if point.via != INTERNET:
        return str(plan.routings[point.via].gateway)
    return str((POOLS if point.routes else PUBLIC)[1])


class _Cable:
    """A cable with a line at both ends, and a capture at both."""

    def __init__(self, plan: Plan, point: Point, host: Callable[[str], Host]) -> None:
        self.point, self.link = point, point.link
        self._gateway = _gateway(plan, point)
        self._near, self._far = host(point.place), host(point.via)
        self._open = ExitStack()

    async def __aenter__(self) -> _Cable:
        near = await Line.open(self._near, str(self.point.address), interface=self.point.interface)
        self._open.callback(near.close)
        far = await Line.open(self._far, self._gateway)
        self._open.callback(far.close)
        self._captures = [
            await capture.Capture.open(self._near, self.point.interface),
            await capture.Capture.open(self._far, "lan"),  # behind the port, on which packets are lost
        ]
        self._ends: dict[bool, tuple[Line, Endpoint]] = {True: (near, far.local)}
        hello = token()
        for _ in range(60):  # until one gets through, so that the far end knows where answers go
            near.send(hello, far.local)
            if came := await far.wait(hello, 2 * self.link.delay_ms / 1000 + 0.05):
                self._ends[False] = (far, came.source)
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.close()
        for each in self._captures:
            each.close()

    async def rows(self) -> list[Row]:
        """All axes of the link. Both directions are the same cable, so they count together."""
        if False not in self._ends:
            return [self._row("loss", self.link.loss, 1.0, 0, "nothing passes")]
        apart = max(_APART, 2.5 * self.link.jitter_ms / 1000, self._spacing)
        number = max(_FEW, min(_SOME, int(_MOST_SECONDS / apart)))
        found = self._timing(await self._both(number, apart, _SMALL))
        for _ in range(_ROUNDS - 1):
            if all(row.agrees for row in found):
                break
            found = self._timing(await self._both(number, apart, _SMALL))
        impaired = self.link.loss or self.link.reorder
        quick = await self._both(_MANY if impaired else _SOME, max(_MANY_APART, self._spacing), _SMALL)
        return [*found, *self._losses(quick), await self._rate()]

    @property
    def _spacing(self) -> float:
        """Seconds between small packets that a link's rate bears."""
        return _SMALL * 8 / (self.link.rate_kbit * 1000 * _SHARE) if self.link.rate_kbit else 0

    def _row(self, axis: str, declared: float | str, observed: float | str | None, tolerance: float, how: str) -> Row:
        return Row(self.point.place, f"{_prefix(self.point)}{axis}", declared, observed, how, tolerance)

    def _timing(self, crossed: Sequence[_Crossed]) -> list[Row]:
        link = self.link
        earliest = (link.delay_ms - link.jitter_ms) / 2000 if link.reorder else -1  # those that overtook do not count
        times = [time * 1000 for each in crossed for time in each.arrived if time >= earliest]
        if len(times) < _FEW:
            return [self._row("delay_ms", link.delay_ms, None, 0, f"{len(times)} packets arrived")]
        deciles = quantiles(times, n=10)
        # Evenly spread over delay ± jitter: eight tenths of them lie between the first and the last decile.
        jitter = (deciles[-1] - deciles[0]) / 2 / 0.8
        how = f"{len(times)} packets, both ways"
        delay = self._row("delay_ms", link.delay_ms, round(median(times), 2), _delay_tolerance(link), how)
        spread = self._row("jitter_ms", link.jitter_ms, round(jitter, 2), 1.5 + 0.35 * link.jitter_ms, how)
        return [self._unless_busy(delay), self._unless_busy(spread)]

    def _unless_busy(self, row: Row) -> Row:
        """Unknown, if it is more than declared by no more than what our own timers are late."""
        assert isinstance(row.declared, int | float)
        assert isinstance(row.observed, int | float)
        excess = row.observed - row.declared - row.tolerance
        if not 0 < excess < self._late_ms:
            return row
        how = f"{row.observed} ms, but this machine is too busy to say: its timers are {self._late_ms:.1f} ms late"
        return replace(row, observed=None, how=how)

    def _losses(self, crossed: Sequence[_Crossed]) -> list[Row]:
        link = self.link
        sent = sum(len(each.times) for each in crossed)
        arrived = [time for each in crossed for time in each.arrived]
        lost = sent - len(arrived)
        found = [self._share("loss", link.loss, lost, sent)]
        if link.delay_ms:  # where nothing waits nothing is overtaken
            overtook = sum(time < (link.delay_ms - link.jitter_ms) / 2000 for time in arrived)
            found.append(self._share("reorder", link.reorder, overtook, len(arrived)))
        return found

    def _share(self, axis: str, declared: float, number: int, whole: int) -> Row:
        tolerance = _SIGMAS * math.sqrt(declared * (1 - declared) / whole) + 1 / whole if whole and declared else 0
        observed = round(number / whole, 4) if whole else None
        return self._row(axis, declared, observed, tolerance, f"{number} of {whole}")

    async def _rate(self) -> Row:
        declared = self.link.rate_kbit
        if declared and declared > _FASTEST_KBIT:
            return self._row("rate_kbit", declared, None, 0, f"faster than {_FASTEST_KBIT} kbit/s is not sent")
        # Half as much again as the link bears, for two seconds, so that its queue is full; or a burst.
        apart = _LARGE * 8 / (1500 * declared) if declared else 0
        number = math.ceil(2 / apart) if declared else _SOME
        passed = [each for each in await self._both(number, apart, _LARGE) if each.rate_kbit]
        if not passed:
            return self._row("rate_kbit", declared or NONE, None, 0, "too few packets arrived")
        slowest = round(min(each.rate_kbit or 0 for each in passed))
        how = f"{number} packets of {_LARGE} bytes"
        if not declared:
            kept_up = all((each.rate_kbit or 0) > _KEEPS_UP * (each.offered_kbit or 0) for each in passed)
            return self._row("rate_kbit", NONE, NONE if kept_up else slowest, 0, f"{how}: {slowest} kbit/s")
        observed = slowest if slowest < (1 + _NEAR) * declared else f"above {declared}"
        return self._row("rate_kbit", declared, observed, _NEAR * declared, how)

    async def _both(self, number: int, apart: float, length: int) -> list[_Crossed]:
        """Send packets over the cable in both directions at once."""
        marks = {up: [token() for _ in range(number)] for up in (True, False)}
        stamps, handed = _Stamps(self._captures), dict[bytes, float]()
        began, lates = clock.monotonic(), []
        for turn, pair in enumerate(zip(marks[True], marks[False], strict=True)):
            # In step with the clock: where one pause was too long, the next are shorter.
            await asyncio.sleep(max(0.0, began + turn * apart - clock.monotonic()))
            lates.append(clock.monotonic() - began - turn * apart)
            for up, mark in zip((True, False), pair, strict=True):
                line, to = self._ends[up]
                handed[mark] = clock.monotonic()
                line.send(mark.ljust(length - _HEADERS, b"\0"), to)
            stamps.read()
        self._late_ms = quantiles(lates, n=10)[-1] * 1000
        patience = (self.link.delay_ms + self.link.jitter_ms) / 1000 + _PATIENCE
        await stamps.complete([mark for every in marks.values() for mark in every], patience)
        return [stamps.crossed(every, length, handed) for every in marks.values()]


def _delay_tolerance(link: Link) -> float:
    return max(1.5, 0.05 * link.delay_ms) + 0.3 * link.jitter_ms


class _Stamps:
    """When packets left one end and came to the other, by token."""

    def __init__(self, captures: Iterable[capture.Capture]) -> None:
        self._captures = list(captures)
        self._left: dict[bytes, float] = {}
        self._came: dict[bytes, float] = {}

    def read(self) -> None:
        """Take what was captured."""
        for each in self._captures:
            for frame in each.drain():
                packet = capture.parse(frame)
                if packet and packet.protocol == capture.UDP:
                    (self._left if packet.outgoing else self._came)[packet.payload[:TOKEN]] = packet.at

    async def complete(self, marks: Sequence[bytes], patience: float) -> None:
        """Wait until all have come, or none has for as long as patience lasts."""
        seen = -1
        while seen < len(self._came) and any(mark not in self._came for mark in marks):
            seen = len(self._came)
            await asyncio.sleep(patience)
            self.read()

    def crossed(self, marks: Sequence[bytes], length: int, handed: Mapping[bytes, float]) -> _Crossed:
        """What is known of these packets, of so many bytes each."""
        times = [self._came[m] - self._left[m] if m in self._came and m in self._left else None for m in marks]
        came = [mark for mark in marks if mark in self._came]
        steady = came[len(came) // 3 :]  # a token bucket lets the first ones through at once
        passed, offered = (_rate([at[mark] for mark in steady], length) for at in (self._came, handed))
        return _Crossed(tuple(times), passed, offered)


def _rate(stamps: Sequence[float], length: int) -> float | None:
    """Kilobits a second of packets with these times, of so many bytes each."""
    span = max(stamps) - min(stamps) if len(stamps) > 1 else 0
    return (len(stamps) - 1) * length * 8 / span / 1000 if span else None
