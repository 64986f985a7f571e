"""Whether the peer wants what we send (RFC 7675): by time, from the last authenticated answer. Pure."""

from __future__ import annotations

from math import inf

from landfast.session.ice.machine import Step
from landfast.session.ice.pairs import Pair
from landfast.session.ice.settings import Settings


def may_send(pair: Pair, now: float, settings: Settings) -> bool:
    """Whether application data may go this way: to nobody who has not proved himself, and not for ever."""
    return pair.usable and has_answered(pair) and not is_over(pair, now, settings)


def has_answered(pair: Pair) -> bool:
    """Only an authenticated answer from exactly the asked address is consent."""
    return pair.proved


def is_over(pair: Pair, now: float, settings: Settings) -> bool:
    """RFC 7675, section 5.1. Answers that came late counted when they came."""
    return now >= pair.answered + settings.consent


def silent_from(pair: Pair, unanswered: float | None, settings: Settings) -> float:
    """When the selected pair will have been silent for too long; infinite while nobody has asked it. `unanswered`: when
    the oldest check was sent that has no answer."""
    silent = pair.answered + settings.disconnected
    if not pair.usable:  # it is not asked any more
        return silent
    return inf if unanswered is None else max(silent, unanswered + settings.doubt)


def standing(pair: Pair, unanswered: float | None, now: float, settings: Settings) -> Step:
    """What the silence of the selected pair means for the state of the transport."""
    if pair.barred or is_over(pair, now, settings):
        return Step.EXPIRE
    return Step.SILENCE if now >= silent_from(pair, unanswered, settings) else Step.ANSWER
