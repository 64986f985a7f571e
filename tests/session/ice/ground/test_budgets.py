from __future__ import annotations

import pytest

from landfast.session.ice.events import ServerRefused, Transport
from landfast.session.ice.ground import Gathered, GatheringDone, Promised, Said
from landfast.session.ice.ground.budgets import PATIENCE, Budgets
from landfast.session.ice.ground.servers import Server
from landfast.wire.turn import Code, Credential
from landfast.wire.turn.messages import Method
from tests.session.ice.ground.relaying import passes, standing
from tests.session.ice.ground.world import UDP

SERVER = Server("turn:a", "turn", "a", 3478, Transport.UDP, Credential("robot", "secret"))


def test_a_server_without_room_is_left_alone_until_it_has_some() -> None:
    budgets = Budgets()
    assert budgets.allows(SERVER, 0.0)
    budgets.refused(SERVER, 10.0)
    assert not budgets.allows(SERVER, 10.0 + PATIENCE - 0.1)
    assert budgets.allows(SERVER, 10.0 + PATIENCE) and budgets.until(SERVER) == 10.0 + PATIENCE  # noqa: PT018
    budgets.refused(SERVER, 10.0)
    budgets.granted(SERVER)
    assert budgets.allows(SERVER, 10.0)


def test_a_quota_is_a_users_whatever_the_transport() -> None:
    budgets = Budgets()
    budgets.refused(SERVER, 0.0)
    assert not budgets.allows(Server("turns:a", "turn", "a", 5349, Transport.TLS, SERVER.credential), 1.0)
    assert budgets.allows(Server("turn:a", "turn", "a", 3478, Transport.UDP, Credential("other", "secret")), 1.0)
    assert budgets.allows(Server("turn:b", "turn", "b", 3478, Transport.UDP, SERVER.credential), 1.0)


@pytest.mark.parametrize("code", [Code.QUOTA_REACHED, Code.INSUFFICIENT_CAPACITY])
def test_a_server_without_room_is_told_and_not_asked_again_for_a_minute(code: Code) -> None:
    world, relays, name = standing()
    relays.refuses = {Method.ALLOCATE: code}
    assert ServerRefused(UDP, code, "because") in world.gather(fresh=True)
    asked = len(relays.asked)
    assert world.gather(fresh=True) == [GatheringDone()]
    assert world.ground.replace(name, world.now) is None
    world.run(50.0)
    assert len(relays.asked) == asked
    assert passes(world, relays)
    relays.refuses.clear()
    world.run(15.0)
    assert any(isinstance(said, Gathered) for said in world.gather(fresh=True))


def test_a_lost_relay_whose_server_has_no_room_is_not_tried_for_a_minute() -> None:
    world, relays, name = standing()
    relays.refuses = {Method.ALLOCATE: 486}
    world.run(5.0)
    world.break_line(name)
    world.run(1.0)
    relays.asked.clear()
    world.run(55.0)
    assert relays.asked == []
    world.run(10.0)
    assert len(relays.asked) == 2


def test_a_server_that_refuses_a_repair_is_asked_ever_less() -> None:
    world, relays, name = standing()
    relays.refuses = {Method.ALLOCATE: 486}
    world.rebind()
    relays.asked.clear()
    told: list[Said] = []
    for _ in range(600):
        world.ground.silent(name, world.now)
        told += world.run(0.1)
    assert [said for said in told if not isinstance(said, Promised)] == [ServerRefused(UDP, 486, "because")]
    assert 2 * 5 < len(relays.asked) < 2 * 8
    relays.refuses.clear()
    for _ in range(600):
        world.ground.silent(name, world.now)
        world.run(0.1)
    assert passes(world, relays)
