"""`python -m bench.session [CASE…]`: play cases, print a table, write build/bench/session.json.

A CASE is a name, or the beginning of names: `change/direct/`. Without any, all but the long ones. What was measured is
kept case by case; `--only-missing` goes on where a run was broken off.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bench.session import page, table, targets
from bench.session.attempts import ATTEMPTS, attempt
from bench.session.cases import CASES, OTHERS
from bench.session.load import weigh
from bench.session.play import Figures, play
from landfast import clock

_USUAL = 45.0
"""Seconds of a case of which nothing is known."""
_BESIDE = 4
"""Patient cases at once: a session's two ends take a quarter of a core."""
_INTERRUPTED = 130
Play = Callable[[int, int | None], Awaitable[Figures]]


def everything() -> dict[str, Play]:
    """Every case by its name, in the order in which they are played. A play takes the seed and a number of events."""
    found: dict[str, Play] = {case.name: partial(play, case) for case in CASES}
    for what, peers in OTHERS.items():
        for peer in peers:
            name = f"{what}/{peer}"
            found[name] = partial(_other, what, peer, name)
    return found


async def _other(what: str, peer: str, name: str, _seed: int, events: int | None) -> Figures:
    kind, _, of = what.partition("/")
    return await (attempt(peer, name, events) if kind == "attempts" else weigh(of, peer, name))


def chosen(asked: Sequence[str], *, long: bool) -> dict[str, Play]:
    """The cases that these names ask for."""
    known = everything()
    tedious = {case.name for case in CASES if case.long}
    if not asked:
        return {name: run for name, run in known.items() if long or name not in tedious}
    wanted = [[word] if word in known else [name for name in known if name.startswith(word)] for word in asked]
    return {name: known[name] for names in wanted for name in names}


def missing(names: Iterable[str], rows: Mapping[str, Mapping[str, Any]], events: int | None) -> set[str]:
    """Those of which there is nothing, or less than is asked for."""
    wanted = {case.name: case.times(events) for case in CASES}

    def whole(name: str, row: Mapping[str, Any]) -> bool:
        asked = wanted.get(name, events or ATTEMPTS if name.startswith("attempts/") else 0)
        return not row["problems"] and max(row["client_to_peer"]["n"], row["sessions"]) >= asked

    return {name for name in names if name not in rows or not whole(name, rows[name])}


def expected(names: Iterable[str], rows: Mapping[str, Mapping[str, Any]]) -> float:
    """Seconds that these will take, as far as they were ever played."""
    known: dict[str, float] = {name: row["seconds"] for name, row in rows.items() if row.get("seconds")}
    usual = statistics.mean(known.values()) if known else _USUAL
    return sum(known.get(name, usual) for name in names)


class Run:
    """Cases, one after the other; patient ones first, several at once."""

    def __init__(self, cases: Mapping[str, Play], seed: int, events: int | None) -> None:
        self._cases, self._seed, self._events = cases, seed, events
        self._patient = [case.name for case in CASES if case.patient and case.name in cases]
        self._left = [*self._patient, *(name for name in cases if name not in self._patient)]
        self._begun, self._rows = 0, table.kept()
        self.found: list[Figures] = []

    async def play(self) -> None:
        """All of them."""
        room = asyncio.Semaphore(_BESIDE)

        async def beside(name: str) -> None:
            async with room:
                await self._one(name)

        await asyncio.gather(*(beside(name) for name in self._patient))
        for name in list(self._left):
            await self._one(name)

    async def _one(self, name: str) -> None:
        self._progress(name)
        began = clock.monotonic()
        figures = await self._cases[name](self._seed, self._events)
        figures.seconds = round(clock.monotonic() - began, 1)
        self._rows = table.keep(figures, self._seed)  # it is not lost when a later case is broken off
        table.show([figures], targets.judged(self._rows))
        self.found.append(figures)
        self._left.remove(name)

    def _progress(self, name: str) -> None:
        waiting = [each for each in self._left if each in self._patient]
        rest = [each for each in self._left if each not in self._patient]
        seconds = expected(waiting, self._rows) / _BESIDE + expected(rest, self._rows)
        self._begun += 1
        sys.stderr.write(f"{self._begun} of {len(self._cases)}: {name}; about {seconds / 60:.0f} min left\n")


def _conclude(names: Iterable[str]) -> None:
    """What the file says of these cases, whoever has played them."""
    rows = table.kept()
    judged = targets.judged(rows)
    table.show([table.figures(rows[name]) for name in names if name in rows], judged)
    table.conclude(judged)
    sys.stderr.write(f"→ {table.PATH}\n→ {page.write(rows, judged)}\n")


def main() -> int:
    """The exit code: 0, 1 when a case could not be played, 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="bench.session", description="How long a session is without data.")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--events", type=int, help="instead of each case's own number")
    parser.add_argument("--seed", type=int, default=1, help="of the random phases")
    parser.add_argument("--long", action="store_true", help="the long cases too")
    parser.add_argument("--only-missing", action="store_true", help="those of which the file has not enough")
    parser.add_argument("--list", action="store_true", help="names only")
    given = parser.parse_args()
    cases = chosen(given.cases, long=given.long)
    if given.list:
        sys.stdout.write("".join(f"{name}\n" for name in cases))
        return 0
    if not cases:
        parser.error(f"no case begins with {', '.join(given.cases)}; --list tells them")
    asked = list(cases)
    if given.only_missing:
        left = missing(cases, table.kept(), given.events)
        cases = {name: run for name, run in cases.items() if name in left}
    run, began = Run(cases, given.seed, given.events), clock.monotonic()
    try:
        asyncio.run(run.play())
    except KeyboardInterrupt:
        sys.stderr.write("broken off; --only-missing goes on\n")
        return _INTERRUPTED
    _conclude(asked)
    sys.stderr.write(f"{len(run.found)} cases in {(clock.monotonic() - began) / 60:.0f} min\n")
    return 1 if any(each.problems and not (each.client_to_peer or each.notes) for each in run.found) else 0


if __name__ == "__main__":
    sys.exit(main())
