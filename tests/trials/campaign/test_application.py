from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from landfast.lab import parse
from landfast.lab.sim.world import World
from landfast.trials.campaign.application import Application, Ear
from landfast.trials.campaign.history import Name, Traffic


def _nothing() -> dict[Name, list[bytes]]:
    return {"robot": [], "operator": []}


def speaking(traffic: Traffic) -> tuple[World, Application, dict[Name, list[bytes]]]:
    world, said = World(parse.profile("open")), _nothing()
    players: Any = {name: SimpleNamespace(send=each.append) for name, each in said.items()}
    application = Application(world, traffic, players)
    application.begin()
    return world, application, said


def test_both_sides_speak_at_their_rhythm_until_they_stop() -> None:
    world, application, said = speaking(Traffic(every=0.1))
    world.run(0.95)
    assert [len(each) for each in said.values()] == [10, 10]
    application.stopped = True
    world.run(5)
    assert len(said["robot"]) == 10


def test_bursts_are_sent_together() -> None:
    world, _, said = speaking(Traffic(every=1.0, together=6))
    world.run(0.5)
    assert len(said["robot"]) == 6


def test_what_the_peer_said_is_heard_and_nothing_else() -> None:
    world, application, said = speaking(Traffic(every=0.1))
    world.run(0.05)
    arrives = (said["robot"][0], said["operator"][0], b"\x80o123", b"\x17junk")
    assert [application.heard("robot", data) for data in arrives] == [False, True, False, False]
    assert application.ears["robot"].count == 1


def test_it_is_known_when_a_packet_was_said() -> None:
    world, application, said = speaking(Traffic(every=0.5))
    world.run(0.6)
    assert application.said(said["robot"][1]) == 0.5


def test_copies_are_not_heard_twice_and_silences_are_noted() -> None:
    ear = Ear()
    first, second = b"\x80r" + bytes(3) + b"\1", b"\x80r" + bytes(3) + b"\2"
    for when, data in ((1.0, first), (1.5, first), (4.0, second)):
        ear.hear(data, when)
    assert (ear.last, ear.count) == (4.0, 2)
    assert ear.gaps == [(4.0, 3.0)]
