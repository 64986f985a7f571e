from __future__ import annotations

import pytest

from landfast.session.ice.events import ServerUnanswered, Transport
from landfast.session.ice.ground import Gathered, Lost, Renewed
from landfast.session.ice.ground.patience import Patience
from landfast.session.ice.settings import Settings
from landfast.wire.turn.messages import Method
from tests.session.ice.ground.relaying import SETTINGS, passes, renewed, standing
from tests.session.ice.ground.world import PEER, RTT, TCP, TLS, UDP

A_SECOND = Settings(repair=1.0)


def test_a_server_is_asked_once_per_repair() -> None:
    patience = Patience(A_SECOND)
    assert [tenth for tenth in range(30) if patience.may_ask(tenth / 10)] == [0, 10, 20]


def test_a_server_that_owes_an_answer_for_long_is_deaf_until_it_is_heard() -> None:
    patience = Patience(A_SECOND)
    assert not patience.is_deaf(100)
    for now in (0, 1, 2):
        patience.may_ask(now)
    assert [patience.is_deaf(now) for now in (0.9, 1.0)] == [False, True]
    patience.heard()
    assert not patience.is_deaf(100)
    patience.may_ask(100)
    assert [patience.is_deaf(now) for now in (100.9, 101.0)] == [False, True]
    patience.answered(101.0)
    assert [patience.is_deaf(now) for now in (101.9, 102.0)] == [False, True]
    patience.stands()
    patience.answered(150.0)
    assert not patience.is_deaf(200)


def test_one_that_refuses_is_asked_ever_less_until_it_grants_something() -> None:
    patience, now, waits = Patience(A_SECOND), 0.0, []
    for _ in range(9):
        patience.refused(now)
        began = now
        while not patience.may_ask(now):
            now += 0.5
        waits.append(now - began)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    patience.stands()
    patience.refused(now)
    assert patience.may_ask(now + 1)


def test_what_fails_is_tried_again_ever_later_and_not_before_there_is_room() -> None:
    patience = Patience(A_SECOND)
    rests = []
    for _ in range(8):
        patience.failed(100.0, 0.0)
        rests.append(patience.rest)
    assert rests == [101, 102, 104, 108, 116, 132, 160, 160]
    patience.failed(100.0, 500.0)
    assert patience.rest == 500
    patience.stands()
    assert patience.rest is None


# That of a relay, in a world.


def test_a_question_to_a_relay_that_is_not_in_use_is_repeated_once_a_second() -> None:
    asked = {}
    for hurried in (True, False):
        world, relays, name = standing(mobile=True)
        world.run(1.0)
        relays.silent = True
        relays.heard.clear()
        world.ground.silent(name, world.now, hurried=hurried)
        world.run(5.0)
        asked[hurried] = len(relays.heard)
    assert 4 <= asked[False] <= 10
    assert asked[True] > 20


def test_a_silent_relay_is_asked_once_per_repair() -> None:
    world, relays, name = standing()
    relays.asked.clear()
    for _ in range(100):
        world.ground.silent(name, world.now)
        world.run(0.05)
    assert len(relays.asked) == 2 * 5  # each an Allocate without and with the nonce


@pytest.mark.parametrize("mobile", [True, False])
@pytest.mark.parametrize("seconds", [5.1, 33.3, 35.0, 38.7, 120.2])
def test_after_an_outage_a_relay_is_back_within_a_fifth_of_a_second(mobile: bool, seconds: float) -> None:
    world, relays, name = standing(mobile=mobile)
    world.path = False
    for _ in range(int(seconds * 10)):
        world.ground.silent(name, world.now)
        world.run(0.1)
    world.rebind()
    world.path, began = True, world.now
    relays.heard.clear()
    while not world.told or not isinstance(world.told[-1][1], Renewed):
        world.ground.silent(name, world.now)
        world.run(0.01)
    assert world.now - began < SETTINGS.repeat + 2.5 * RTT
    assert passes(world, relays)


@pytest.mark.parametrize("mobile", [True, False])
@pytest.mark.parametrize("url", [UDP, TLS])
def test_a_relay_whose_server_owes_an_answer_is_deaf_until_it_is_heard(url: str, mobile: bool) -> None:
    world, _, name = standing(url, mobile=mobile)
    world.run(1.0)
    world.ground.silent(name, world.now)
    world.run(SETTINGS.repair)
    assert not world.ground.is_deaf(name, world.now)
    world.path = False
    world.ground.silent(name, world.now)
    assert not world.ground.is_deaf(name, world.now + SETTINGS.repair / 2)
    world.run(SETTINGS.repair)
    assert world.ground.is_deaf(name, world.now)
    world.path = True
    told = world.run(2 * RTT + SETTINGS.repeat)
    assert (Renewed(name, None) in told) is (url == UDP)
    while url == TLS and not renewed(told):
        world.ground.silent(name, world.now)
        told = world.run(0.1)
    assert not world.ground.is_deaf(name, world.now)


def test_what_is_sent_while_nothing_passes_is_bounded() -> None:
    world, relays, name = standing()
    relays.heard.clear()
    relays.silent = True
    for _ in range(120):
        world.ground.silent(name, world.now)
        world.run(0.5)
    assert len(relays.heard) <= 60 / SETTINGS.knock + 5


