"""What has to be reached, and why that much: by line, case and measure. Pure.

It is judged on the rows of build/bench/session.json, so that a run in several parts is one run.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

LINES = {
    "A": "public address changes, direct",
    "B": "public address changes, relay",
    "C": "blackout",
    "D": "own address replaced; UDP blocked",
    "E": "port budget; flood",
    "F": "long round trips; loss",
    "H": "audio, video and data in one bundle",
    "I": "the robot of mifi",
    "J": "what sessions cost, beside aiortc as it comes",
}
"""What is to be shown, in short."""

UP, DOWN = "client→peer", "peer→client"
SET_UP = "set up"
INTACT = ("lost", "reordered", "renewed")
"""Reliable messages (two), and sessions whose channels, SCTP or DTLS were not those of the beginning."""

Row = Mapping[str, Any]
"""A case of build/bench/session.json."""


@dataclass(frozen=True)
class Target:
    """A measure of a case may be `most` at most, and has to be `least` at least. Milliseconds, or a number of what the
    measure names."""

    line: str
    case: str
    measure: str
    most: float
    why: str
    least: float = 0.0
    beside: str = ""
    """The case of whose value `most` is a multiple."""


@dataclass(frozen=True)
class Judged:
    """A target and what was measured. `met` is None where nothing was; `value` is so too where it never ended."""

    target: Target
    value: float | None
    met: bool | None

    @property
    def sentence(self) -> str:
        """`client→peer 31 ≤ 60`, or what is wrong about it."""
        of, value = self.target, "never" if self.value is None else f"{self.value:.3g}"
        if self.met is None:
            return f"{of.measure} not measured"
        if self.value is not None and self.value < of.least:
            return f"{of.measure} {value} < {of.least:g}"
        times = " ×" if of.beside else ""
        return f"{of.measure} {value}{times} {'≤' if self.met else '>'} {of.most:g}{times}"


NO_GAP = 100.0
"""Settings.suspicion: a silence below it is one that the session itself does not call a silence."""

_GAP = "no gap: five probes, below what a session calls silence (`suspicion`)"
_KEPT = "the data channels, SCTP and DTLS of the beginning; reliable is reliable"
_DATA = "the next probe is the hint, so nothing is waited for: 20 ms between two, and the change itself"
_PROOF = "half a round trip for the hint, one for the proof, half for data, and 20 ms at each end"
_SILENCE = "100 ms of silence, half a round trip for the check, 20 ms between probes"
_TICK = "the same, a round trip of proof, and Chromium's look at its list, every 250 ms"
_MOVED = "100 ms of silence, one Refresh with a ticket; the peer is not asked"
_ASKED = "100 ms of silence, Allocate twice (401 comes first), half a round trip, and 20 ms"
_LEARNT = "the same, and the peer's proof of the new relayed address"
_TLS = "100 ms of silence, TCP and TLS two round trips (by a ticket), Allocate two, proof one, and half of one"
_BACK = "a check each 200 ms in a long silence, one round trip, 20 ms"
_BYTES = "the checks of `steps`: 28 kB in 35 s; the rest for asking the relay"
_TOLD = "what came back has to say so: `connected` after `failed`"
_NETLINK = "the kernel tells within 15 ms; one and a half round trips, 20 ms"
_NETLINK_PROOF = "the same, and half a round trip"
_NETLINK_RELAY = "the kernel tells within 15 ms; two round trips for the relay, two for the path"
_BROWSER = "no slower than who waits for one server after the other"
_FELL_BACK = "`fallback` twice, and a round trip of TLS that is already there"
_SEEN = "packets come again, and frames do: whoever looks on does not care which it was"
_STOCK = "who changes to landfast shall not need another machine"
_CALM = "nothing has happened that anybody need be told"


def _outages(line: str, case: str, up: tuple[float, str], down: tuple[float, str]) -> tuple[Target, ...]:
    """Both directions, and that every session was intact."""
    kept = tuple(Target(line, case, measure, 0, _KEPT) for measure in INTACT)
    return Target(line, case, UP, *up), Target(line, case, DOWN, *down), *kept


def _none(line: str, case: str, why: str, *measures: str) -> tuple[Target, ...]:
    return tuple(Target(line, case, measure, 0, why) for measure in measures)


def _blackout(seconds: int, path: str) -> tuple[Target, ...]:
    case = f"blackout-{seconds}/{path}/landfast"
    return (
        *_outages("C", case, (250, _BACK), (250, _BACK)),
        Target("C", case, "failed", float("inf"), _TOLD, least=1),
        *_none("C", case, _TOLD, "not recovered"),
        *(Target("C", case, f"{side} kB/min", 60, _BYTES) for side in ("client's", "peer's")),
    )


def _calm(line: str, case: str, up: float, down: float, why: str) -> tuple[Target, ...]:
    return (
        *_outages(line, case, (up, why), (down, why)),
        *_none(line, case, _CALM, "changes of state", "restarts"),
    )


TARGETS: tuple[Target, ...] = (
    *(
        each
        for peer in ("landfast", "landfast-controlling")
        for each in _outages("A", f"change/direct/{peer}", (60, _DATA), (150, _PROOF))
    ),
    *(
        each
        for peer in ("chromium", "chromium-controlling")
        for each in _outages("A", f"change/direct/{peer}", (150, _SILENCE), (400, _TICK))
    ),
    *(
        each
        for peer in ("landfast", "landfast-restricted", "chromium", "chromium-controlling")
        for each in _outages("B", f"change/relay-mobility/{peer}", (150, _MOVED), (200, _MOVED))
    ),
    *_outages("B", "change/relay-udp/landfast", (230, _ASKED), (320, _LEARNT)),
    *(
        each
        for peer in ("chromium", "chromium-controlling")
        for each in _outages("B", f"change/relay-udp/{peer}", (230, _ASKED), (450, _TICK))
    ),
    *(
        each
        for peer in ("landfast", "chromium")
        for each in _outages("B", f"change/relay-tls/{peer}", (500, _TLS), (500, _TLS))
    ),
    *(
        each
        for seconds, path in product((35, 120), ("direct", "relay-udp", "relay-mobility"))
        for each in _blackout(seconds, path)
    ),
    *(
        each
        for where in ("direct/landfast", "direct/landfast-controlling", "direct-ipv6/landfast")
        for each in _outages("D", f"address/{where}", (100, _NETLINK), (150, _NETLINK_PROOF))
    ),
    *(
        each
        for path in ("relay-mobility", "relay-udp")
        for each in _outages("D", f"address/{path}/landfast", (230, _NETLINK_RELAY), (230, _NETLINK_RELAY))
    ),
    Target(
        "D",
        "udp-blocked-before/any/landfast",
        SET_UP,
        1.3,
        _BROWSER,
        beside="udp-blocked-before/any/stock-chromium",
    ),
    *(
        each
        for path in ("any", "direct+tls")
        for each in _outages("D", f"udp-blocked/{path}/landfast", (1500, _FELL_BACK), (1500, _FELL_BACK))
    ),
    *(
        each
        for peer in ("landfast", "chromium")
        for each in (
            *_outages("E", f"restart-no-budget/any/{peer}", (NO_GAP, _GAP), (NO_GAP, _GAP)),
            Target("E", f"restart-no-budget/any/{peer}", "left the old way", 0, "it works, nothing better can be had"),
        )
    ),
    Target("E", "restart-no-budget/any/chromium", "errors told", 1, "one clear event", least=1),
    *_calm("E", "budget-8/direct/landfast", NO_GAP, NO_GAP, _GAP),
    *_calm("E", "flood/direct/landfast", NO_GAP, NO_GAP, _GAP),
    Target("E", "flood/direct/landfast", "checks/s", 25, "`hints`, and the pings"),
    Target("E", "flood/direct/landfast", "amplification", 0.1, "nobody's weapon: RFC 9000 allows 3"),
    *_none("F", "rtt-700/direct/landfast", _CALM, "changes of state", "restarts", "never"),
    *(
        each
        for case in ("loss-20", "loss-20-long")
        for each in _none("F", f"{case}/direct/landfast", _CALM, "changes of state", "restarts", "never")
    ),
    *(
        each
        for fault, peers in {
            "change": (
                *(f"direct/{peer}" for peer in ("landfast", "chromium", "chromium-controlling")),
                *(f"{path}/landfast" for path in ("relay-mobility", "relay-udp", "relay-tls")),
            ),
            "blackout-35": ("direct/landfast", "relay-udp/landfast"),
            "address": ("direct/landfast", "direct/chromium", "relay-udp/landfast"),
        }.items()
        for peer in peers
        for each in (
            *_none("H", f"{fault}-media/{peer}", _SEEN, "media never"),
            *_none("H", f"{fault}-media/{peer}", _KEPT, *INTACT),
        )
    ),
    *_none("I", "attempts/mifi/landfast", "the default route's interface alone", "foreign packets", "address changes"),
    Target("I", "attempts/mifi/landfast", "connected", 10, "each of them", least=10),
    Target("J", "cost/idle/landfast", "connected", 500, "each of them", least=500),
    *(
        Target("J", "cost/idle/landfast", measure, 1.0, _STOCK, beside="cost/idle/stock-aiortc")
        for measure in ("cpu_ms_per_minute", "kb")
    ),
    *(
        Target("J", f"cost/{case}/landfast", measure, float("inf"), _STOCK, 1.0, f"cost/{case}/stock-aiortc")
        for case, measure in (("data", "mbit"), ("datagrams", "packets"))
    ),
)


def _median(key: str) -> Callable[[Row], float | None]:
    return lambda row: row[key]["median"]


def _count(key: str) -> Callable[[Row], float | None]:
    return lambda row: float(row[key])


def _unseen(row: Row) -> float:
    if not row["media"]:
        raise KeyError("no event was measured")
    return float(sum(stream["never"] for stream in row["media"].values()))


MEASURES: dict[str, Callable[[Row], float | None]] = {
    UP: _median("client_to_peer"),
    DOWN: _median("peer_to_client"),
    SET_UP: lambda row: statistics.median(row["setup"]),
    "never": lambda row: float(row["client_to_peer"]["never"] + row["peer_to_client"]["never"]),
    "media never": _unseen,
    "changes of state": _count("changes"),
    **{name: _count(name) for name in (*INTACT, "restarts")},
}
"""How they are found in a row. Every other one is one of the case's notes."""
_COUNTS = (*INTACT, "restarts", "changes of state", "never")
"""Those that are 0 where nobody was connected."""


