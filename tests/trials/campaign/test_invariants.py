from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import PairSelected, StateChanged, Why
from landfast.session.ice.machine import State
from landfast.trials.campaign import invariants
from landfast.trials.campaign.history import Name
from landfast.trials.campaign.invariants import Invariants, Sent
from landfast.trials.campaign.ledger import Kind, Ledger, Way

HERE, THERE = ("192.0.2.20", 1), ("203.0.113.10", 2)
SOMEWHERE = Candidate(Type.HOST, THERE, 1, "f")


class Watched:
    """All invariants, over one side."""

    def __init__(self) -> None:
        ledgers: dict[Name, Ledger] = {"robot": Ledger(), "operator": Ledger()}
        self.ledger = ledgers["robot"]
        self.blamed: set[str] = set()
        self.all = Invariants(ledgers, lambda *said: self.blamed.add(said[0]))
        self.way = self.ledger.way(HERE, THERE)

    def send(self, what: Kind, now: float = 1.0, size: int = 100, by: str = "", way: Way | None = None) -> None:
        way = way or self.way
        way.sent += size
        if what is Kind.CHECK:
            way.tried.append(now)
        self.all.sent(Sent("robot", way, what, size, by, now, now))

    def prove(self, now: float = 0.5) -> None:
        self.way.proved = self.way.answered = now
        self.ledger.proved.add(THERE)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def _unproved(one: Watched) -> None:
    one.way.received = 1000
    one.send(Kind.DATA)


def _without_consent(one: Watched) -> None:
    one.prove()
    one.send(Kind.DATA, 31.1)


def _after_403(one: Watched) -> None:
    one.prove()
    one.way.renewed, one.way.revoked = "mine", {"mine": 1.0}
    one.send(Kind.DATA, 2.0)


def _lapsed(one: Watched) -> None:
    one.prove()
    one.ledger.own["mine"], one.ledger.bearer = "password", one.way
    one.way.consented.add("mine")
    one.all.consent.lapse("robot", 31.1)
    one.send(Kind.CHECK, 40.0, by="mine")


def test_a_restart_under_way_may_ask_where_consent_has_ended(watched: Watched) -> None:
    """It has credentials of its own, which nobody has answered there yet."""
    _lapsed(watched)
    watched.blamed.clear()
    watched.send(Kind.CHECK, 40.0, by="new")
    assert not watched.blamed


def test_of_a_way_that_was_left_nothing_has_ended(watched: Watched) -> None:
    """Data for another peer was given to the relay, and has not come out of it."""
    watched.prove()
    watched.way.consented.add("mine")
    watched.ledger.bearer = watched.way
    elsewhere = Candidate(Type.HOST, ("203.0.113.10", 3), 1, "f")
    watched.all.told("robot", PairSelected(SOMEWHERE, elsewhere, Why.FALLBACK), 2.0)
    watched.all.consent.lapse("robot", 31.1)
    watched.send(Kind.CHECK, 40.0, by="mine")
    assert not watched.blamed


def test_the_same_place_by_a_relay_that_the_peer_sees_elsewhere_is_another_way(watched: Watched) -> None:
    """The peer's NAT gives the relay another port, because two bases speak to the peer by one mapping."""
    watched.prove()
    watched.way.consented.add("mine")
    watched.ledger.bearer = watched.way
    relay = watched.ledger.way(("198.51.100.5", 7), THERE)
    seen = Candidate(Type.PEER_REFLEXIVE, ("198.51.100.5", 8), 1, "f", related=relay.local)
    watched.all.told("robot", PairSelected(seen, SOMEWHERE, Why.FALLBACK), 2.0)
    assert watched.ledger.bearer is relay
    watched.all.consent.lapse("robot", 31.1)
    watched.send(Kind.CHECK, 40.0, by="mine")
    assert not watched.blamed


