"""A world in which one relay stands: what the tests of relays share."""

from __future__ import annotations

from typing import Any

from landfast.model.facts import Endpoint
from landfast.session.ice.events import Path, Socket
from landfast.session.ice.ground import Renewed, Said
from landfast.session.ice.settings import Settings
from tests.session.ice.ground.nodes import Relays
from tests.session.ice.ground.world import PEER, RTT, TURN, UDP, World

SETTINGS = Settings(relay_only=True)  # so that there are no other sockets


def standing(url: str = UDP, **options: Any) -> tuple[World, Relays, Socket]:
    """A world in which a relay stands, its server, and its name."""
    relays = Relays(**options)
    world = World(url, settings=SETTINGS, nodes={TURN: relays})
    world.gather()
    ((name, _),) = world.ground.candidates
    world.run(0.25)
    return world, relays, name


def relayed(world: World) -> Endpoint:
    ((_, candidate),) = world.ground.candidates
    return candidate.endpoint


def passes(world: World, relays: Relays) -> bool:
    """Whether data passes both ways now."""
    ((name, candidate),) = world.ground.candidates
    world.got.clear()
    relays.relayed.clear()
    world.ground.welcome(PEER, world.now)
    world.ground.transmit(b"there", Path(name, PEER), world.now)
    world.run(RTT)
    world.from_peer(b"back", candidate.endpoint)
    world.run(RTT)
    return relays.relayed == [(PEER, b"there")] and world.got == [(b"back", Path(name, PEER))]


def renewed(told: list[Said]) -> list[Renewed]:
    return [said for said in told if isinstance(said, Renewed)]
