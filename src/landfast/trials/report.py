"""One HTML file that shows a trial to somebody who was not there: the verdict, the document's table, the mechanism, the
method.

It asks the network for nothing and needs no script; it is read on a screen, light or dark, and on paper. What to say is
decided here, how it looks is in `report.html.jinja`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from landfast.probes.public_address import STUN_EVERY
from landfast.trials.plan import plan
from landfast.trials.result import QUIET, AddressChange, Attempt, Trial
from landfast.trials.senses import ECHO_EVERY
from landfast.trials.statistics import ALPHA, OFF, ON, Proportion, Verdict, judge, summarise, total
from landfast.trials.table import known
from landfast.trials.timeline import draw, timeline

TEMPLATE = Path(__file__).with_name("report.html.jinja")
_MARKS = {True: ("Cured.", "good"), False: ("Not proved.", ""), None: ("Measured.", "open")}


def render(trial: Trial) -> str:
    """The report as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "seconds": lambda s: "–" if s is None else f"{s:.2f} s",
        "known": known,
        "interval": _interval,
        "p_value": _p_value,
        "when": _when,
    }
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(content(trial))


def content(trial: Trial) -> dict[str, Any]:
    """What the template shows. The timeline is the only markup in it; everything else is escaped."""
    from markupsafe import Markup

    summaries = summarise(trial.attempts)
    verdict = judge(summaries)
    mark, mark_class = _MARKS[verdict.proved]
    arms = [summary.name for summary in summaries]
    done = {attempt.number: attempt for attempt in trial.attempts}
    slots = plan(trial.plan["arms"], trial.plan["groups"], trial.plan["attempts"])
    return {
        "title": f"landfast trial: {trial.plan['network']}",
        "plan": trial.plan,
        "planned": trial.planned,
        "unfinished": len(trial.attempts) < trial.planned,
        "started": str(trial.provenance[0].get("started", "")),
        "mark": mark,
        "mark_class": mark_class,
        "sentence": sentence(verdict),
        "what": "masquerade" if set(arms) <= {OFF, ON} else "arm",
        "verdict": verdict,
        "summaries": summaries,
        "arms": arms,
        "grid": [
            {
                "group": group,
                "arm": arm,
                "attempts": [done.get(slot.number) for slot in slots if slot.group == group],
            }
            for group, arm in dict.fromkeys((slot.group, slot.arm) for slot in slots)
            if arm in arms
        ],
        "timeline": Markup(draw(timeline(trial.attempts))),  # noqa: S704  drawn here; its only foreign text is arms' names
        "mechanism": mechanism(trial.attempts),
        "evidence": [(arm, _counted(a for a in trial.attempts if a.arm == arm.name)) for arm in summaries],
        "attempts": trial.attempts,
        "method": method(trial.plan),
        "sessions": trial.provenance,
        "plan_text": json.dumps(trial.plan, indent=2, ensure_ascii=False),
    }


def sentence(verdict: Verdict) -> str:
    """The verdict without the word that stands before it."""
    first, colon, rest = verdict.because.partition(": ")
    said = rest if colon else first
    return said[:1].upper() + said[1:]


def _interval(proportion: Proportion) -> str:
    return f"{proportion.low * 100:.0f}–{proportion.high * 100:.0f} %"


def _p_value(p: float) -> str:
    if p >= 0.001:
        return f"{p:.2g}"
    digits, exponent = f"{p:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _when(change: AddressChange) -> str:
    return "no check seen" if change.after_first_check_s is None else f"{change.after_first_check_s:+.2f} s"


def _counted(attempts: Iterable[Attempt]) -> str:
    """Foreign sources, the commonest first, and how many packets had them."""
    sources: Counter[str] = Counter()
    for attempt in attempts:
        sources.update(attempt.foreign_sources)
    return ", ".join(f"{source} ({count})" for source, count in sources.most_common()) or "none"


def mechanism(attempts: Sequence[Attempt]) -> list[str]:
    """What was seen of cause and effect, in sentences; what was not seen is said too."""
    return [text for tell in (_sources, _carrier, _moments, _bystander) if (text := tell(attempts))]


