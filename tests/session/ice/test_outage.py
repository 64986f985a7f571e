from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from random import Random

import pytest

from landfast.session.ice.events import CandidateGathered, Why
from landfast.session.ice.ground import Server
from landfast.session.ice.machine import State
from landfast.session.ice.outage import CHECK, REPEATED, SPOKEN, Outage
from landfast.session.ice.settings import Settings
from landfast.wire.turn import Credential
from tests.session.ice.world import World, checks, connected

MINUTE = Settings().outage
COST = 90


def spend(outage: Outage, since: float, seconds: float, every: float = 0.01, beside: int = 0) -> int:
    """Bytes of checks in so many seconds, when each is sent that may be; others would take `beside` bytes each time."""
    sent = 0
    for step in range(int(seconds / every)):
        now = since + step * every
        outage.may_leave(beside, REPEATED, now)
        if outage.may_check(COST, now) and outage.may_leave(COST, CHECK, now):
            sent += COST
    return sent


def left(outage: Outage, since: float, seconds: float, size: int, owed: float, every: float) -> int:
    """How many of so many bytes leave."""
    return sum(outage.may_leave(size, owed, since + step * every) for step in range(int(seconds / every)))


def test_a_minute_of_silence_costs_no_more_than_is_allowed() -> None:
    outage = Outage(Settings())
    assert MINUTE * 0.85 < spend(outage, 0, 60) <= MINUTE


def test_nor_does_any_later_one_nor_one_with_a_restart() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 30)
    outage.restarted()
    assert spend(outage, 30, 30) <= MINUTE - spend(Outage(Settings()), 0, 30)
    assert spend(outage, 60, 60) < MINUTE


@pytest.mark.parametrize("seed", range(20))
def test_nor_does_any_whatever_is_said_in_it(seed: int) -> None:
    """Of all kinds and sizes, at whatever pace, in three minutes of it."""
    outage, draw = Outage(Settings()), Random(seed)
    paces = [(owed, draw.randint(20, 200), draw.choice((1, 5, 20, 60))) for owed in (REPEATED, SPOKEN, CHECK) * 2]
    sent: list[tuple[float, int]] = []
    for step in range(180 * 60):
        now = step / 60
        if step % 400 == 0:
            outage.restarted()
        for owed, size, often in paces:
            if draw.random() < often / 60 and (owed is not CHECK or outage.may_check(size, now)):
                sent += [(now, size)] * outage.may_leave(size, owed, now)
    times, sums = [now for now, _ in sent], [0, *accumulate(size for _, size in sent)]
    minutes = [sums[place] - sums[bisect_right(times, now - 60)] for place, now in enumerate(times, start=1)]
    assert MINUTE / 4 < max(minutes) < MINUTE


def test_the_first_seconds_are_not_slowed_down() -> None:
    outage = Outage(Settings())
    assert spend(outage, 0, 4, every=0.04) == 100 * COST


def test_a_peer_that_answers_makes_good_all_that_was_spent() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    outage.answered()
    assert spend(outage, 60, 4, every=0.04) == 100 * COST


@pytest.mark.parametrize("beside", [0, 100])
def test_a_restart_is_not_slowed_down_at_first(beside: int) -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60, beside=beside)
    outage.restarted()
    assert spend(outage, 60, 1.5, every=0.05) == 30 * COST


def test_whatever_others_take_a_check_goes_twice_a_second() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    assert 18 * COST <= spend(outage, 60, 10, beside=1000) <= 20 * COST
    for step in range(200):  # answers, too
        outage.may_leave(1000, SPOKEN, 70 + step / 10)
    assert 18 * COST <= spend(outage, 90, 10, beside=1000) <= 20 * COST


def test_of_what_is_repeated_the_least_goes_on() -> None:
    """A knock costs less than a ticket that is shown again, and tells as much."""
    outage, gone = Outage(Settings()), {40: 0, 116: 0}
    spend(outage, 0, 60, beside=100)
    for step in range(600):
        size = 116 if step % 3 == 0 else 40
        gone[size] += outage.may_leave(size, REPEATED, 60 + step / 20)
    assert gone[40] > 320
    assert 20 < gone[116] < 100


def test_when_a_server_is_back_all_can_be_said_to_it_at_once() -> None:
    """An allocation, and what ten addresses of the peer's need, while others go on with their questions."""
    outage = Outage(Settings())
    spend(outage, 0, 60, beside=100)
    assert left(outage, 60, 0.2, 110, REPEATED, 0.01) < 5
    assert left(outage, 60.2, 0.02, 110, SPOKEN, 0.001) == 20
    assert left(outage, 60.22, 2.0, 110, REPEATED, 0.1) == 4  # what was lost of it, not only when all of it is paid


