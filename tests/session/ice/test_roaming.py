from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.model.facts import Endpoint
from landfast.session.ice.agent import Agent
from landfast.session.ice.candidate import Type
from landfast.session.ice.events import Path, PeerReturned, Why
from landfast.session.ice.ground import Address
from landfast.session.ice.machine import State
from landfast.session.ice.pairs import Pair, Pairs
from landfast.session.ice.rhythm import Rhythm
from landfast.session.ice.roaming import Roaming
from landfast.session.ice.roles import Role
from landfast.session.ice.settings import Settings
from landfast.wire import ice
from tests.session.ice.making import PEER, pair
from tests.session.ice.world import ATTACKER, Nat, World, checks, connected, gap, is_data, outside

# The peer's address changes.


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_new_public_address_costs_the_client_nothing_and_the_peer_three_trips(
    controlling: bool, symmetric: bool
) -> None:
    for seed in range(5):
        world, a, b = connected(controlling=controlling, symmetric=symmetric, seed=seed)
        assert a.nat is not None
        a.nat.move("192.0.2.77")
        start = world.now
        world.run(3)
        assert gap(b, start - 0.03, world.now) < 0.041
        assert gap(a, start - 0.03, world.now) < 0.15
        assert b.moves[-1] in (Why.FOLLOWED, Why.NOMINATED)
        assert a.states == b.states == ["checking", "connected", "completed"]


def test_who_only_listens_notices_within_three_gaps() -> None:
    """The peer goes on to the old address until a check from the new one tells it better."""
    for seed in range(5):
        world, a, b = connected(seed=seed, seconds=1)
        world.run(1)
        for number in range(150):
            world.after(number * 0.02, partial(world.say, b, b"\x80" + bytes(60)))
        world.run(1 + world.random.random())
        assert a.nat is not None
        a.nat.move("192.0.2.77")
        start = world.now
        world.run(1)
        assert gap(a, start - 0.03, world.now) < 0.02 + 3 * 0.02 + 2 * world.trip + 0.02
        assert len([None for when, _, _ in checks(a) if when >= start]) <= 4


@pytest.mark.parametrize("controlling", [True, False])
def test_a_new_local_address_is_used_at_once(controlling: bool) -> None:
    for seed in range(5):
        world, a, b = connected(controlling=controlling, seed=seed)
        a.addresses = ["10.0.0.7"]
        a.agent.set_addresses([Address("10.0.0.7")], world.now)
        start = world.now
        world.run(3)
        assert gap(b, start - 0.03, world.now) < 0.1
        assert gap(a, start - 0.03, world.now) < 0.15
        assert a.moves[-1] is Why.REBOUND
        assert len(a.open) == 1


def test_when_the_socket_in_use_is_lost_the_others_ask_where_the_peer_was() -> None:
    """At an address that only that socket knew."""
    world = World()
    a = world.end(["203.0.113.9", "203.0.113.10"], controlling=False)
    b = world.end("10.0.0.1", controlling=True, nat=Nat("192.0.2.9"))
    world.start()
    world.talk(5)
    world.run(2)
    assert b.nat is not None
    b.nat.move("192.0.2.77")
    world.run(1)
    used, there = a.agent.selected, outside(b)
    assert used is not None
    assert there[0] == "192.0.2.77"
    a.addresses = [each for each in a.addresses if each != used.base.endpoint[0]]
    a.agent.set_addresses([Address(each) for each in a.addresses], world.now)
    world.passes = lambda source, *_: source[0] == a.addresses[0]  # the peer is only heard when it has been asked
    start = world.now
    world.run(0.1)
    assert there in {remote for at, _, remote, _ in a.sent if at >= start}


