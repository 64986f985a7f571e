from __future__ import annotations

import random
from math import inf

import pytest

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import Type
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Path, Why
from landfast.session.ice.generation import Generation
from landfast.session.ice.lasting import Lasting
from landfast.session.ice.machine import Step
from landfast.session.ice.pairs import Pair, PairState
from landfast.session.ice.roles import Role
from landfast.session.ice.settings import Settings
from landfast.wire import ice
from tests.session.ice.making import HERE, PEER, candidate

OURS, THEIRS = Credentials("ours", "p" * 22), Credentials("them", "q" * 22)
BASE, RELAY = candidate(endpoint=HERE), candidate(Type.RELAYED, ("198.51.100.5", 7))
HOST, REFLEXIVE = candidate(), candidate(Type.SERVER_REFLEXIVE, ("203.0.113.200", 7))


def generation(*, controlling: bool = True, without: frozenset[int] = frozenset()) -> Generation:
    """With a socket, 1, a relay, 2, and two candidates of the peer."""
    lasting = Lasting(Settings(), random.Random(1).randbytes)
    made = Generation(lasting, OURS, Role(controlling, 7), without)
    made.set_remote(THEIRS, 100, lite=False)
    made.add_remote(HOST)
    made.add_remote(REFLEXIVE)
    made.stand_on([(1, BASE), (2, RELAY)], 100)
    return made


def at(of: Generation, socket: int, remote: Endpoint) -> Pair:
    found = of.pairs.get(Path(socket, remote))
    assert found is not None
    return found


def answer(of: Generation, pair: Pair, now: float, *, nominating: bool = False) -> None:
    of.answered(pair, now - 0.04, pair.base, now, nominating=nominating)


def check(
    of: Generation, path: Path, now: float, *, number: bytes = bytes(12), use: bool = False, priority: int = 1
) -> None:
    read = ice.parse(
        ice.check(
            number,
            to="ours",
            by="them",
            password=OURS.password,
            priority=priority,
            controlling=not of.role.controlling,
            tie_breaker=1,
            use_candidate=use,
        )
    )
    assert isinstance(read, ice.Check)
    of.asked(path, BASE if path.socket == 1 else RELAY, read, now)


def asks(of: Generation, now: float) -> list[Pair]:
    """Take what it wants to ask, as if it were sent."""
    taken, of.asks = of.asks, []
    for pair in taken:
        pair.tried, pair.tries = now, pair.tries + 1
        if pair.state is PairState.WAITING:
            pair.state = PairState.IN_PROGRESS
    return taken


def whys(of: Generation) -> list[Why]:
    taken, of.moves = of.moves, []
    return [why for _, why in taken]


def test_nothing_is_asked_before_the_peer_is_known() -> None:
    made = Generation(Lasting(Settings(), bytes), OURS, Role(True, 7))
    made.add_remote(HOST)
    made.stand_on([(1, BASE)], 100)
    assert made.deadline == inf
    made.tick(200)
    assert asks(made, 200) == []


def test_a_candidate_is_added_once() -> None:
    made = generation()
    assert not made.add_remote(HOST)
    assert len(made.pairs) == 4
    added = [made.add_remote(candidate(endpoint=("192.0.2.9", port))) for port in range(1, 1001)]
    assert len(made.remote_candidates) == added.count(True) + 2 == 100


def test_pairs_are_asked_in_turn_and_a_late_candidate_at_its_priority() -> None:
    made = generation()
    asked, now = [], 100.0
    for _ in range(2):
        made.tick(now)
        asked += asks(made, now)
        now = made.deadline
    late = candidate(endpoint=("203.0.113.77", 7), local=60000)
    made.add_remote(late)
    made.stand_on([(1, BASE), (2, RELAY)], now)
    made.tick(now)
    asked += asks(made, now)
    assert [pair.path for pair in asked] == [Path(1, PEER), Path(1, REFLEXIVE.endpoint), Path(1, late.endpoint)]


def test_a_check_for_a_pair_in_progress_sends_ours_again() -> None:
    """RFC 8445, section 7.3.1.4: the first one may have met a closed filter."""
    made = generation()
    made.tick(100)
    asks(made, 100)
    check(made, Path(1, PEER), 100.01)
    assert asks(made, 100.01) == []  # but not faster than the pace
    check(made, Path(1, PEER), 100.06)
    assert [pair.path for pair in asks(made, 100.06)] == [Path(1, PEER)]


