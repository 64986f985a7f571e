"""When a session moves to another pair: one function for each reason, and each asks for proof first. Pure.

The peer moves where its network takes it, and nobody tells us. What may be believed: an authenticated answer proves
that the peer can be reached there, and that nothing but the peer, or somebody who forwards its packets, is there. Who
only forwards (RFC 9000, section 9.3.2) comes while the old path still speaks.
"""

from __future__ import annotations

from landfast.session.ice.checklist import relays
from landfast.session.ice.pairs import Pair
from landfast.session.ice.rhythm import Rhythm
from landfast.session.ice.settings import Settings

_FRESH = 1.0  # seconds: a path that answered no longer ago is still there
_FOLLOWS = 0.1  # seconds: what a busy peer needs to follow, however near it is


def is_proved(pair: Pair, now: float) -> bool:
    """Prove before follow: an authenticated answer came from exactly there, and not long ago."""
    return pair.usable and now - pair.answered < _FRESH


def is_gone(selected: Pair) -> bool:
    """The old path cannot be used any more: our socket is lost, or consent has ended."""
    return not selected.usable


def is_nominated(pair: Pair, selected: Pair, *, controlling: bool) -> bool:
    """A controlling peer has chosen it since it last chose the old one (RFC 8445, section 7.3.1.5).

    It must have answered a check that was sent later: if the nomination was a copy, the original has come meanwhile.
    """
    return not controlling and pair.confirmed >= pair.nominated > selected.nominated


def is_spoken_from(pair: Pair, selected: Pair, since: float, rhythm: Rhythm, settings: Settings) -> bool:
    """The peer's data comes from there, and the old path has missed its turn. `since`: when the old one was selected.

    Copies of packets come while the old path speaks, so a third party that makes them is not followed.
    """
    return pair.heard > max(selected.heard, since) + settings.margin * rhythm.usual


def is_settled(since: float, trip: float, now: float) -> bool:
    """The peer has had the time to follow our last move; else two sides that both move chase each other."""
    return now >= since + max(3 * trip, _FOLLOWS)


def is_rescue(pair: Pair, silent_since: float, now: float, settings: Settings) -> bool:
    """The old path is silent for long, and this one has answered in that time. `silent_since`: when anything last came
    by the old one. What comes by others is no reason to stay: it may be the peer, on a path that is not followed."""
    return now >= silent_since + settings.fallback and pair.answered > silent_since


def is_better(pair: Pair, selected: Pair, *, controlling: bool) -> bool:
    """A path through fewer relays works; the side that nominates decides."""
    return controlling and relays(pair) < relays(selected)