def test_without_data_the_next_ping_shows_the_new_address() -> None:
    world, a, b = connected(seconds=1)
    world.run(5)
    assert a.nat is not None
    a.nat.move("192.0.2.77")
    world.run(4)
    assert b.agent.selected is not None
    assert b.agent.selected.path.remote == outside(a)
    assert outside(a)[0] == "192.0.2.77"


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("seconds", [8, 35, 120])
def test_after_a_blackout_data_returns_within_a_step_and_a_trip(controlling: bool, seconds: float) -> None:
    world, a, b = connected(controlling=controlling, seconds=seconds + 10, every=0.05)
    assert a.nat is not None
    world.cut(seconds)
    world.run(seconds)
    a.nat.move("192.0.2.88")
    start = world.now
    world.run(3)
    assert gap(b, start, world.now) < 0.3
    assert gap(a, start, world.now) < 0.35
    assert a.agent.state is b.agent.state is State.COMPLETED
    assert len(b.moves) <= 4  # nobody chases anybody


@pytest.mark.parametrize("seconds", [0.5, 2, 4])
def test_after_an_outage_that_is_too_short_for_a_state_it_is_told_once_that_the_peer_is_back(seconds: float) -> None:
    for seed in range(3):
        world, a, b = connected(seed=seed)
        world.cut(seconds)
        world.run(seconds + 3)
        assert a.states == b.states == ["checking", "connected", "completed"]
        assert len(a.told(PeerReturned)) == len(b.told(PeerReturned)) == 1


def test_a_peer_that_was_only_quiet_or_is_far_away_is_not_back() -> None:
    for trip in (0.04, 0.6):
        world = World(trip=trip)
        a = world.end("10.0.0.1", controlling=True, nat=Nat("192.0.2.1"))
        b = world.end("203.0.113.9", controlling=False)
        world.start()
        world.run(5)
        world.talk(3)
        world.run(20)
        assert a.told(PeerReturned) == b.told(PeerReturned) == []


@pytest.mark.parametrize("controlling", [True, False])
def test_two_public_sides_do_not_chase_each_other_after_a_blackout(controlling: bool) -> None:
    world = World()
    a = world.end("192.0.2.1", controlling=controlling)
    b = world.end("203.0.113.9", controlling=not controlling)
    world.start()
    world.run(2)
    world.talk(60)
    world.cut(45)
    world.run(45)
    before = len(a.moves) + len(b.moves)
    start = world.now
    world.run(10)
    assert len(a.moves) + len(b.moves) - before <= 4
    assert max(gap(a, start, world.now), gap(b, start, world.now)) < 0.35


def test_when_the_selected_way_dies_another_that_answers_is_taken() -> None:
    world = World()
    a = world.end(["192.0.2.1", "192.0.2.2"], controlling=True)
    b = world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(2)
    world.talk(10)
    world.run(1)
    dead = outside(a)
    world.passes = lambda source, target, _data: dead not in (source, target)
    start = world.now
    world.run(3)
    assert outside(a) != dead
    assert a.moves[-1] is Why.FALLBACK
    assert max(gap(a, start, world.now), gap(b, start, world.now)) < 1.0
    assert a.states == ["checking", "connected", "completed"]


# Its limits.


