"""Which socket is left alone for how long. Pure.

Inbound packets refresh most NATs' bindings, so each socket shows one moment, and a lifetime is found as soon as it is
over only if sockets for every moment were opened at the beginning. The moments have about the same ratio to each other,
so that the relative error is the same everywhere; and the two next to a value that manufacturers choose are moved close
to it, since that is where lifetimes end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from landfast.model.facts import State

CLOSE = 0.12
"""Seconds from a usual value to the moments before and after it: more than a busy machine's timers are late, and
about 1 % of the shortest lifetimes that carriers have (10 s, Richter et al., IMC 2016)."""

STREAM_AFTER = 2.1
"""Seconds from the first packet until an answer makes a stream of a flow: Linux wants 2 (nf_conntrack_proto_udp.c)."""

COMPANIONS = 2
"""Sockets that are kept alive and get packets at the moments of trials."""

_SPAN = 26.0  # from the shortest to the longest, which is 5 s to the 130 that RFC 4787's 120 need
# The share of sockets in each state. Unreplied is the finest, since it has the least time: it ends when its lifetime
# does. What is replied either lives as long as the unreplied or as a stream: with few sockets it is not asked.
_SHARES: dict[State, float] = {"unreplied": 0.45, "stream": 0.35, "replied": 0.2}
_SHARES_OF_FEW: dict[State, float] = {"unreplied": 0.5, "stream": 0.5}
_FEW = 64
_KEPT = COMPANIONS + 1  # and one that measures the round trip
_FED = 2  # sockets of each kind that are kept alive, from inside or from outside
_FEWEST = 3  # sockets in a state
_GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it, modulo 1, fill an interval evenly at any time (Weyl)
# Linux's defaults (nf_conntrack-sysctl), which most home routers have, and the minute of many carriers: each is
# enclosed, unless there are so few sockets that nothing would be left for the others.
_COMMONEST = (30.0, 60.0, 120.0)
# Most carriers' lifetimes are between these (Richter et al.); outside, the moments are twice as far apart.
_USUAL, _THINNER = (10.0, 70.0), 0.5


@dataclass(frozen=True)
class Trial:
    """One socket: brought into a state, then left alone for `silent` seconds until the server sends."""

    state: State
    silent: float


@dataclass(frozen=True)
class Plan:
    """Trials, in such an order that the first ones of them are an even choice of all, for a network that gives fewer
    mappings than we were told; and how many sockets are fed by packets from outside, and from inside."""

    trials: tuple[Trial, ...]
    inbound: int
    outbound: int
    inbound_every: float
    """Seconds between packets from outside that keep a binding, if they do."""
    outbound_every: float

    @property
    def mappings(self) -> int:
        """All sockets."""
        return len(self.trials) + self.inbound + self.outbound + _KEPT


def plan(longest: float, mappings: int, *, oldest: float = 0.0) -> Plan:
    """What `mappings` sockets can tell of lifetimes up to `longest` seconds, and of ages up to `oldest`."""
    few = mappings < _FEW
    fed = 1 if few else _FED
    outbound = fed if oldest else 0
    left = mappings - _KEPT - fed - outbound
    trials: list[tuple[float, Trial]] = []
    for state, share in (_SHARES_OF_FEW if few else _SHARES).items():
        silences = moments(longest / _SPAN, longest, max(_FEWEST, int(left * share)))
        trials += [(number * _GOLDEN % 1, Trial(state, silent)) for number, silent in enumerate(silences)]
    trials.sort(key=lambda placed: placed[0])
    return Plan(tuple(trial for _, trial in trials), fed, outbound, longest / 130, min(2.0, longest / 65))


def moments(shortest: float, longest: float, count: int) -> list[float]:
    """So many silences up to the longest; the first is so short that only a dead path can be silent."""
    enclosed = [value + side * CLOSE for value in _COMMONEST if value < longest - 1 for side in (-1, 1)]
    if count < 3 * len(enclosed):
        enclosed = []
    left = count - 1 - len(enclosed)
    ideal = [_quantile(number / (left - 1), shortest, longest) for number in range(left)] if left > 1 else [longest]
    return sorted([shortest / 10, *enclosed, *_moved(ideal, longest)])


def _quantile(share: float, shortest: float, longest: float) -> float:
    """Where so much of the weight is below, the weight being even over the logarithm, and thinner outside the usual."""
    edges = [shortest, *(edge for edge in _USUAL if shortest < edge < longest), longest]
    weights = [
        math.log(high / low) * (1 if _USUAL[0] <= low < _USUAL[1] else _THINNER) for low, high in pairwise(edges)
    ]
    left = share * sum(weights)
    for (low, high), weight in zip(pairwise(edges), weights, strict=True):
        if left <= weight:
            return float(low * (high / low) ** (left / weight))
        left -= weight
    return longest


def usual(longest: float) -> list[float]:
    """Further lifetimes that manufacturers choose, tens first, then fives, then whole seconds below 10."""
    values = [float(value) for value in (*range(1, 10), *range(10, math.ceil(longest) + 5, 5)) if value < longest]
    return sorted(set(values) - set(_COMMONEST), key=lambda value: (value % 10 > 0, value % 5 > 0, value))


def _moved(ideal: Sequence[float], longest: float) -> list[float]:
    """The moments, of which those next to a usual value are put close to it; the first and the last stay."""
    found, free = list(ideal), set(range(1, len(ideal) - 1))
    # Where there is one moment for two values, the one after a value ends its measurement and matters more.
    for value, side in [(value, side) for side in (1, -1) for value in usual(longest)]:
        number = sum(moment <= value for moment in ideal) - (side < 0)
        if number in free and value + CLOSE < ideal[-1]:
            found[number] = value + side * CLOSE
            free.discard(number)
    return found
