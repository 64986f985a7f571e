from __future__ import annotations

from landfast.session.ice.events import Transport
from landfast.session.ice.ground.budgets import PATIENCE, Budgets
from landfast.session.ice.ground.servers import Server
from landfast.wire.turn import Credential

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