def test_a_peer_that_only_stops_talking_costs_a_few_checks() -> None:
    world, a, b = connected(seconds=1.5)
    world.run(1)
    before = len(checks(a)) + len(checks(b))
    world.run(1)
    assert len(checks(a)) + len(checks(b)) - before <= 4


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_happens_nothing_raises_and_only_checks_go_to_unproved_addresses(data: st.DataObject) -> None:
    """Datagrams in any order, junk, moved addresses, restarts and time."""
    world, a, b = connected(seed=data.draw(st.integers(0, 99)), seconds=3, every=0.1)
    world.loss = 0.1
    proved: set[Endpoint] = set()
    spy(b.agent, proved)
    for _ in range(data.draw(st.integers(1, 8))):
        match data.draw(st.sampled_from(["junk", "replay", "flip", "move", "wait", "cut", "local", "restart", "403"])):
            case "junk":
                source = ("198.51.100.1", data.draw(st.integers(1, 40)))
                world.inject(source, next(iter(b.open.values())), data.draw(st.binary(max_size=40)))
            case "replay" | "flip" as what:
                _, _, remote, packet = data.draw(st.sampled_from(a.sent[-20:]))
                if what == "flip" and packet:
                    place = data.draw(st.integers(0, len(packet) - 1))
                    packet = packet[:place] + bytes([packet[place] ^ 1]) + packet[place + 1 :]
                world.inject(ATTACKER, remote, packet)
            case "move":
                assert a.nat is not None
                a.nat.move(f"192.0.2.{data.draw(st.integers(2, 9))}")
            case "wait":
                world.run(data.draw(st.sampled_from([0.01, 0.1, 1, 7])))
            case "cut":
                seconds = data.draw(st.sampled_from([0.1, 2, 31]))
                world.cut(seconds)
                world.run(seconds)
            case "local":
                a.addresses = [f"10.0.0.{data.draw(st.integers(1, 3))}"]
                a.agent.set_addresses([Address(a.addresses[0])], world.now)
            case "restart":
                a.agent.restart(world.now)
                a.agent.gather(world.now)
            case _:
                read = checks(a)[-1][2]
                refusal = ice.refusal(read, ice.Code.FORBIDDEN, "x" * 22)
                world.inject(ATTACKER, next(iter(a.open.values()), ATTACKER), refusal)
    world.run(1)
    for _, _, remote, packet in b.sent:
        assert not is_data(packet) or remote in proved


def spy(agent: Agent, proved: set[Endpoint]) -> None:
    """Note every address that has answered with a signature."""
    assert agent.selected is not None
    proved.add(agent.selected.path.remote)
    take = agent._answered

    def noting(answer: ice.Answer, path: Path, now: float) -> None:
        sent = agent._checks.transactions.find(answer.transaction_id, now)
        if sent and answer.signed_with(sent.password) and answer.mapped and path == sent.pair.path:
            proved.add(path.remote)
        take(answer, path, now)

    agent._answered = noting  # type: ignore[method-assign]


# The rules by themselves.


def roaming(first: Pair, *others: Pair, controlling: bool = False) -> Roaming:
    pairs = Pairs(16)
    for each in (first, *others):
        pairs.add(each)
    made = Roaming(Settings(), pairs, Role(controlling, 1), Rhythm(0.1), bytes, first)
    made.select(first, 100, Why.ANSWERED)
    return made


def test_a_pair_that_has_not_answered_is_never_selected() -> None:
    old, new = pair(answered=100), pair(("198.51.100.1", 7), stranger=True)
    new.heard = new.nominated = 105
    old.lost = True
    assert roaming(old, new).verdict(new, 105) is None
    new.answered = 105
    assert roaming(old, new).verdict(new, 105) is Why.REBOUND


def test_of_two_ways_that_bring_the_same_the_one_that_comes_second_copies() -> None:
    old, new, third = (pair((f"198.51.100.{host}", 7), answered=100) for host in (1, 2, 3))
    made = roaming(old, new, third)
    assert made.copied(new, first=old, now=101)
    new.heard = 101.5
    assert made.verdict(new, 101) is None
    new.answered = 160
    assert made.verdict(new, 160) is None
    new.answered = 161
    assert made.verdict(new, 161) is Why.FOLLOWED
    assert not made.copied(new, first=third, now=162)  # neither is what the peer is known by
    assert not made.copied(old, first=new, now=162)  # a copy may be quicker


def test_who_was_followed_copies_if_the_way_that_was_left_brings_the_same() -> None:
    for second in (False, True):
        old, new = pair(answered=100.8), pair(("198.51.100.1", 7), answered=100)
        made = roaming(old, new)
        made.select(new, 101, Why.FOLLOWED)
        assert made.verdict(old, 101.1) is None
        assert made.copied(new, first=old, now=101.1) if second else not made.copied(old, first=new, now=101.1)
        assert made.verdict(old, 101.1) is Why.RETURNED


