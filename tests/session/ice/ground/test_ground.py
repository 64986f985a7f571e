from __future__ import annotations

import secrets
import ssl
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast import clock
from landfast.model.facts import Endpoint
from landfast.servers import certificate, coturn
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.events import (
    Open,
    Path,
    Resolve,
    ServerUnanswered,
    Socket,
    Transmit,
    Transport,
)
from landfast.session.ice.ground import Address, Gathered, GatheringDone, Ground, Lost, Renewed
from landfast.session.ice.settings import Settings
from landfast.wire.turn.messages import Method
from tests.lan import lan
from tests.session.ice.ground.driver import Driver
from tests.session.ice.ground.nodes import Reflector, Relays
from tests.session.ice.ground.world import (
    ASK,
    BOTH,
    HERE,
    PEER,
    RTT,
    STUN,
    TCP,
    THERE,
    TLS,
    TURN,
    UDP,
    World,
    draw,
    gathered,
    kinds,
    servers,
)


def test_a_dead_stun_server_does_not_hold_up_gathering() -> None:
    world = World(ASK, UDP, nodes={STUN: Reflector(silent=True), TURN: Relays()})
    world.gather()
    assert world.now == Settings().gathering
    assert kinds(world) == [Type.HOST, Type.RELAYED]


def test_a_dead_turn_server_and_a_dead_resolver_do_not_hold_it_up_either() -> None:
    world = World(ASK, TCP, "turn:nowhere.example", names={"nowhere.example": None})
    world.stuck = {Transport.TCP}
    world.gather()
    assert world.now == Settings().gathering


def test_what_answers_late_still_gives_candidates() -> None:
    world = World(ASK, UDP)
    world.path = False
    assert world.gather()[-1] == GatheringDone()
    world.path = True
    later = world.run(4.0)
    assert {said.candidate.type for said in later if isinstance(said, Gathered)} == {
        Type.SERVER_REFLEXIVE,
        Type.RELAYED,
    }
    assert not world.ground.gathering


def test_all_servers_are_asked_at_once() -> None:
    nodes: dict[Endpoint, Reflector | Relays] = {(f"198.51.100.{last}", 3478): Reflector() for last in (1, 2)}
    nodes |= {(f"198.51.100.{last}", 3478): Relays() for last in (5, 6)}
    world = World(ASK, "stun:198.51.100.2", UDP, TCP, "turn:198.51.100.6", nodes=nodes)
    world.gather()
    assert world.now == pytest.approx(3 * RTT)  # of TCP: connect, and an Allocate that is told its nonce
    relays = [candidate for candidate in gathered(world) if candidate.type is Type.RELAYED]
    assert sorted(candidate.relay or "" for candidate in relays) == ["tcp", "udp", "udp"]


def test_relays_have_distinct_priorities_udp_before_tcp_before_tls() -> None:
    world = World(TLS, TCP, UDP, "turn:198.51.100.5:3479", nodes={TURN: Relays(), (TURN[0], 3479): Relays()})
    world.gather()
    relays = [candidate for candidate in gathered(world) if candidate.type is Type.RELAYED]
    relays.sort(key=lambda candidate: -candidate.priority)
    assert [candidate.relay for candidate in relays] == ["udp", "udp", "tcp", "tls"]
    assert len({candidate.priority for candidate in relays}) == 4


def test_tls_is_told_whom_the_certificate_must_name() -> None:
    world = World(TLS)
    world.gather()
    assert world.ever[-1] == Open(2, Transport.TLS, None, TURN, "turn.example")


def test_relay_only_tells_nothing_else_and_opens_nothing_else() -> None:
    world = World(ASK, UDP, settings=Settings(relay_only=True))
    world.gather()
    (relay,) = gathered(world)
    assert (relay.type, relay.related) == (Type.RELAYED, ("0.0.0.0", 9))
    assert len(world.ever) == 1


def test_names_that_lead_nowhere_are_told() -> None:
    world = World("stun:gone.example", "turn:six.example", names={"gone.example": [], "six.example": ["2001:db8::5"]})
    told = world.gather()
    assert ServerUnanswered("stun:gone.example", "its name has no address") in told
    assert ServerUnanswered("turn:six.example", "no address of this host reaches it") in told


