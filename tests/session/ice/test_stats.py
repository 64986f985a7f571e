from __future__ import annotations

from landfast.session.ice.machine import State
from landfast.session.ice.pairs import PairState
from tests.session.ice.world import World


def test_a_session_tells_what_it_has_counted() -> None:
    world = World()
    a, b = world.end("192.0.2.1", controlling=True), world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(1)
    world.talk(1)
    world.run(2)
    stats = a.agent.stats(world.now)
    assert (stats.state, stats.controlling, stats.moves) == (State.COMPLETED, True, len(a.moves))
    pair = stats.selected
    assert pair is not None
    assert (pair.nominated, pair.state) == (True, PairState.SUCCEEDED)
    assert (pair.local.endpoint[0], pair.remote.endpoint[0]) == ("192.0.2.1", "203.0.113.9")
    assert (pair.packets_sent, pair.packets_received, pair.bytes_sent) == (50, 50, 50 * 65)
    assert pair.requests_sent == pair.responses_received
    assert pair.requests_received == pair.responses_sent > 0
    assert pair.current_round_trip_time is not None
    assert abs(pair.current_round_trip_time - 0.04) < 1e-6
    assert abs(pair.total_round_trip_time - 0.04 * pair.responses_received) < 1e-6
    assert pair.last_packet_received is not None
    assert len(b.received) == 50


def test_what_could_not_be_sent_is_counted() -> None:
    world = World()
    a, _ = world.end("192.0.2.1", controlling=True), world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(1)
    world.cut(100)
    world.run(40)
    assert not a.agent.send(b"\x80" * 10, world.now)
    pair = a.agent.stats(world.now).selected
    assert pair is not None
    assert (pair.packets_discarded_on_send, pair.bytes_discarded_on_send, pair.packets_sent) == (1, 10, 0)


def test_strangers_are_no_pairs() -> None:
    world = World()
    a, b = world.end("192.0.2.1", controlling=True), world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(1)
    world.inject(("198.51.100.1", 7), next(iter(a.open.values())), b"\x16" * 50)
    world.run(1)
    assert {pair.remote.endpoint[0] for pair in a.agent.stats(world.now).pairs} == {"203.0.113.9"}
    assert b.agent.stats(world.now).selected is not None