def test_an_address_learnt_from_a_check_is_asked_back_with_its_priority() -> None:
    made = generation()
    path = Path(1, ("198.51.100.1", 7))
    check(made, path, 100, priority=77)
    (pair,) = asks(made, 100)
    assert (pair.path, pair.remote.type, pair.remote.priority) == (path, Type.PEER_REFLEXIVE, 77)


def unanswered(one: Generation) -> Pair:
    """The pair that was nominated, and since 100.9 s has not answered."""
    chosen = at(one, 1, HOST.endpoint)
    answer(one, chosen, 100.1)
    one.tick(100.7)
    answer(one, chosen, 100.8, nominating=True)
    asks(one, 100.8)
    assert one.settled
    assert one.roaming
    one.roaming.sent(chosen, 100.9)
    return chosen


def named(one: Generation, now: float) -> list[Pair]:
    """The pairs with an address that the peer has just named."""
    new = candidate(Type.SERVER_REFLEXIVE, ("203.0.113.201", 8))
    one.add_remote(new)
    one.stand_on([(1, BASE), (2, RELAY)], now)
    one.introduced(new.endpoint, now)
    return [at(one, socket, new.endpoint) for socket in (1, 2)]


def test_where_a_silent_peer_says_it_is_it_is_asked_at_once() -> None:
    one = generation()
    unanswered(one)
    new = named(one, 105)
    assert asks(one, 105) == new


def test_where_the_peer_says_it_may_be_soon_it_is_asked_once_and_again_when_it_falls_silent() -> None:
    """It may have moved already: then it cannot be heard before what it sends is expected by our NAT."""
    one = generation()
    chosen = unanswered(one)
    answer(one, chosen, 100.95)
    asks(one, 100.95)
    new = named(one, 101)
    assert asks(one, 101) == []
    times: list[tuple[float, Pair]] = []
    while one.deadline < 106:
        now = max(101.0, one.deadline)
        one.tick(now)
        for pair in asks(one, now):
            times.append((now, pair))
            if one.roaming:
                one.roaming.sent(pair, now)
    ping = next(when for when, pair in times if pair is chosen)
    assert ping > 102
    for each in new:
        assert [when < 101.1 for when, pair in times if pair is each and when < ping] == [True]
        assert len([when for when, pair in times if pair is each and when > ping]) >= Settings().tries - 1


def test_when_the_peer_is_well_where_it_was_what_it_named_is_left_alone() -> None:
    one = generation()
    chosen = unanswered(one)
    answer(one, chosen, 100.95)
    asks(one, 100.95)
    new = named(one, 101)
    one.tick(101)
    answer(one, chosen, 101.1)
    one.tick(101.2)
    assert [pair for pair in asks(one, 101.2) if pair in new] == new[:1]
    assert one._listed() == []


@pytest.mark.parametrize("moved", [True, False])
def test_what_is_new_in_silence_is_asked_again_soon(moved: bool) -> None:
    """When both sides move at once, a first check comes to a relay that does not let it in yet."""
    one = generation()
    chosen = unanswered(one)
    if moved:
        one.stand_on([(3, candidate(endpoint=("192.0.2.8", 6)))], 105)
    else:
        one.add_remote(candidate(Type.RELAYED, ("203.0.113.201", 8)))
        one.stand_on([(1, BASE)], 105)
        one.introduced(("203.0.113.201", 8), 105)
    new = [pair for pair in one.pairs if pair.path.socket == 3 or pair.remote.type is Type.RELAYED]
    assert new
    times: list[float] = []
    while one.deadline < 110:
        now = max(105.0, one.deadline)
        one.tick(now)
        times += [now for pair in asks(one, now) if pair is new[0]]
    assert times[Settings().tries - 1] < 106 < times[Settings().tries]  # and afterwards in its turn
    assert len(times) < 2 * Settings().tries
    answer(one, chosen, 110)
    one.tick(110)
    assert one._listed() == []