def test_nothing_is_opened_or_asked_before_gathering() -> None:
    ground = Ground(Settings(), servers(ASK, TLS), draw=draw())
    ground.set_addresses(BOTH, 0.0)
    assert (ground.poll(), ground.deadline, ground.gathering) == (None, None, False)
    ground.gather(0.0)
    assert ground.poll() == Resolve("turn.example")
    assert ground.gathering


def test_a_host_that_begins_without_a_network_asks_everybody_when_it_has_one() -> None:
    world = World(ASK, UDP, TLS, addresses=())
    names, world.names = world.names, {}
    assert world.gather()[-1] == GatheringDone()
    assert gathered(world) == []
    world.names = names
    world.set_addresses(HERE)
    world.run(1.0)
    assert kinds(world) == [Type.HOST, Type.SERVER_REFLEXIVE, Type.RELAYED, Type.RELAYED]


def test_a_fresh_gathering_stands_beside_the_old_one_until_that_is_dropped() -> None:
    world = World(ASK, UDP)
    world.gather()
    told = world.gather(fresh=True)
    assert [said.socket for said in told if isinstance(said, Gathered)] == [3, 3, 4]
    assert len({candidate.priority for candidate in gathered(world)}) == 6
    world.ground.drop(1, world.now)
    world.ground.drop(2, world.now)
    assert [socket for socket, _ in world.ground.candidates] == [3, 3, 4]
    assert world.run(3.0) == []
    assert sorted(world.closed) == [1, 2]
    relays = world.nodes[TURN]
    assert isinstance(relays, Relays)
    assert len(relays.allocations) == 1


def test_data_goes_out_and_comes_in_and_a_socket_that_is_not_open_drops() -> None:
    world = World()
    world.ground.gather(0.0)
    world.ground.transmit(b"early", Path(1, PEER), 0.0)
    assert world.ground.poll() == Open(1, Transport.UDP, HERE)
    assert world.ground.poll() is None
    world.ground.opened(1, (HERE, 5), 0.0)
    while world.ground.poll():
        pass
    world.ground.transmit(b"data", Path(1, PEER), 0.0)
    assert world.ground.poll() == Transmit(1, b"data", PEER)
    for data in (b"", b"data", b"\x00\x01"):
        assert world.ground.receive(data, Path(1, PEER), 0.0) == [(data, Path(1, PEER))]
    assert world.ground.receive(b"data", Path(9, PEER), 0.0) == []


def test_servers_are_used_by_the_next_gathering() -> None:
    world = World()
    world.gather()
    world.ground.set_servers(servers(ASK), world.now)
    world.run(1.0)
    assert kinds(world) == [Type.HOST]
    world.gather()
    assert kinds(world) == [Type.HOST, Type.SERVER_REFLEXIVE]


def test_close_gives_every_allocation_back_and_closes_every_socket_at_once() -> None:
    world = World(ASK, UDP, TCP, TLS, nodes={STUN: Reflector(), TURN: Relays()})
    world.gather()
    relays = world.nodes[TURN]
    assert isinstance(relays, Relays)
    assert len(relays.allocations) == 3
    world.ground.close(world.now)
    world.run(0.0)
    assert sorted(world.closed) == [each.socket for each in world.ever]
    assert (world.ground.deadline, world.ground.candidates) == (None, [])
    world.run(1.0)
    assert relays.allocations == {}
    world.ground.close(world.now)
    world.ground.gather(world.now)
    world.ground.set_addresses([Address("10.0.0.1")], world.now)
    assert world.ground.poll() is None


ANY_SOCKET = st.integers(0, 12)
TROUBLE = st.sampled_from(["silent", "refuse", "full", "elsewhere", "mobile", "forget", "well"])
JUNK = st.binary(max_size=60) | st.builds(
    lambda number, data: struct.pack("!HH", number, len(data)) + data,
    st.integers(0x3FFF, 0x4003),
    st.binary(max_size=8),
)
PEERS = st.sampled_from([PEER, ("203.0.113.78", 1), ("2001:db8::7", 5), ("peer.local", 5), ("", -1)])
WISHES = ["gather", "fresh", "welcome", "forget", "silent", "replace", "drop", "transmit", "run", "soon"]
EVENTS = ["addresses", "break", "rebind", "path", "trouble", "junk", "changed", "opened", "closed", "resolved", "timer"]


