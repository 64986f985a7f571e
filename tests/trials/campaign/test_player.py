from __future__ import annotations

from collections.abc import Sequence

import pytest

from landfast.lab import parse
from landfast.lab.network import Occasion
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import CandidateGathered, Event, GatheringDone, StateChanged, Transport
from landfast.session.ice.ground import Server
from landfast.session.ice.settings import Settings
from landfast.trials.campaign.history import Side, Uplink
from landfast.trials.campaign.play import _servers
from landfast.trials.campaign.player import Player, Spinning, Watch


class Keeping(Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.datagrams: list[tuple[str, Endpoint]] = []
        self.sockets = 0

    def sent(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        self.datagrams.append(("sent", remote))

    def heard(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        self.datagrams.append(("heard", remote))

    def opened(self) -> None:
        self.sockets += 1

    def told(self, event: Event) -> None:
        self.events.append(event)

    def candidates(self) -> list[str]:
        return [each.candidate.type.value for each in self.events if isinstance(each, CandidateGathered)]


def playing(
    profile: str, servers: Sequence[Server], *, settings: Settings | None = None
) -> tuple[World, Player, Keeping]:
    world, watch = World(parse.profile(profile)), Keeping()
    player = Player(
        world,
        "robot",
        watch,
        controlling=True,
        servers=servers,
        settings=settings or Settings(),
        all_addresses=False,
        seed=1,
    )
    return world, player, watch


@pytest.mark.parametrize("transport", list(Transport))
def test_a_player_gathers_through_real_servers(transport: Transport) -> None:
    world, player, watch = playing("home", _servers(Side(uplink=Uplink(), relays=(transport,))))
    player.begin()
    world.run(3.0)
    assert watch.candidates() == ["host", "srflx", "relay"]
    assert any(isinstance(event, GatheringDone) for event in watch.events)
    assert {way for way, _ in watch.datagrams} == {"sent", "heard"}
    assert watch.sockets == 2


def test_a_new_address_is_noticed() -> None:
    world, player, watch = playing("home", ())
    player.begin()
    world.run(1.0)
    before = player.addresses()
    world.happen(Occasion.ADDRESS_REPLACED, "robot")
    world.run(2.0)
    assert player.addresses() != before
    assert watch.candidates() == ["host", "host"]
    assert len(player.host.sockets) == 1


def test_a_closed_player_leaves_nothing() -> None:
    world, player, watch = playing("home", _servers(Side(relays=(Transport.UDP, Transport.TLS))))
    player.begin()
    world.run(3.0)
    assert world.server.relays.allocations
    player.close()
    world.run(6.0)
    assert not world.server.relays.allocations
    assert not player.host.sockets
    assert isinstance(watch.events[-1], StateChanged)


def test_a_stream_that_never_opens_is_given_up() -> None:
    world, player, _ = playing("home", _servers(Side(relays=(Transport.TLS,))))
    world.happen(Occasion.SUSPEND_RADIO, "home")
    player.begin()
    world.run(30.0)
    assert len(player.sockets) == 1


def test_what_an_aborted_restart_was_still_asking_for_is_given_back_when_it_comes() -> None:
    world, player, watch = playing("home", _servers(Side(relays=(Transport.UDP, Transport.TLS))))
    agent = player.agent
    player.begin()
    agent.set_remote(Credentials("first", "x" * 22), world.now)
    world.run(3.0)
    stood = set(world.server.relays.allocations)
    assert len(stood) == 2
    for number in range(3):  # each after a failure, and so with fresh sockets from the second on
        agent.restart(world.now)
        agent.gather(world.now)
        agent.set_remote(Credentials(f"again{number}", "x" * 22), world.now)
        player.take()
        told = len(watch.events)
        agent.abort_restart(world.now)
        player.take()
        world.run(world.now + 3)
        assert world.server.relays.allocations == stood
        assert not any(isinstance(event, CandidateGathered) for event in watch.events[told:])
    assert len(player.sockets) == 3
    assert watch.sockets == 9


def test_an_agent_whose_deadline_stays_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    world, player, _ = playing("home", ())
    player.begin()
    monkeypatch.setattr(type(player.agent), "deadline", 0.5)
    player.take()
    with pytest.raises(Spinning):
        world.run(1.0)
