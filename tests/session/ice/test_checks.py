from __future__ import annotations

import random

import pytest

from landfast.session.ice.checks import Checks
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.generation import Generation
from landfast.session.ice.lasting import Lasting
from landfast.session.ice.pairs import PairState
from landfast.session.ice.roles import Role
from landfast.session.ice.settings import Settings
from landfast.wire import ice
from tests.session.ice.making import candidate, pair

OURS, THEIRS = Credentials("ours", "p" * 22), Credentials("them", "q" * 22)


def generation(settings: Settings, *, controlling: bool = True) -> Generation:
    made = Generation(Lasting(settings, random.Random(1).randbytes), OURS, Role(controlling, 7))
    made.set_remote(THEIRS, 100, lite=False)
    return made


def asked(checks: Checks, of: Generation, now: float = 100) -> ice.Check:
    read = ice.parse(checks.ask(of, pair() if of.selected is None else of.selected, now))
    assert isinstance(read, ice.Check)
    return read


def test_a_check_says_who_asks_whom_and_is_remembered() -> None:
    checks, of = Checks(Settings(), random.Random(1).randbytes), generation(Settings(), controlling=False)
    check = asked(checks, of)
    assert (check.to, check.by, check.controlling, check.tie_breaker) == ("them", "ours", False, 7)
    assert check.signed_with(THEIRS.password)
    sent = checks.transactions.find(check.transaction_id, 100)
    assert sent is not None
    assert (sent.owner, sent.at, sent.pair.state, sent.pair.tries) == (of, 100, PairState.IN_PROGRESS, 1)


def test_what_was_asked_by_a_renewed_relay_since_then_is_answered_to_the_pair_in_its_place() -> None:
    checks, of, old = Checks(Settings(), random.Random(1).randbytes), generation(Settings()), pair()
    of.pairs.add(old)
    asks = [ice.parse(checks.ask(of, old, now)) for now in (100, 101)]
    of.pairs.lose(old.path.socket)
    new = pair()
    of.pairs.add(new)
    checks.renewed(old.path.socket, 101)
    whose = [checks.transactions.find(ask.transaction_id, 102) for ask in asks if ask]
    assert [sent and sent.pair for sent in whose] == [old, new]
    checks.renewed(old.path.socket + 1, 100)
    of.pairs.lose(old.path.socket)
    checks.renewed(old.path.socket, 100)
    assert [sent and sent.pair for sent in whose] == [old, new]


def test_priorities_rise_once_a_pair_is_settled_and_stay_peer_reflexive() -> None:
    checks, of = Checks(Settings(), random.Random(1).randbytes), generation(Settings())
    before = [asked(checks, of).priority for _ in range(2)]
    of.settled = True
    after = [asked(checks, of).priority for _ in range(3)]
    checks._count = 0xFFFFFF
    assert before == [110 << 24] * 2
    assert after == [(110 << 24) + each for each in (1, 2, 3)]
    assert asked(checks, of).priority == (111 << 24) - 1


def test_while_a_restart_is_under_way_its_checks_are_worth_the_same_whatever_the_old_pairs_are() -> None:
    """Else of two ways that answer in turn each is better than the other."""
    checks = Checks(Settings(), random.Random(1).randbytes)
    old, new = generation(Settings()), generation(Settings())
    old.settled = True
    said = [asked(checks, each).priority for each in (old, new, old, new)]
    assert said == [(110 << 24) + each for each in (1, 0, 2, 0)]


def test_without_rising_the_priority_is_that_of_the_rfc() -> None:
    settings = Settings(rising=False)
    check = asked(Checks(settings, random.Random(1).randbytes), generation(settings))
    assert check.priority == 110 << 24 | candidate().priority & 0xFFFFFF


@pytest.mark.parametrize("renomination", [True, False])
def test_every_check_of_the_chosen_pair_nominates(renomination: bool) -> None:
    settings = Settings(renomination=renomination)
    checks, of, chosen = Checks(settings, random.Random(1).randbytes), generation(settings), pair()
    of.pairs.add(chosen)
    of.answered(chosen, 99.96, chosen.base, 100, nominating=False)
    assert of.nominating
    said = [asked(checks, of) for _ in range(2)]
    assert [check.use_candidate for check in said] == [True, True]
    assert [check.nomination for check in said] == ([1, 2] if renomination else [None, None])