def test_a_path_whose_answer_is_still_on_its_way_is_not_left() -> None:
    """Packets come by the handful once a second: each pause is a silence, and longer than the fallback."""
    far, near = pair(answered=100), pair(("198.51.100.1", 7), answered=100)
    made = roaming(far, near)
    made.trip = 0.6
    for number in range(12):
        made._rhythm.beat(100 + number * 0.001)
    assert made.due(100.2) == [far]
    made.sent(far, 100.2)
    near.answered = 100.6
    assert made.is_silent(100.7)
    assert made.rescue(100.7) is None
    near.answered = 102.1
    assert made.rescue(102.1) is near


def test_answers_that_a_queue_has_held_back_do_not_make_the_peer_seem_far_away() -> None:
    """A stream to the relay keeps the checks of an outage of ten seconds, and all are answered when it is over."""
    way = pair(answered=100)
    made = roaming(way)
    for fifth in range(50):
        made.answered(way, 100 + fifth / 5, 110 + fifth / 1000)
    assert made.trip < 0.2
    for second in range(20):  # when the way is long indeed, that is soon known
        made.answered(way, 111 + second * 0.8, 111.7 + second * 0.8)
    assert made.trip > 0.65


def test_a_pair_that_is_nominated_right_after_it_was_asked_is_asked_once_more_in_its_turn() -> None:
    """Or the nomination would wait for the next one: it counts after a later check was answered."""
    old, new = pair(answered=100), pair(("198.51.100.1", 7), answered=101)
    made = roaming(old, new)
    new.tried = new.confirmed = 100.99
    new.nominated = 101
    assert not made.asked(new, 101)
    assert made.deadline == 100.99 + Settings().pace
    assert made.due(101) == []
    assert made.due(made.deadline) == [new]
    assert made.deadline == 100 + 0.8 * Settings().ping  # the next ping
    new.confirmed = 101.04
    assert made.verdict(new, 101.1) is Why.NOMINATED


def test_a_nomination_is_heeded_once() -> None:
    """The peer has chosen the other before and the old one since; what it said first came last, by the longer way."""
    old, new = pair(answered=100), pair(("198.51.100.1", 7), answered=101)
    made = roaming(old, new)
    old.nominated, new.nominated = 100.5, 100.9
    new.confirmed = 100.95
    assert made.verdict(new, 101.1) is Why.NOMINATED
    made.select(new, 101.1, Why.NOMINATED)
    made.select(old, 102, Why.FOLLOWED)
    new.answered = new.confirmed = 102.1
    assert made.verdict(new, 102.2) is None
    new.nominated, new.confirmed = 102.3, 102.4
    assert made.verdict(new, 102.5) is Why.NOMINATED


def test_the_successor_of_a_lost_socket_is_the_newest_to_the_same_address() -> None:
    old, alike, newer, relay = (
        pair(answered=100, socket=1),
        pair(socket=2),
        pair(socket=3),
        pair(socket=4, kind=Type.RELAYED),
    )
    elsewhere = pair(("198.51.100.1", 7), socket=9, answered=100)
    made = roaming(old, alike, newer, relay, elsewhere)
    assert made.focus is old
    old.lost = True
    assert made.focus is newer


def test_in_silence_every_socket_has_its_turn() -> None:
    old = pair(answered=100, socket=1)
    others = [pair(socket=socket, kind=Type.RELAYED) for socket in (2, 3, 4)]
    made = roaming(old, *others)
    made.sent(old, 100)
    asked: list[Pair] = []
    now = 100.0
    while now < 102:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            asked.append(each)
    assert {each.path.socket for each in asked} == {1, 2, 3, 4}
    assert 30 < asked.count(old) <= 40