def judge(target: Target, rows: Mapping[str, Row]) -> Judged:
    """One target, by all the rows there are."""
    unknown = Judged(target, None, None)
    row, other = rows.get(target.case), rows.get(target.beside)
    if row is None or (target.beside and other is None):
        return unknown
    try:
        value = _value(target.measure, row)
        scale = _value(target.measure, other) if other else 1.0
    except (KeyError, statistics.StatisticsError):  # a row of an earlier bench; no session was connected
        return unknown
    if target.measure in _COUNTS and not row["sessions"]:
        return unknown
    if target.measure in (UP, DOWN) and not row["client_to_peer"]["n"]:
        return unknown
    if value is None or not scale:
        return Judged(target, None, False)
    value /= scale
    return Judged(target, value, target.least <= value <= target.most)


def _value(measure: str, row: Row) -> float | None:
    if measure in MEASURES:
        return MEASURES[measure](row)
    return float(row["notes"][measure])


def judged(rows: Mapping[str, Row], targets: Sequence[Target] = TARGETS) -> list[Judged]:
    """All of them."""
    return [judge(target, rows) for target in targets]


def plain(each: Judged) -> dict[str, Any]:
    """For JSON."""
    said = {key: value for key, value in asdict(each.target).items() if value not in ("", float("inf"))}
    return {**said, "value": each.value, "met": each.met}


def lines(found: Sequence[Judged]) -> list[str]:
    """One for each letter: how many of its targets are met, and which are not."""
    return [_line(letter, [each for each in found if each.target.line == letter]) for letter in LINES]


def _line(letter: str, found: Sequence[Judged]) -> str:
    counts = [sum(each.met is met for each in found) for met in (True, False, None)]
    said = f"{letter}  {LINES[letter]}: {counts[0]} of {len(found)} met"
    missed = [f"{each.target.case} {each.sentence}" for each in found if each.met is False]
    unknown = dict.fromkeys(each.target.case for each in found if each.met is None)
    said += f"; missed: {', '.join(missed)}" if missed else ""
    return said + (f"; not measured: {', '.join(unknown)}" if unknown else "")