def test_a_selected_way_without_an_answer_has_ended_though_no_data_took_it(watched: Watched) -> None:
    watched.prove()
    watched.way.consented.add("mine")
    watched.ledger.bearer = watched.ledger.way(HERE, ("203.0.113.10", 3))
    mapped = Candidate(Type.SERVER_REFLEXIVE, ("203.0.113.50", 9), 1, "f", related=HERE)
    watched.all.told("robot", PairSelected(mapped, SOMEWHERE, Why.FALLBACK), 2.0)
    watched.all.consent.lapse("robot", 31.1)
    watched.send(Kind.CHECK, 40.0, by="mine")
    assert watched.blamed == {"sent without consent"}


def _amplified(one: Watched) -> None:
    one.way.received = 30
    one.send(Kind.CHECK)


def _nagged(one: Watched) -> None:
    one.way.received = 10_000
    for tenth in range(12):
        one.send(Kind.CHECK, tenth / 10)


def _many_strangers(one: Watched) -> None:
    for number in range(100):
        way = one.ledger.way(HERE, ("203.0.113.10", number))
        way.received = 1000
        one.send(Kind.CHECK, number / 50, way=way)


def _many_checks(one: Watched) -> None:
    for number in range(100):
        one.all.checks.left("robot", number / 100)


def _long_outage(one: Watched) -> None:
    for second in range(50):
        one.all.outage.left("robot", 1300, float(second))


def _many_sockets(one: Watched) -> None:
    for number in range(100):
        one.all.sockets.opened("robot", number / 10)


def _wrong_step(one: Watched) -> None:
    one.all.told("robot", StateChanged(State.NEW, State.COMPLETED), 1.0)


def _out_of_nowhere(one: Watched) -> None:
    one.all.told("robot", StateChanged(State.CHECKING, State.CONNECTED), 1.0)


def _chased(one: Watched) -> None:
    for number in range(20):
        one.all.told("robot", PairSelected(SOMEWHERE, SOMEWHERE, Why.FOLLOWED), number / 10)


def _astray(one: Watched) -> None:
    one.prove()
    one.all.astray.third = frozenset({THERE[0]})
    for _ in range(20):
        one.send(Kind.DATA)


@pytest.mark.parametrize(
    ("story", "of"),
    [
        (_unproved, invariants.Proved),
        (_without_consent, invariants.Consent),
        (_after_403, invariants.Consent),
        (_lapsed, invariants.Consent),
        (_amplified, invariants.Amplification),
        (_nagged, invariants.Hints),
        (_many_strangers, invariants.Hints),
        (_many_checks, invariants.Checks),
        (_long_outage, invariants.Outage),
        (_many_sockets, invariants.Sockets),
        (_wrong_step, invariants.Table),
        (_out_of_nowhere, invariants.Table),
        (_chased, invariants.Restless),
        (_astray, invariants.Astray),
    ],
)
def test_a_violation_is_seen_and_no_other(watched: Watched, story: Callable[[Watched], None], of: Any) -> None:
    story(watched)
    assert watched.blamed == {of.named}


def test_an_ordinary_session_is_blamed_for_nothing(watched: Watched) -> None:
    watched.all.told("robot", StateChanged(State.NEW, State.CHECKING), 0.1)
    watched.ledger.signalled.add(THERE)
    for tenth in range(5):
        watched.send(Kind.CHECK, tenth / 10)
    watched.prove()
    watched.all.told("robot", StateChanged(State.CHECKING, State.CONNECTED), 0.6)
    for second in range(1, 30):
        watched.send(Kind.DATA, float(second))
        watched.all.outage.left("robot", 1300, float(second))
        watched.all.outage.heard("robot")
    assert watched.blamed == set()


def test_after_a_403_a_restart_brings_consent_again(watched: Watched) -> None:
    watched.prove()
    watched.way.renewed, watched.way.revoked = "restarted", {"mine": 1.0}
    watched.send(Kind.DATA, 2.0)
    assert watched.blamed == set()


def test_every_invariant_has_a_name_of_its_own() -> None:
    named = [getattr(each, "named", "") for each in Watched().all]
    assert all(named)
    assert len(set(named)) == len(named)