def test_once_consent_is_over_only_the_newest_of_the_sockets_on_an_address_asks() -> None:
    """Each stands in for the one before; the way that is left is a relay's, and has few turns as it is."""
    old = pair(answered=100, socket=1)
    stand_ins = [pair(socket=socket) for socket in (2, 3)]
    relay, elsewhere = pair(socket=4, kind=Type.RELAYED), pair(("198.51.100.1", 7), socket=3)
    made = roaming(old, *stand_ins, relay, elsewhere)
    old.barred = True
    asked: set[Path] = set()
    now = 131.0
    while now < 140:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            asked.add(each.path)
    assert asked == {stand_ins[1].path, relay.path, elsewhere.path}


def test_in_silence_what_has_answered_before_has_the_first_turn_and_then_all_have_theirs() -> None:
    old, known = pair(answered=100, socket=1), pair(("203.0.113.5", 9), answered=99, socket=2)
    known.tried = 99
    others = [pair(("192.168.0.1", port), socket=2) for port in (1, 2, 3)]  # never asked: it went well before them
    others.append(pair(socket=2))
    made = roaming(old, *others, known)
    made.sent(old, 100)
    asked: list[Pair] = []
    now = 100.0
    while now < 103:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            asked += [each] if each.path.socket == 2 else []
    assert asked[0] is known
    assert set(asked[1:5]) == set(others)
    assert asked[5] is known


def test_in_silence_other_sockets_ask_where_the_peer_was_though_nobody_signalled_it() -> None:
    """By a relay that has forgotten us, from behind a NAT that has a mapping for each address and lets in anybody."""
    there = ("203.0.113.50", 7)
    old = pair(there, kind=Type.RELAYED, answered=100, socket=2, stranger=True)
    made = roaming(old, pair(socket=1), pair(("198.51.100.1", 8), socket=1, stranger=True))
    made.sent(old, 100)
    asked: set[Path] = set()
    now = 100.0
    while now < 103:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            asked.add(each.path)
    assert asked == {old.path, Path(1, PEER), Path(1, there)}


def test_what_has_answered_in_a_silence_before_it_was_noticed_has_the_first_turn() -> None:
    old = pair(answered=97, socket=1)
    before = [pair(("203.0.113.5", port), answered=96, socket=2) for port in (1, 2, 3)]
    since = pair(("203.0.113.5", 4), answered=98, socket=2)  # the peer named it when it had moved
    since.tried = 97.9
    made = roaming(old, *before, since)
    made.sent(old, 100)
    asked: list[Pair] = []
    now = 100.0
    while since not in asked:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            asked.append(each)
    assert not set(before) & set(asked)


def test_where_checks_are_lost_and_the_peers_data_comes_all_have_their_turn() -> None:
    """What was asked before a packet came was asked in vain all the same."""
    old = pair(answered=100, socket=1)
    others = [pair(("192.168.0.1", port), socket=2, kind=Type.RELAYED) for port in (1, 2, 3)]
    made = roaming(old, *others)
    made.sent(old, 100)
    asked: list[Pair] = []
    doubted = 0
    now = 100.0
    while now < 102:
        now = max(now, made.deadline)
        made._rhythm.beat(now)
        due = made.due(now)
        for each in due:
            each.tried = now
        asked += due
        doubted += 2 in made.doubtful(due, now)
    assert set(others) < set(asked)
    assert doubted == 1


def test_the_relay_in_use_is_doubted_each_time_and_the_others_now_and_then() -> None:
    old, other = pair(answered=100, socket=1, kind=Type.RELAYED), pair(socket=2, kind=Type.RELAYED)
    made = roaming(old, other)
    made.sent(old, 100)
    assert made.doubtful([old, other], 100.05) == {}  # it is not silent yet
    doubted = [made.doubtful([old, other], 101 + second) for second in range(7)]
    both, used = {1: True, 2: False}, {1: True}  # in a hurry or not
    assert doubted == [both, used, used, used, used, both, used]
    assert made.doubtful([old], 399) == {1: True}
    assert made.doubtful([old], 401) == {1: False}  # after five minutes nothing is in a hurry


