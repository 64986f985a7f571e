from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.lab import parse
from landfast.lab.network import Network, Occasion
from landfast.lab.sim.packet import Lost, Packet
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from tests.lab.sim.scene import PORT, SERVER, Ear, Play, network

LOSSY = {"delay_ms": 20, "jitter_ms": 15, "loss": 0.1, "reorder": 0.05}


def lossy() -> Network:
    declared = parse.profile("cgnat")
    return declared.but(routers=declared.model_dump()["routers"] | {"mifi": {"via": "carrier", "link": LOSSY}})


def test_time_passes_only_in_run() -> None:
    world = World(network())
    told: list[float] = []
    for when in (2.0, 1.0, 1.0, 9.0):
        world.call_at(when, lambda: told.append(world.now))
    world.run(5.0)
    assert told == [1.0, 1.0, 2.0]
    assert world.now == 5.0
    world.call_at(3.0, lambda: told.append(world.now))
    assert world.step()
    assert told[-1] == 5.0
    assert world.step()
    assert not world.step()
    assert world.now == 9.0


def test_a_cancelled_call_is_not_made() -> None:
    world = World(network())
    timer = world.call_at(1.0, lambda: pytest.fail("called"))
    timer.cancel()
    timer.cancel()
    world.run(2.0)


def test_what_is_due_together_happens_in_the_order_of_the_calls() -> None:
    world, told = World(network()), list[int]()
    for number in range(5):
        world.call_at(1.0, lambda number=number: told.append(number))  # type: ignore[misc]
    world.run(1.0)
    assert told == [0, 1, 2, 3, 4]


def test_an_unknown_host_is_an_error() -> None:
    with pytest.raises(KeyError):
        World(network()).host("nobody")


@pytest.mark.parametrize("name", parse.profiles())
def test_every_profile_stands_and_its_robot_is_heard_where_udp_is_open(name: str) -> None:
    play = Play(parse.profile(name))
    assert (play.seen() is not None) is (name != "udp-blocked")


Story = list[tuple[float, str, Endpoint | str]]
HAPPENS = st.sampled_from([Occasion.CHANGE_PUBLIC_ADDRESS, Occasion.REBIND_PORT, Occasion.FLUSH])
STEPS = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 25), st.none() | HAPPENS), max_size=30)


def story(steps: list[tuple[int, float, Occasion | None]], seed: int) -> Story:
    """Everything that watchers see of some traffic that is echoed; raises when a packet ends twice."""
    world, told, ended = World(lossy(), seed=seed), Story(), set[int]()

    def watch(packet: Packet, place: str, why: Lost | None) -> None:
        told.append((world.now, place, why or (packet.source, packet.sport)))
        if why or place != packet.origin:
            assert packet.number not in ended
            ended.add(packet.number)

    world.watchers.append(watch)
    echo = Ear(world.host("server"), SERVER, PORT)
    echo.socket.receive = lambda data, source: (None, echo.socket.send(data, source))[0]
    sockets = [Ear(world.host("robot")) for _ in range(4)]
    for place, later, what in steps:
        if what:
            world.happen(what, "carrier")
        sockets[place].say(b"", (SERVER, PORT), within=later)
    return told


@given(STEPS, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_history_and_no_packet_ends_twice(
    steps: list[tuple[int, float, Occasion | None]], seed: int
) -> None:
    assert story(steps, seed) == story(steps, seed)


def test_another_seed_gives_another_history() -> None:
    steps: list[tuple[int, float, Occasion | None]] = [(0, 1.0, None)] * 20
    assert story(steps, 1) != story(steps, 2)