def trouble(world: World, kind: str) -> None:
    """What may happen to a TURN server."""
    relays = relay_server(world)
    relays.silent, relays.quota, relays.alternate = kind == "silent", 0 if kind == "full" else 100, None
    relays.refuses = {}
    if kind == "refuse":
        relays.refuses = dict.fromkeys((Method.ALLOCATE, Method.REFRESH, Method.CREATE_PERMISSION), 403)
    elif kind == "elsewhere":
        relays.alternate = ("198.51.100.6", 3478)
    elif kind == "mobile":
        relays.mobile = not relays.mobile
    elif kind == "forget":
        relays.expire()


def relay_server(world: World) -> Relays:
    relays = world.nodes[TURN]
    assert isinstance(relays, Relays)
    return relays


def wish(world: World, verb: str, data: st.DataObject) -> None:
    """Something that an agent may do, or time."""
    ground, now, socket = world.ground, world.now, data.draw(ANY_SOCKET)
    match verb:
        case "gather" | "fresh":
            ground.gather(now, fresh=verb == "fresh")
        case "welcome":
            ground.welcome(data.draw(PEERS), now)
        case "forget":
            ground.forget(data.draw(PEERS))
        case "silent":
            ground.silent(socket, now)
        case "replace":
            new = ground.replace(socket, now)
            assert new is None or new > socket
        case "drop":
            before = {socket for socket, _ in ground.candidates}
            ground.drop(socket, now)
            gone = before - {socket for socket, _ in ground.candidates}
            world.told += [(now, Lost(each, "dropped")) for each in gone]
        case "transmit":
            ground.transmit(b"data", Path(socket, data.draw(PEERS)), now)
        case "run" | "soon":
            world.run(data.draw(st.sampled_from([0.3, 1.0, 5.0, 90.0]) if verb == "run" else st.just(RTT)))
    world.run(0.0)


def happen(world: World, event: str, data: st.DataObject) -> None:
    """Something that may happen to an agent."""
    ground, now, socket = world.ground, world.now, data.draw(ANY_SOCKET)
    match event:
        case "addresses":
            world.set_addresses(*data.draw(st.lists(st.sampled_from([HERE, THERE, "10.0.0.9"]), unique=True)))
        case "break" if socket in world.open:
            world.break_line(socket)
        case "rebind":
            world.rebind()
        case "path":
            world.path = not world.path
        case "trouble":
            trouble(world, data.draw(TROUBLE))
        case "junk":
            ground.receive(data.draw(JUNK), Path(socket, data.draw(st.sampled_from([STUN, TURN, PEER]))), now)
        case "changed" if world.answers:
            socket, answer, remote = data.draw(st.sampled_from(world.answers))
            at = data.draw(st.integers(0, len(answer) - 1))
            ground.receive(answer[:at] + data.draw(st.binary(max_size=2)) + answer[at + 1 :], Path(socket, remote), now)
        case "opened":
            ground.opened(socket, (HERE, 5), now)
        case "closed":
            ground.closed(socket, "because", now)
        case "resolved":
            ground.resolved("turn.example", data.draw(st.lists(st.sampled_from([TURN[0], "2001:db8::5", "x"]))), now)
        case "timer":
            ground.handle_timer(now)
    world.run(0.0)


def bases(world: World) -> dict[int, Candidate]:
    """What packets leave from, as an agent knows it from what it was told."""
    known: dict[int, Candidate] = {}
    for _, said in world.told:
        if isinstance(said, Gathered) and said.candidate.type in (Type.HOST, Type.RELAYED):
            assert said.socket not in known
            known[said.socket] = said.candidate
        elif isinstance(said, Renewed):
            assert said.socket in known
            known[said.socket] = said.candidate or known[said.socket]
        elif isinstance(said, Lost):
            known.pop(said.socket, None)
    return known