def test_where_the_check_that_went_back_is_lost_it_is_repeated_once() -> None:
    """The peer has its answer, and asks again when its next ping is due."""
    one = generation()
    check(one, Path(1, ("203.0.113.77", 9)), 100.0)
    times: list[float] = []
    for twentieth in range(200):
        now = 100 + twentieth / 20
        one.tick(now)
        times += [now for pair in asks(one, now) if pair.stranger]
    first, second = times
    assert first == 100
    assert 100.5 <= second < 101


def chosen(*, lite: bool = False) -> tuple[Generation, Pair]:
    """It controls, and its direct pair was asked once, has answered and is nominated."""
    one = generation()
    one.lite = lite
    pair = at(one, 1, PEER)
    pair.tried, pair.counters.requests_sent = 100.0, 1
    answer(one, pair, 100.04, nominating=True)
    one.tick(100.04)
    asks(one, 100.04)
    one.settled = True
    return one, pair


def asked_again(one: Generation, pair: Pair, until: float) -> list[float]:
    """When the pair is, while it answers everything."""
    times: list[float] = []
    while one.deadline < until:
        now = one.deadline
        one.tick(now)
        for each in asks(one, now):
            if each is pair:
                pair.counters.requests_sent += 1
                times.append(round(now - 100.04, 2))
        answer(one, pair, now)
        asks(one, now)
    return times


def test_while_the_peer_says_nothing_it_is_asked_again_because_its_own_checks_may_be_lost() -> None:
    one, pair = chosen()
    *times, ping = asked_again(one, pair, 103)
    assert times == [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0]  # ten in all
    assert ping > 2.0
    other, pair = chosen()
    other.heard(pair.path, BASE, bytes(100), 100.1)
    assert asked_again(other, pair, 102) == []
    assert asked_again(*chosen(lite=True), 102) == []


def test_when_data_comes_another_way_the_selected_one_is_asked_and_not_at_every_packet() -> None:
    one, pair = chosen()
    one.heard(pair.path, BASE, bytes(100), 100.1)
    other = at(one, 2, PEER)
    assert one.roaming
    one.roaming._distrusted[other] = 100.0
    times: list[float] = []
    for packet in range(5, 60):
        now = 100 + packet / 50
        if packet % 10 == 0:
            answer(one, other, now)
        one.heard(other.path, RELAY, bytes([packet]), now)
        for each in asks(one, now):
            if each is pair:
                times.append(round(now - 100.1, 2))
                answer(one, pair, now)
    assert one.selected is pair
    assert times == [0.5, 1.0]


def test_the_first_that_answers_is_used_and_a_better_one_instead() -> None:
    made = generation()
    relayed, direct = at(made, 2, PEER), at(made, 1, PEER)
    answer(made, relayed, 100.1)
    assert made.selected is relayed
    assert made.may_send(100.1)
    answer(made, direct, 100.2)
    assert made.selected is direct
    assert whys(made) == [Why.ANSWERED, Why.ANSWERED]


def test_the_best_is_nominated_after_some_patience() -> None:
    made = generation()
    answer(made, at(made, 2, PEER), 100.1)
    made.tick(100.5)
    assert not made.nominating
    made.tick(100.6)
    assert made.nominating
    assert made.selected in asks(made, 100.6)
    assert not made.settled
    answer(made, at(made, 2, PEER), 100.65, nominating=True)
    assert made.settled
    assert whys(made)[-1] is Why.NOMINATED


@pytest.mark.parametrize("other_rule", [None, Why.FOLLOWED, Why.RETURNED])
def test_before_a_nomination_is_heard_a_silence_ends_by_what_answers_whatever_else_speaks_for_it(
    other_rule: Why | None,
) -> None:
    one = generation()
    relayed, direct = at(one, 2, PEER), at(one, 1, PEER)
    answer(one, relayed, 100.1)
    answer(one, direct, 100.2)
    one.tick(100.7)
    assert (one.selected, one.nominating, one.settled) == (direct, True, False)
    assert one.roaming
    if other_rule is Why.RETURNED:
        one.roaming.select(relayed, 100.8, Why.ANSWERED)
        one.roaming.select(direct, 100.9, Why.FOLLOWED)
    elif other_rule is Why.FOLLOWED:
        relayed.heard = 104.9
    one.roaming.sent(direct, 101)
    answer(one, relayed, 105)
    assert one.roaming.verdict(relayed, 105) is (other_rule or Why.FALLBACK)
    one.tick(105)
    assert one.selected is relayed
    assert whys(one)[-1] is Why.FALLBACK


