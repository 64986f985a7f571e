"""`python -m bench.session [CASE…]`: play cases, print a table, write build/bench/session.json.

A CASE is a name, or the beginning of names: `change/direct/`. Without any, all but the long ones.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from bench.session import table
from bench.session.attempts import attempt
from bench.session.cases import CASES, OTHERS
from bench.session.load import weigh
from bench.session.play import Figures, play

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


async def _play(cases: Mapping[str, Play], seed: int, events: int | None) -> list[Figures]:
    found = []
    for run in cases.values():
        found.append(await run(seed, events))
        table.show(found[-1:])  # what was measured is not lost when a later case is broken off
        table.keep(found[-1:], seed)
    return found


def main() -> int:
    """The exit code: 0, 1 when a case could not be played, 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="bench.session", description="How long a session is without data.")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--events", type=int, help="instead of each case's own number")
    parser.add_argument("--seed", type=int, default=1, help="of the random phases")
    parser.add_argument("--long", action="store_true", help="the long cases too")
    parser.add_argument("--list", action="store_true", help="names only")
    given = parser.parse_args()
    cases = chosen(given.cases, long=given.long)
    if given.list:
        sys.stdout.write("".join(f"{name}\n" for name in cases))
        return 0
    if not cases:
        parser.error(f"no case begins with {', '.join(given.cases)}; --list tells them")
    found = asyncio.run(_play(cases, given.seed, given.events))
    if len(found) > 1:
        table.show(found)
    return 1 if any(each.problems and not (each.client_to_peer or each.notes) for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