@settings(max_examples=60)
@given(st.data(), st.sampled_from([(ASK, UDP), (TCP,), (TLS, ASK), (UDP, TCP, TLS)]))
def test_whatever_happens_nothing_raises_and_no_socket_outlives_its_owner(
    data: st.DataObject, urls: tuple[str, ...]
) -> None:
    world = World(*urls)
    world.ground.gather(0.0)
    world.run(data.draw(st.sampled_from([0.0, RTT, 1.0])))
    for step in data.draw(st.lists(st.sampled_from(WISHES + EVENTS), max_size=30)):
        if step in WISHES:
            wish(world, step, data)
        else:
            happen(world, step, data)
        assert bases(world) == {socket: world.ground.base(socket) for socket, _ in world.ground.candidates}
    world.ground.close(world.now)
    world.run(0.0)
    assert sorted(world.closed) == [each.socket for each in world.ever]
    assert (world.open, world.ground.deadline, world.ground.candidates) == ({}, None, [])


@settings(max_examples=40)
@given(st.data(), st.booleans())
def test_no_allocation_outlives_its_owner(data: st.DataObject, mobile: bool) -> None:
    """Where nothing is lost on the way, a server has none left that was not given back."""
    world = World(UDP, TCP, TLS)
    relay_server(world).mobile = mobile
    world.gather()
    for step in data.draw(st.lists(st.sampled_from(WISHES), max_size=15)):
        wish(world, step, data)
    world.run(5.0)
    relayed = {candidate.endpoint for candidate in gathered(world) if candidate.type is Type.RELAYED}
    assert {each.relayed for each in relay_server(world).allocations.values()} == relayed
    world.ground.close(world.now)
    world.run(1.0)
    assert relay_server(world).allocations == {}


@pytest.mark.lab
@pytest.mark.anyio
async def test_with_coturn_relays_of_each_transport_stand_and_move_to_another_address() -> None:
    here, away, there = "198.51.100.10", "198.51.100.11", "198.51.100.5"
    made = coturn.Settings((there,), {"robot": "secret"}, options=("mobility",))
    issued = certificate.issue(there)
    async with lan(server=f"{there}/24", robot=f"{here}/24") as hosts:
        running = await coturn.start(hosts["server"], made, issued)
        urls = [f"stun:{there}", f"turn:{there}", f"turn:{there}?transport=tcp", f"turns:{there}"]
        ground = Ground(Settings(), servers(*urls))
        driver = Driver(hosts["robot"], ground, ssl.create_default_context(cadata=issued.authority))

        def relays() -> dict[Socket, Endpoint]:
            return {name: each.endpoint for name, each in ground.candidates if each.type is Type.RELAYED}

        async def pass_between_all() -> None:
            for one, at in relays().items():
                for other, there in relays().items():
                    data = secrets.token_bytes(9)
                    ground.transmit(data, Path(one, there), clock.monotonic())
                    assert await driver.until(lambda: (data, Path(other, at)) in driver.got)  # noqa: B023

        ground.set_addresses([Address(here)], clock.monotonic())
        ground.gather(clock.monotonic())
        assert await driver.until(lambda: not ground.gathering)
        before = relays()
        assert len(before) == 3
        for endpoint in before.values():
            ground.welcome(endpoint, clock.monotonic())
        await pass_between_all()
        driver.told.clear()
        for name in before:
            ground.silent(name, clock.monotonic())
        await pass_between_all()  # the answers came before: nothing has moved
        assert driver.told == []
        lines = f"address delete {here}/24 dev eth0\naddress add {away}/24 dev eth0\n"
        (await hosts["robot"].run(["ip", "-batch", "-"], given=lines)).checked()
        ground.set_addresses([Address(away)], clock.monotonic())
        said = driver.told
        assert await driver.until(lambda: set(before) == {each.socket for each in said if isinstance(each, Renewed)})
        after = relays()
        assert [name for name in before if after[name] == before[name]] == [min(before)]  # UDP, with its ticket
        for endpoint in after.values():
            ground.welcome(endpoint, clock.monotonic())
        await pass_between_all()
        ground.close(clock.monotonic())
        assert await driver.until(lambda: True)
        assert ground.candidates == []
        await running.stop()