def test_where_the_only_valid_pair_is_lost_no_nomination_is_waited_for() -> None:
    one = generation()
    answer(one, at(one, 1, HOST.endpoint), 100.1)
    one.lose(1)
    for now in (100.7, 100.8, 100.9):
        one.tick(now)
        asks(one, now)
        assert one.deadline > now


def test_the_best_that_can_be_is_nominated_at_once() -> None:
    made = generation()
    answer(made, at(made, 1, PEER), 100.1)
    assert made.nominating


def test_only_the_selected_pair_is_nominated() -> None:
    made = generation()
    answer(made, at(made, 1, PEER), 100.1)
    assert made.nominates(at(made, 1, PEER))
    assert not made.nominates(at(made, 2, PEER))


@pytest.mark.parametrize("nominated_first", [True, False])
def test_a_controlled_side_takes_what_is_nominated_and_answers(nominated_first: bool) -> None:
    made = generation(controlling=False)
    answer(made, at(made, 1, PEER), 100.1)
    relayed = at(made, 2, PEER)
    if nominated_first:
        check(made, relayed.path, 100.2, use=True)
        assert made.selected is not relayed  # it has not proved itself
        answer(made, relayed, 100.3)
    else:
        answer(made, relayed, 100.2)
        check(made, relayed.path, 100.3, use=True)
    assert made.selected is relayed
    assert made.settled
    assert whys(made)[-1] is Why.NOMINATED


def test_a_controlling_side_is_not_told_what_to_take() -> None:
    made = generation()
    answer(made, at(made, 1, PEER), 100.1)
    answer(made, at(made, 1, PEER), 100.2, nominating=True)
    answer(made, at(made, 2, PEER), 100.3)
    check(made, at(made, 2, PEER).path, 100.4, use=True)
    assert made.selected is at(made, 1, PEER)


def test_checks_that_nobody_answers_fail_go_on_seldom_and_end_and_a_new_candidate_begins_again() -> None:
    made = generation()
    now, asked = 100.0, []
    while made.deadline < inf:
        now = max(now, made.deadline)
        made.tick(now)
        asked += [now] * len(asks(made, now))
    assert made.standing(131) is Step.EXPIRE
    assert 200 < sum(when > 131 for when in asked) <= 240  # of four pairs, in five minutes
    assert asked[-1] < 430
    made.tick(500)
    assert asks(made, 500) == []
    made.add_remote(candidate(endpoint=("203.0.113.77", 7)))
    made.stand_on([(1, BASE)], 540)
    assert made.standing(540) is None
    assert made.deadline <= 540


def test_what_is_found_after_all_have_failed_may_be_followed_by_something_better() -> None:
    made = generation()
    now = 100.0
    while made.deadline < 133:
        now = max(now, made.deadline)
        made.tick(now)
        asks(made, now)
    answer(made, at(made, 2, PEER), 140)
    asks(made, 140)
    assert made.standing(140) is Step.ANSWER
    assert made.deadline < 140 + Settings().pace


def test_a_pair_whose_turn_was_withheld_has_not_every_turn() -> None:
    made = generation()
    asked = []
    for _ in range(2):
        made.tick(max(100, made.deadline))
        (pair,) = made.asks
        made.asks.clear()
        made.withheld(pair, 100)
        asked.append(pair)
    assert asked[0] is not asked[1]


def test_a_relay_that_moved_to_another_address_has_to_prove_itself_again() -> None:
    made = generation(controlling=False)
    relayed = at(made, 2, PEER)
    answer(made, relayed, 100.1)
    made.settled = True
    new = candidate(Type.RELAYED, ("198.51.100.5", 99))
    made.renew(2, new, 101)
    assert relayed.lost
    assert not made.may_send(101)
    made.tick(101)
    fresh = at(made, 2, PEER)
    assert fresh.base == new
    assert fresh in asks(made, 101)
    answer(made, fresh, 101.1)
    assert made.selected is fresh
    assert whys(made)[-1] is Why.REBOUND