def test_checks_wait_for_what_servers_were_asked_meanwhile() -> None:
    """Several relays ask at once, each second."""
    outage, sent = Outage(Settings()), 0
    for step in range(600):
        now = step * 0.1
        others = 460 if step % 10 == 0 else 0
        assert outage.may_leave(others, REPEATED, now)
        mine = COST if step % 2 == 0 and outage.may_check(COST, now) else 0
        outage.may_leave(mine, CHECK, now)
        sent += others + mine
    assert MINUTE * 0.8 < sent < MINUTE * (1 / 6 + 0.72) + 460


def test_who_has_just_asked_is_asked_back_whatever_was_asked_in_vain() -> None:
    outage = Outage(Settings())
    spend(outage, 0, 60)
    while outage.may_leave(COST, SPOKEN, 60):
        pass
    back = []
    for step in range(600):
        now = 60 + step / 100
        if outage.may_check(COST, now):
            assert outage.may_leave(COST, CHECK, now)
        if step % 20 == 0 and outage.may_check(COST, now, back=True) and outage.may_leave(COST, CHECK, now):
            back.append(step)
    assert back == list(range(0, 600, 60))


def test_that_costs_no_more_than_is_allowed_while_nothing_is_answered() -> None:
    outage, sent = Outage(Settings()), 0
    for step in range(600):
        for back in (False, True):
            if outage.may_check(COST, step / 10, back=back) and outage.may_leave(COST, CHECK, step / 10):
                sent += COST
    assert MINUTE * 0.85 < sent <= MINUTE


def test_an_outage_costs_less_than_sixty_kilobytes_a_minute_and_less_and_less() -> None:
    world, a, b = connected(seconds=1)
    world.cut(1000)
    for minute in range(8):
        start = world.now
        world.run(60)
        for end in (a, b):
            cost = sum(len(data) + 28 for when, _, _, data in end.sent if when >= start)
            assert cost < 60_000
            assert minute < 6 or cost < 8_000
        assert len(a.open) <= 1 + Settings().spare
    assert len(a.told(CandidateGathered)) == 1  # what stands in for a socket is not signalled


# Of two agents.


def test_an_outage_before_a_nomination_costs_no_more_than_any_other() -> None:
    """Many addresses, and none has been chosen: the check list goes on beside the pair in use."""
    world = World(1)
    for network, controlling in ((0, True), (1, False)):
        world.end([f"10.0.{network}.{host}" for host in range(1, 6)], controlling=controlling)
    world.start()
    a, b = world.ends
    while not b.agent.selected:
        world.run(0.01)
    world.cut(120)
    since = world.now
    world.run(120)
    for end in (a, b):
        for minute in (since, since + 60):
            spent = sum(len(data) for when, _, _, data in end.sent if minute <= when < minute + 60)
            assert 20_000 < spent <= end.agent.settings.outage
    world.run(1)
    assert State.FAILED not in (a.agent.state, b.agent.state)


def test_a_peer_that_asks_is_asked_back_at_once_when_an_outage_has_cost_what_it_may() -> None:
    world = World()
    a = world.end("192.0.2.1", controlling=True)
    b = world.end(["203.0.113.9", "203.0.113.10"], controlling=False)
    world.start()
    world.run(1)
    assert b.agent.selected is not None
    (other,) = {"203.0.113.9", "203.0.113.10"} - {b.agent.selected.base.endpoint[0]}
    world.passes = lambda source, target, _: other in (source[0], target[0])
    for end in (a, b):
        while end.agent._outage.may_leave(100, SPOKEN, world.now):
            pass
    while b.moves[-1] is not Why.FALLBACK:
        world.run(0.01)
    asked = [pair.asked for pair in b.agent._generations.current.pairs if pair.base.endpoint[0] == other]
    assert world.now - max(asked) < 0.1


def test_what_relays_are_asked_is_part_of_what_an_outage_costs() -> None:
    """Many, and none of them answers; the checks go on beside that."""
    world, most = World(), 12_000
    user = Credential("a", "b")
    relays = [Server(f"turn:198.51.100.{n}", "turn", f"198.51.100.{n}", 3478, credential=user) for n in range(1, 61)]
    a = world.end("192.0.2.1", controlling=True, servers=relays, settings=Settings(outage=most))
    world.end("203.0.113.9", controlling=False)
    world.passes = lambda _source, _target, _data: False
    world.start()
    world.run(60)
    assert most / 2 < sum(len(data) for _, _, _, data in a.sent) <= most
    assert len({remote for _, _, remote, _ in a.sent}) == len(relays) + 1
    asked = [when for when, _, _ in checks(a) if when < 100 + Settings().checking]
    assert max(later - when for when, later in pairwise(asked)) < 1.1