def test_who_has_no_nonce_knocks_and_asks_less_often_once_it_has_one() -> None:
    world, relays, name = standing()
    relays.heard.clear()
    relays.asked.clear()
    relays.silent = True
    world.ground.silent(name, world.now)
    world.run(2.0)
    assert len(relays.heard) == pytest.approx(2 / SETTINGS.knock, abs=1)
    relays.silent = False
    while not relays.asked:
        world.step()
    relays.silent = True  # its 401 is the last that it says
    world.run(RTT)
    relays.heard.clear()
    world.run(2.0)
    assert len(relays.heard) == pytest.approx(2 / SETTINGS.repeat, abs=1)


def test_one_that_stands_in_for_another_knocks_where_it_is_urgent() -> None:
    heard = {}
    for urgent in (True, False):
        world, relays, name = standing()
        relays.silent = True
        relays.heard.clear()
        world.ground.replace(name, world.now, urgent=urgent)
        world.run(2.0)
        heard[urgent] = len(relays.heard)
    assert heard[True] == pytest.approx(2 / SETTINGS.knock, abs=1)
    assert heard[False] == pytest.approx(2 / SETTINGS.repeat, abs=1)


@pytest.mark.parametrize("mobile", [True, False])
def test_while_one_knocks_the_others_of_its_server_ask_once_a_second(mobile: bool) -> None:
    world, relays, name = standing(mobile=mobile)
    world.run(1.0)
    relays.silent = True
    world.ground.replace(name, world.now)
    world.run(SETTINGS.knock)
    knocking = max(socket for socket, _ in world.sent)
    world.sent.clear()
    for _ in range(50):
        world.ground.silent(name, world.now)
        world.run(0.1)
    knocks = [data for socket, data in world.sent if socket == knocking]
    assert len(knocks) == pytest.approx(5 / SETTINGS.knock, abs=2)
    assert 4 <= len(world.sent) - len(knocks) <= 10


def test_while_one_moves_those_that_nobody_waits_for_are_not_asked() -> None:
    world, relays, name = standing(mobile=True)
    other = world.ground.replace(name, world.now)
    assert other is not None
    world.run(1.0)
    relays.silent = True
    world.sent.clear()
    for _ in range(50):
        world.ground.silent(name, world.now)
        world.ground.silent(other, world.now, hurried=False)
        world.run(0.1)
    assert {socket for socket, _ in world.sent} == {name}


def test_a_relay_that_has_just_come_to_stand_is_not_doubted() -> None:
    world, relays, name = standing()
    world.path = False
    world.ground.silent(name, world.now)
    world.run(2 * SETTINGS.repair)
    world.rebind()
    world.path = True
    assert renewed(world.run(SETTINGS.knock + 2 * RTT))
    relays.asked.clear()
    world.ground.silent(name, world.now)
    world.run(1.0)
    assert not relays.asked


def test_a_server_that_forgets_at_once_is_not_asked_again_at_once() -> None:
    world, relays, _ = standing()
    relays.refuses = {Method.CREATE_PERMISSION: 437}
    world.ground.welcome(PEER, world.now)
    world.run(0.5)
    assert len(world.ever) == 1
    relays.asked.clear()
    told = world.run(20.0)
    assert Lost(1, "the server has forgotten it") in world.since(0)
    assert sum(isinstance(said, Gathered) for said in told) < 20
    assert len(relays.asked) < 5 * 20


def test_a_server_that_was_found_again_is_asked_without_hurry() -> None:
    world, relays, name = standing()
    world.rebind()
    world.ground.silent(name, world.now)
    world.run(1.0)
    relays.silent = True
    relays.heard.clear()
    world.ground.welcome(PEER, world.now)
    world.run(6.0)
    assert len(relays.heard) <= 2 * 7  # permission and channel, each time twice as late


def test_a_line_that_breaks_is_replaced_at_once_and_one_that_always_breaks_once_a_second() -> None:
    world, _, name = standing(TCP)
    world.run(5.0)
    began = world.now
    world.break_line(name)
    while not world.ground.candidates:
        world.step()
    assert world.now - began < 4 * RTT
    for _ in range(50):
        for socket in list(world.open):
            world.break_line(socket)
        world.run(0.2)
    assert len(world.ever) < 20


def test_a_server_that_refuses_connections_is_tried_ever_less() -> None:
    world, _, name = standing(TLS)
    world.refused = {Transport.TLS: "refused"}
    world.break_line(name)
    told = world.run(600.0)
    assert 10 < len(world.ever) < 20
    assert told == [ServerUnanswered(TLS, "refused")]


def test_while_the_agent_waits_a_connection_is_begun_anew_after_three_seconds() -> None:
    world, _, name = standing(TLS)
    world.stuck = {Transport.TLS}
    world.path = False
    for _ in range(93):
        world.ground.silent(name, world.now)
        world.run(0.15)
    assert len(world.ever) - 1 == 5  # the first, and one each 3 s
    assert len(world.open) == 2


def test_what_was_tried_again_without_hurry_is_hurried_when_the_agent_asks() -> None:
    world, _, name = standing()
    world.path = False
    world.run(700.0)
    while not world.open:
        world.step()
    for _ in range(50):
        world.ground.silent(name, world.now)
        world.run(0.1)
    world.path, began = True, world.now
    while not world.ground.candidates:
        world.step()
    assert world.now - began < SETTINGS.repeat + 2.5 * RTT