def test_a_relay_that_kept_its_address_is_asked_at_once() -> None:
    made = generation(controlling=False)
    answer(made, at(made, 2, PEER), 100.1)
    asks(made, 100.1)
    made.renew(2, None, 101)
    assert asks(made, 101) == [at(made, 2, PEER)]
    made.renew(1, None, 102)
    assert asks(made, 102) == []


def test_in_silence_a_relay_that_is_back_is_asked_though_it_is_not_in_use() -> None:
    made = generation(controlling=False)
    used = at(made, 1, PEER)
    answer(made, used, 100.1)
    asks(made, 100.1)
    made.withheld(used, 101)  # asked, and not answered
    made.renew(2, None, 102)
    assert asks(made, 102) == [at(made, 2, PEER)]


def test_in_silence_a_relay_that_is_back_with_another_address_is_asked_on_all_its_ways() -> None:
    made = generation(controlling=False)
    used = at(made, 1, PEER)
    answer(made, used, 100.1)
    made.settled = True
    made.withheld(used, 101)
    made.renew(2, candidate(Type.RELAYED, ("198.51.100.5", 99)), 102)
    asked: list[Pair] = []
    for step in range(10):
        made.tick(102 + step / 20)
        asked += asks(made, 102 + step / 20)
    for remote in (HOST.endpoint, REFLEXIVE.endpoint):
        assert asked.count(at(made, 2, remote)) == Settings().tries


def test_a_session_on_a_relay_looks_for_a_direct_way_now_and_then() -> None:
    made = generation()
    relayed = at(made, 2, PEER)
    answer(made, relayed, 100.1)
    made.settled, made.nominating = True, True
    now, asked = 100.1, []
    while now < 160:
        now = max(now, made.deadline)
        made.tick(now)
        for pair in asks(made, now):
            if pair is relayed:
                answer(made, relayed, now)
            else:
                asked.append((now, pair))
    direct = [(when, pair) for when, pair in asked if pair is at(made, 1, PEER)]
    assert 2 <= len(direct) <= 4
    assert {pair.path.socket for _, pair in asked} == {1}
    answer(made, direct[-1][1], 160)
    assert made.selected is direct[-1][1]
    assert whys(made)[-1] is Why.BETTER


def test_sockets_that_are_not_its_own_are_not_used() -> None:
    made = generation(without=frozenset({1}))
    assert {pair.path.socket for pair in made.pairs} == {2}
    answer(made, at(made, 2, PEER), 100)
    made.heard(Path(1, ("198.51.100.1", 7)), BASE, bytes(1000), 101)
    assert {pair.path.socket for pair in made.pairs} == {2}


def test_a_check_is_taken_only_from_the_generation_of_the_peer_that_it_speaks_with() -> None:
    """Chromium's new sockets ask our old credentials, and would stay with what answers."""
    of, early = generation(), Generation(Lasting(Settings(), bytes), OURS, Role(True, 7))
    for by, password, taken, taken_early in (
        ("them", OURS.password, True, True),
        ("next", OURS.password, False, True),  # while the peer's fragment is not known, any may be the one
        ("them", THEIRS.password, False, False),
    ):
        data = ice.check(bytes(12), to="ours", by=by, password=password, priority=1, controlling=True, tie_breaker=1)
        read = ice.parse(data)
        assert isinstance(read, ice.Check)
        assert (of.takes(read), early.takes(read)) == (taken, taken_early)


def test_one_that_is_retired_only_answers() -> None:
    made = generation()
    answer(made, at(made, 1, PEER), 100)
    asks(made, 100)
    made.retired = True
    check(made, Path(1, ("198.51.100.1", 7)), 101)
    made.heard(Path(1, ("198.51.100.2", 7)), BASE, bytes(1000), 101)
    made.tick(200)
    assert asks(made, 200) == []
    assert made.deadline == inf


def test_what_has_revoked_its_consent_is_never_used_again() -> None:
    made = generation()
    direct = at(made, 1, PEER)
    answer(made, direct, 100)
    assert made.refused(direct)
    assert made.standing(101) is Step.EXPIRE
    answer(made, direct, 101)
    assert not made.may_send(101)
    assert not made.refused(at(made, 2, PEER))
    assert not made.refused(direct)  # which is told once, however many checks were on their way
