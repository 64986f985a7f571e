from __future__ import annotations

import pytest

from landfast.session.ice.events import ServerRefused, ServerUnanswered, Transport
from landfast.session.ice.ground import GatheringDone
from landfast.session.ice.ground.candidates import Candidates
from landfast.session.ice.ground.said import Gathered, Lost, Renewed, Said
from landfast.session.ice.ground.servers import Server
from landfast.session.ice.ground.telling import Telling
from landfast.wire.turn import Credential
from landfast.wire.turn.messages import Method
from tests.session.ice.ground.nodes import Relays
from tests.session.ice.ground.relaying import SETTINGS, standing
from tests.session.ice.ground.world import TURN, UDP, World

SERVER = Server("turn:a", "turn", "a", 3478, Transport.UDP, Credential("robot", "secret"))
FIRST, SECOND, MAPPED = ("203.0.113.5", 50000), ("203.0.113.5", 50001), ("192.0.2.7", 4021)


def telling(*, hides: bool = False) -> tuple[Telling, Candidates, list[Said]]:
    candidates, told = Candidates(), list[Said]()
    return Telling(SERVER, 9, candidates, told.append, hides=hides), candidates, told


def test_a_relay_is_gathered_then_renewed_and_lost_under_one_name() -> None:
    relay, candidates, told = telling()
    relay.begins(1)
    relay.begins(2)  # another socket under it
    relay.stands(FIRST, MAPPED)
    first = candidates.base(1)
    relay.stands(FIRST, MAPPED)
    relay.stands(SECOND, MAPPED)
    second = candidates.base(1)
    relay.lost("reset")
    assert first
    assert second
    assert told == [Gathered(1, first), Renewed(1, None), Renewed(1, second), Lost(1, "reset")]
    assert (first.endpoint, second.endpoint, second.related) == (FIRST, SECOND, MAPPED)
    assert candidates.all() == []
    relay.begins(3)
    assert (relay.name, relay.names) == (3, {1, 3})


def test_the_loss_of_what_nobody_knew_is_not_told_but_of_what_was_promised() -> None:
    relay, _, told = telling()
    relay.begins(1)
    relay.lost("refused")
    assert told == []
    relay.begins(2)
    relay.promised()
    relay.lost("refused")
    relay.lost("refused")
    assert told == [Lost(2, "refused")]


def test_bad_news_is_told_once_until_there_is_good_news() -> None:
    relay, _, told = telling()
    relay.begins(1)
    for _ in range(2):
        for _ in range(3):
            relay.refused(486, "full")
            relay.refused(403, "no")
            relay.unanswered("no answer")
        assert told == [
            ServerRefused("turn:a", 486, "full"),
            ServerRefused("turn:a", 403, "no"),
            ServerUnanswered("turn:a", "no answer"),
        ]
        relay.stands(FIRST, None)
        told.clear()


@pytest.mark.parametrize(("hides", "mapped"), [(True, MAPPED), (False, None)])
def test_a_mapped_address_is_hidden_where_it_must_be_or_is_not_known(
    hides: bool, mapped: tuple[str, int] | None
) -> None:
    relay, candidates, _ = telling(hides=hides)
    relay.begins(1)
    relay.stands(FIRST, mapped)
    base = candidates.base(1)
    assert base
    assert base.related == ("0.0.0.0", 9)
    relay.dropped()
    assert candidates.base(1) is None


@pytest.mark.parametrize("code", [400, 401, 403, 437, 441, 442, 500])
def test_each_refusal_is_told_once_with_its_code(code: int) -> None:
    world = World(UDP, settings=SETTINGS, nodes={TURN: Relays(refuses={Method.ALLOCATE: code})})
    assert world.gather() == [ServerRefused(UDP, code, "because"), GatheringDone()]
    assert world.run(200.0) == []
    assert len(world.closed) == len(world.ever) == 1
    assert world.ground.deadline is None


def test_peers_that_a_server_does_not_reach_are_told_once() -> None:
    world, relays, _ = standing()
    relays.refuses = {Method.CREATE_PERMISSION: 403, Method.CHANNEL_BIND: 403}
    for last in range(1, 5):
        world.ground.welcome((f"10.0.0.{last}", 5), world.now)
    assert world.run(1.0) == [ServerRefused(UDP, 403, "because")]


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_a_server_that_keeps_its_own_loopback_to_itself_is_no_news(loopback: str) -> None:
    world, relays, _ = standing()
    relays.refuses = {Method.CREATE_PERMISSION: 403, Method.CHANNEL_BIND: 403}
    world.ground.welcome((loopback, 5), world.now)
    assert world.run(1.0) == []


def test_a_server_that_is_silent_is_told_and_given_up() -> None:
    world = World(UDP, settings=SETTINGS, nodes={TURN: Relays(silent=True)})
    world.gather()
    assert world.run(9.0 - world.now) == []
    assert world.run(2.0) == [ServerUnanswered(UDP, "no answer")]  # as browsers do; an answer would still count
    assert world.run(60.0) == []
    assert world.ground.deadline is None
    assert world.closed == [1]


def test_a_server_that_answers_within_half_a_minute_is_still_heard() -> None:
    world = World(UDP, settings=SETTINGS, nodes={TURN: Relays()})
    world.path = False
    world.gather()
    world.run(20.0)
    world.path = True
    assert isinstance(world.run(15.0)[0], Gathered)