def test_what_a_relay_was_asked_in_an_earlier_silence_says_nothing_of_this_one() -> None:
    old, other = pair(answered=100, socket=1), pair(socket=2, kind=Type.RELAYED)
    made = roaming(old, other)
    made.sent(old, 100)
    assert made.doubtful([other], 101) == {2: False}
    assert made.doubtful([other], 102) == {}
    old.answered = 102.1
    made.answered(old, 102, 102.1)
    made.sent(old, 103)
    assert made.doubtful([other], 104) == {2: False}


def test_by_a_relay_that_is_back_in_silence_its_best_pair_is_asked() -> None:
    old, here, far = pair(answered=100, socket=1), pair(socket=2), pair(("203.0.113.5", 9), answered=99, socket=2)
    made = roaming(old, here, far)
    made.sent(old, 100)
    assert made.returned(2, 100.05) is None  # nothing is missed yet
    assert made.returned(2, 101) is here  # where the peer was last
    assert made.returned(1, 101) is old
    assert made.returned(3, 101) is None


def test_silence_is_asked_about_less_and_less() -> None:
    old = pair(answered=100)
    made = roaming(old)
    made.sent(old, 100)
    now, times = 100.0, []
    while now < 420:
        now = max(now, made.deadline)
        for each in made.due(now):
            each.tried = now
            times.append(now)
    steps = [round(later - earlier, 2) for earlier, later in pairwise(times)]
    assert steps[1] == 0.05
    assert sorted(steps[1:]) == steps[1:]
    assert steps[-1] == 5.0


@pytest.mark.parametrize("trip", [0.04, 0.7])
def test_a_session_at_rest_is_asked_less_often_and_never_disconnected(trip: float) -> None:
    world = World(trip=trip)
    a, b = world.end("10.0.0.1", controlling=True), world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(40)
    start = world.now
    world.run(200)
    longest = Settings().rest if 4 * trip < Settings().doubt else (Settings().disconnected - 4 * trip) / 1.2
    for end in (a, b):
        times = [when for when, _, _ in checks(end) if when >= start]
        pauses = [later - sooner for sooner, later in pairwise(times)]
        assert sum(pauses) / len(pauses) == pytest.approx(longest, rel=0.1)
        assert max(pauses) <= 1.2 * longest + 1e-6
        assert end.states == ["checking", "connected", "completed"]


@pytest.mark.parametrize("trip", [0.04, 0.4, 0.7])
def test_a_single_check_that_is_lost_at_rest_is_no_disconnection(trip: float) -> None:
    world = World(trip=trip)
    a, b = world.end("10.0.0.1", controlling=True), world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(40)
    lost = [-inf]

    def passes(_source: Endpoint, _target: Endpoint, data: bytes) -> bool:
        """Of checks a second and more apart, none; those that ask again are let through."""
        rested = world.now - lost[-1] > 4 * trip + 1
        if rested and isinstance(ice.parse(data), ice.Check):
            lost.append(world.now)
            return False
        return True

    world.passes = passes
    world.run(300)
    assert len(lost) > 50
    for end in (a, b):
        assert end.states == ["checking", "connected", "completed"]


def test_data_ends_the_rest() -> None:
    world, a, _ = connected(seconds=0.1)
    world.run(60)
    last = checks(a)[-1][0]
    assert a.agent.deadline is not None
    assert a.agent.deadline > last + 0.8 * Settings().rest
    assert a.agent.send(b"\x80" + bytes(20), world.now)
    assert last + 0.8 * Settings().ping <= a.agent.deadline <= last + 1.2 * Settings().ping


def test_who_hurries_or_has_lost_its_way_is_not_calm() -> None:
    first = pair(answered=100)
    made = roaming(first)
    assert made.calm
    made.hurry()
    assert not made.calm
    made.due(101)
    assert made.calm
    first.lost = True
    assert not made.calm
