"""The figures as one HTML page, which asks the network for nothing: build/bench/session.html.

What is shown is decided here, where it stands too; how it looks is in `page.html.jinja`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.measure import BUILD
from bench.session.targets import DOWN, LINES, MEASURES, SET_UP, UP, Judged
from landfast.kernel import files

PATH = BUILD / "session.html"
TEMPLATE = Path(__file__).with_name("page.html.jinja")

FAULTS = {
    "change": "The public address changes",
    "address": "The client’s own address is replaced",
    "blackout-35": "Back after 35 s of nothing",
    "blackout-120": "Back after 120 s of nothing",
    "udp-blocked": "UDP is blocked in the middle",
    "udp-blocked-before": "UDP is blocked from the start: time to connect",
    "rtt-700": "A round trip of 700 ms",
    "loss-20": "A fifth of the packets is lost",
    "loss-20-long": "A fifth of the packets is lost, for ten minutes",
    "flood": "A stranger’s flood",
    "restart": "ICE is restarted",
    "restart-no-budget": "ICE is restarted where the carrier has no port left",
    "budget-8": "Four sessions within eight ports",
    "nothing": "Nothing happens",
}
PATHS = {
    "direct": "direct",
    "direct-ipv6": "direct, IPv6",
    "direct+tls": "direct, and a relay over TLS",
    "relay-udp": "relay",
    "relay-mobility": "relay with mobility",
    "relay-tls": "relay over TLS",
    "any": "any",
}
PEERS = {
    "landfast": "landfast",
    "landfast-controlling": "landfast, peer in control",
    "landfast-restricted": "landfast, peer behind a filter",
    "chromium": "landfast with Chromium",
    "chromium-controlling": "landfast with Chromium in control",
    "stock-chromium": "Chromium",
    "stock-aiortc": "aiortc",
}
_DIRECTIONS = {UP: "client_to_peer", DOWN: "peer_to_client"}

LEFT, RIGHT, WIDTH = 240.0, 690.0, 756.0  # of the bars, and the page's column
_LEAST, _MOST = 10.0, 20_000.0  # milliseconds: half a probe's distance, and more than is watched
TICKS = {10.0: "10 ms", 100.0: "100 ms", 1000.0: "1 s", 10_000.0: "10 s"}
_BAR, _ROW, _HEAD = 10.0, 30.0, 24.0


@dataclass(frozen=True)
class Bar:
    """A direction's median from LEFT to `to`; its largest at `longest`, what was to be reached at `limit`."""

    top: float
    to: float
    longest: float | None
    limit: float | None
    missed: bool
    text: str


@dataclass(frozen=True)
class Line:
    """A case: who, and a bar for each direction."""

    top: float
    name: str
    stack: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    """One fault."""

    title: str
    heads: tuple[tuple[float, str], ...]
    """Where a path's lines begin, and its name."""
    lines: tuple[Line, ...]
    height: float


def place(milliseconds: float | None) -> float:
    """Where a time stands. None is beyond everything."""
    if milliseconds is None:
        return RIGHT
    inside = min(max(milliseconds, _LEAST), _MOST)
    return round(LEFT + (RIGHT - LEFT) * math.log(inside / _LEAST) / math.log(_MOST / _LEAST), 1)


def charts(rows: Mapping[str, Mapping[str, Any]], judged: Sequence[Judged]) -> list[Chart]:
    """One for each fault, in the order in which faults are told here; others after them."""
    told = [name for name, row in rows.items() if row["client_to_peer"]["n"]]
    order = [*FAULTS, *(name.split("/")[0] for name in told)]
    told.sort(key=lambda name: (order.index(name.split("/")[0]), *_standing(name)))
    return [_chart(fault, list(of), rows, judged) for fault, of in groupby(told, lambda name: name.split("/")[0])]


def _standing(name: str) -> tuple[int, int]:
    _, path, peer = name.split("/")
    return [*PATHS, path].index(path), [*PEERS, peer].index(peer)


def _chart(fault: str, names: list[str], rows: Mapping[str, Mapping[str, Any]], judged: Sequence[Judged]) -> Chart:
    heads, lines, top = [], [], 0.0
    for path, of in groupby(names, lambda name: name.split("/")[1]):
        heads.append((top + 15, PATHS.get(path, path)))
        top += _HEAD
        for name in of:
            peer = name.split("/")[2]
            mine = {each.target.measure: each for each in judged if each.target.case == name}
            stack = peer.removeprefix("stock-") if peer.startswith("stock-") else "landfast"
            lines.append(Line(top, PEERS.get(peer, peer), stack, tuple(_bars(fault, rows[name], mine, top))))
            top += _ROW
    return Chart(FAULTS.get(fault, fault), tuple(heads), tuple(lines), top + 22)


def _bars(fault: str, row: Mapping[str, Any], judged: Mapping[str, Judged], top: float) -> Iterator[Bar]:
    """Two, or the one of the set-up."""
    for number, measure in enumerate((SET_UP,) if fault == "udp-blocked-before" else (UP, DOWN)):
        if measure == SET_UP:
            value, longest = (MEASURES[SET_UP](row), max(row["setup"])) if row["setup"] else (None, None)
        else:
            value, longest = row[_DIRECTIONS[measure]]["median"], row[_DIRECTIONS[measure]]["max"]
        of = judged.get(measure)
        limit = place(of.target.most) if of and not of.target.beside else None
        yield Bar(
            top + number * (_BAR + 2),
            place(value),
            None if longest is None else place(longest),
            limit,
            bool(of and of.met is False),
            spoken(value),
        )


def spoken(milliseconds: float | None) -> str:
    """As it is written beside a bar."""
    if milliseconds is None:
        return "never"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def render(rows: Mapping[str, Mapping[str, Any]], judged: Sequence[Judged]) -> str:
    """The page. Everything in it is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        charts=charts(rows, judged),
        ticks=[(place(at), text) for at, text in TICKS.items()],
        left=LEFT,
        right=RIGHT,
        width=WIDTH,
        bar_height=_BAR,
        groups=[(letter, what, [of for of in judged if of.target.line == letter]) for letter, what in LINES.items()],
        rows=list(rows.values()),
    )


def write(rows: Mapping[str, Mapping[str, Any]], judged: Sequence[Judged]) -> Path:
    """Into build/bench/session.html."""
    files.replace(PATH, render(rows, judged))
    return PATH
