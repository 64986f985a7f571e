"""Each safety rule of the agent, how it is taken away, and histories in which that must be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from landfast.lab.network import Occasion
from landfast.model.nat import Filtering
from landfast.session.ice import agent, follow, hints, nominations, outage, pairs, roaming
from landfast.session.ice import rotation as rotations
from landfast.session.ice.ground import relays
from landfast.session.ice.settings import Settings
from landfast.trials.campaign import play as playing
from landfast.trials.campaign.history import NAMES, History, Side, Traffic, Trick, Uplink
from tests.trials.campaign.histories import BEHIND_A_ROUTER, WITH_A_RELAY, fault, history

Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class Rule:
    """`without`: what stands in its place. `named`: the invariants of which one must be violated."""

    name: str
    without: Sequence[Patch]
    histories: Callable[[], Sequence[History]]
    named: frozenset[str]

    def take_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for owner, name, instead in self.without:
            monkeypatch.setattr(owner, name, instead)


class _Believed:
    """An answer whose signature is not looked at."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def signed_with(self, _password: str) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)


_answered = agent.Agent._answered


def _unsigned(self: Any, answer: Any, path: Any, now: float) -> None:
    _answered(self, _Believed(answer), path, now)  # type: ignore[arg-type]


def _from_anywhere(self: Any, answer: Any, path: Any, now: float) -> None:
    sent = self._checks.transactions.find(answer.transaction_id, now)
    _answered(self, answer, sent.pair.path if sent else path, now)


def _yes(*_: Any, **__: Any) -> bool:
    return True


def _junk() -> list[History]:
    return [history(fault(Trick.JUNK, lasts=3), every=every, lasts=9) for every in (0.5, 0.02)]


def _nags() -> list[History]:
    return [history(fault(Trick.NAG, lasts=3), every=every, lasts=9) for every in (0.5, 0.02)]


def _tricks() -> list[History]:
    """A third host between two open sides, with copies that come later than any margin, or quicker."""
    return [
        history(
            fault(trick, on=on, lasts=5),
            lasts=10,
            third_ms=later,
            traffic=traffic,
        )
        for trick in (Trick.COPY, Trick.FORGE, Trick.CROSS)
        for on in NAMES
        for later in (500, 80, 20)
        for traffic in (Traffic(every=0.5), Traffic(every=1.0, together=6), Traffic(every=0.02))
    ]


def _blackouts() -> list[History]:
    return [
        history(
            fault(Occasion.SUSPEND_RADIO, lasts=lasts),
            robot=BEHIND_A_ROUTER,
            lasts=lasts + 10,
            seed=seed,
            controlling=controlling,
        )
        for lasts in (33.0, 32.0, 31.0)
        for seed in range(3)
        for controlling in NAMES
    ]


def _unchosen() -> list[History]:
    """The radio falls asleep after the first answer and before a nomination."""
    uplink = Uplink(behind="router", delay_ms=50, ipv6="on")
    side = Side(uplink=uplink, second=Uplink(behind="router"), all_addresses=True)
    return [
        history(
            fault(Occasion.SUSPEND_RADIO, at=at, lasts=65),
            robot=side,
            operator=side,
            lasts=70,
            every=1.0,
            signalling_ms=200,
            controlling=controlling,
        )
        for at in (0.6, 0.7)
        for controlling in NAMES
    ]


def _restarts() -> list[History]:
    return [
        history(fault(Trick.RESTART), robot=WITH_A_RELAY, lasts=14),
        history(fault(Trick.RESTART), fault(Trick.RESTART, at=5, on="operator"), robot=WITH_A_RELAY, lasts=16),
    ]


def _moves() -> list[History]:
    """Both sides find a better way at the same time."""
    robot = Side(uplink=Uplink(behind="router", filtering=Filtering.ENDPOINT_INDEPENDENT, ipv6="on"))
    return [
        history(robot=robot, lasts=3, every=0.02, signalling_ms=signalling, seed=seed)
        for signalling in (200, 50)
        for seed in (3010, 1)
    ]


RULES = [
    Rule(
        "a way is proved before it is followed",
        [(follow, "is_proved", lambda pair, _: pair.usable)],
        lambda: [*_junk(), *_blackouts()],
        frozenset({"amplification", "no data in a passable world", "data to an unproved address"}),
    ),
    Rule(
        "answers are signed",
        [(agent.Agent, "_answered", _unsigned)],
        _tricks,
        frozenset({"data to an unproved address"}),
    ),
    Rule(
        "answers come from where they were asked for",
        [(agent.Agent, "_answered", _from_anywhere)],
        _tricks,
        frozenset({"data to an unproved address"}),
    ),
    Rule("strangers pay for checks", [(hints.Hints, "has_credit", _yes)], _junk, frozenset({"amplification"})),
    Rule(
        "a stranger waits for its turn",
        [(hints.Hints, "is_its_turn", _yes)],
        _nags,
        frozenset({"too many checks to strangers"}),
    ),
    Rule(
        "strangers share a budget",
        [(hints.Hints, "is_within_budget", _yes)],
        _junk,
        frozenset({"too many checks to strangers", "too many checks"}),
    ),
    Rule(
        "consent ends",
        [(playing, "Settings", partial(Settings, consent=300.0))],
        _blackouts,
        frozenset({"sent without consent"}),
    ),
    Rule(
        "a way without consent is never used again",
        [(pairs.Pair, "usable", property(lambda pair: not pair.lost))],
        _blackouts,
        frozenset({"sent without consent"}),
    ),
    Rule(
        "a copy comes while the old way speaks, and is not trusted again",
        [
            (follow, "is_spoken_from", lambda pair, selected, *_: pair.heard > selected.heard),
            (roaming.Roaming, "_is_trusted", _yes),
        ],
        _tricks,
        frozenset({"led astray", "no data in a passable world", "restless"}),
    ),
    Rule(
        "a nomination counts where it came first, and is confirmed",
        [
            (nominations.Nominations, "counts", _yes),
            (
                follow,
                "is_nominated",
                lambda pair, selected, *, controlling: not controlling and pair.nominated > selected.nominated,
            ),
        ],
        _tricks,
        frozenset({"led astray", "restless"}),
    ),
    Rule("sides that move do not chase each other", [(follow, "is_settled", _yes)], _moves, frozenset({"restless"})),
    Rule(
        "sockets are changed now and then",
        [(rotations.Rotation, "due", lambda self, socket, _, **__: self._spares[-1] if self._spares else socket)],
        _blackouts,
        frozenset({"too many sockets opened"}),
    ),
    Rule(
        "an outage costs so much and no more",
        [(outage.Outage, "may_leave", _yes)],
        _unchosen,
        frozenset({"too many bytes in an outage"}),
    ),
    Rule(
        "a generation ends after its restart",
        [(playing, "Settings", partial(Settings, linger=300.0))],
        _restarts,
        frozenset({"left behind"}),
    ),
    Rule(
        "what was closed is given back",
        [(relays.Relay, "drop", lambda *_: None)],
        _restarts,
        frozenset({"left behind"}),
    ),
]
