"""What two networks do to WebRTC, side by side by their numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from landfast.lab.network import Network, Router

TIMER = 0.10
"""Of a timer. With 256 mappings the moments at which a lifetime is asked for lie 5 % apart, or 10 % where few carriers
have theirs (probes/lifetime/plan.py); it is told as the middle of two, and each of two measurements is off by half."""

SECOND = 1
"""Between two timers, however short: each is rounded to whole seconds."""

BUDGET = 0.15
"""Of a budget: requests that are lost are not counted, and what ends meanwhile makes room for more."""

HELD = 5
"""Sessions, besides: what got no answer was held too, and is not among the facts (lab/exported.py counts 56 of 64)."""

Value = object
_TIMERS = ("udp_timeout", "udp_stream_timeout", "max_age")


def differences(one: Network, other: Network) -> list[str]:
    """`router: axis is …, then …` for each axis of a router that differs by more than two measurements may."""
    return [
        f"{name}: {axis} is {here}, then {there}"
        for name in dict.fromkeys([*one.routers, *other.routers])
        for axis, here, there in _both(one.routers.get(name), other.routers.get(name))
        if not _alike(axis, here, there)
    ]


def _both(one: Router | None, other: Router | None) -> Iterator[tuple[str, Value, Value]]:
    here, there = _axes(one), _axes(other)
    yield from ((axis, here.get(axis), there.get(axis)) for axis in dict.fromkeys([*here, *there]))


def _axes(router: Router | None) -> dict[str, Value]:
    """The axes of a router that have words or numbers; none where there is no router."""
    if router is None:
        return {}
    found: dict[str, Value] = {"nat": router.nat is not None, "udp": router.udp, "ipv6": router.ipv6}
    if router.nat:
        words = {"mapping": router.nat.mapping, "filtering": router.nat.filtering, "pooling": router.nat.pooling}
        found |= words | {axis: getattr(router.nat, axis) for axis in _TIMERS}
    return found | {"budget": router.budget.limit if router.budget else None}


def _alike(axis: str, here: Value, there: Value) -> bool:
    if not (isinstance(here, int) and isinstance(there, int)):
        return here == there
    if axis in _TIMERS:
        return abs(here - there) <= max(SECOND, TIMER * max(here, there))
    return abs(here - there) <= (BUDGET * max(here, there) + HELD if axis == "budget" else 0)