def _sources(attempts: Sequence[Attempt]) -> str:
    foreign = total(a.foreign_source_packets for a in attempts)
    if foreign is None:
        return "Whether packets left with a foreign source is not known: capture was not permitted, or lost packets."
    sources = sorted({source for a in attempts for source in a.foreign_sources})
    whose = f" Their sources were {' and '.join(sources)}." if sources else ""
    return (
        "An ICE agent opens a socket for every local address, and Linux sends from each of them through the default "
        f"route. Here {foreign} packets left with a source that is not an address of the egress interface.{whose}"
    )


def _carrier(attempts: Sequence[Attempt]) -> str:
    foreign = total(a.foreign_source_packets for a in attempts)
    violations = total(a.gateway_violations for a in attempts)
    if violations is None:
        return ""
    counted = (
        "The carrier counted the same number"
        if violations == foreign
        else f"The carrier counted {violations} packets with a source that it had not given out ({known(foreign)} were "
        "captured on the robot)"
    )
    resets = total(a.gateway_resets for a in attempts)
    return f"{counted} and reset the session {'once' if resets == 1 else f'{known(resets)} times'}."


def _moments(attempts: Sequence[Attempt]) -> str:
    first = [a.address_changes[0].after_first_check_s for a in attempts if a.address_changes]
    after = [moment for moment in first if moment is not None]
    if not after:
        return ""
    usual = median(after)
    when = f"{usual:.1f} s after" if usual >= 0 else f"{-usual:.1f} s before"
    return (
        f"The public address first changed {when} the first connectivity check (median; "
        f"from {min(after):+.1f} to {max(after):+.1f} s)."
    )


def _bystander(attempts: Sequence[Attempt]) -> str:
    waits = [(a.address_changed, a.longest_bystander_stall_s) for a in attempts]
    stalls = [wait for changed, wait in waits if changed and wait is not None]
    others = [wait for changed, wait in waits if not changed and wait is not None]
    if not stalls:
        return ""
    rest = f"; where it did not change, at most {max(others):.2f} s" if others else ""
    return (
        "It is not WebRTC alone that suffers: where the address changed, a TCP connection beside it waited "
        f"{min(stalls):.1f} to {max(stalls):.1f} s for an answer{rest}."
    )


_LABORATORY = """
The network is the laboratory’s “{network}”: real kernel routers in network namespaces. Its carrier acts only on packets
that cross it and shares no object, file or clock with what measures.
"""
_ROBOT = """
The robot is this machine in its own network; the operator is another machine. There is no carrier’s own count.
"""
_METHOD = """

{groups} groups of {attempts} attempts, arms in turn: {arms}. Alternating groups keep whatever drifts from being taken
for the remedy. Each attempt is a real WebRTC connection with a data channel between two processes ({stack}), given
{limit_s:g} s to connect and then held for {hold_s:g} s. It lasts until the network has been quiet for {quiet:g} s, so
that late effects are counted with their cause.

A third process on the robot’s host watches. A STUN request each {stun_ms:.0f} ms from one long-lived socket tells the
public address. A capture on the egress interface, behind all address translation, tells sources and connectivity
checks. An echo each {echo_ms:.0f} ms over one long-lived TCP connection is the bystander; a stall is the time from one
answer to the next, once the peers have begun.

Intervals are Wilson’s at 95 %. “Cured” is said when the address changed without the remedy and never with it, every
attempt with it connected, and Fisher’s exact test (two-sided) gives p < {alpha:g}.
"""


def method(asked: dict[str, Any]) -> list[str]:
    """How the numbers came about."""
    text = (_LABORATORY if asked.get("declaration") else _ROBOT) + _METHOD
    arms = ", ".join(asked["arms"])
    numbers = {"quiet": QUIET, "stun_ms": STUN_EVERY * 1e3, "echo_ms": ECHO_EVERY * 1e3, "alpha": ALPHA}
    return text.format(**{**asked, "arms": arms, **numbers}).strip().split("\n\n")
