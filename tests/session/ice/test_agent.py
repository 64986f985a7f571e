from __future__ import annotations

from dataclasses import replace

import pytest

from landfast.model.facts import Endpoint
from landfast.session.ice import events
from landfast.session.ice.candidate import Candidate, Type
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Path, Socket, Why
from landfast.session.ice.ground import Address
from landfast.session.ice.machine import State
from landfast.session.ice.settings import Settings
from landfast.wire import ice
from tests.session.ice.world import CONNECTED, Nat, World, checks, is_data, pair_of

# Connecting.


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("nat", [True, False])
def test_two_agents_connect_and_data_flows(controlling: bool, nat: bool) -> None:
    world = World()
    a, b = pair_of(world, controlling=controlling, nat=nat)
    world.start()
    world.run(1)
    assert a.states == b.states == CONNECTED
    assert (a.agent.controlling, b.agent.controlling) == (controlling, not controlling)
    world.talk(1)
    world.run(2)
    assert len(a.received) == len(b.received) == 50


def test_the_first_answer_lets_data_flow_before_a_nomination() -> None:
    world = World()
    a, _ = pair_of(world)
    world.start()
    while not a.agent.may_send(world.now):
        world.run(0.01)
    assert a.moves == [Why.ANSWERED]
    assert world.now - 100 < 0.1  # one trip of signalling, and one of the check


def test_the_role_may_be_chosen_after_the_credentials_were_told() -> None:
    world = World()
    a, b = pair_of(world)
    told = a.agent.local
    a.agent.controlling, b.agent.controlling = False, True
    assert a.agent.local == told
    world.start()
    world.run(1)
    assert a.states == b.states == CONNECTED
    assert (a.agent.controlling, b.agent.controlling) == (False, True)


@pytest.mark.parametrize("hears", [True, False])
def test_a_first_connection_in_vain_costs_what_an_outage_may_and_every_pair_has_its_turn(hears: bool) -> None:
    """Twenty checks a second, which the pace allows, are more than 60 kB in half a minute."""
    world = World()
    a = world.end([f"192.0.2.{number}" for number in range(1, 6)], controlling=True)
    b = world.end([f"203.0.113.{number}" for number in range(1, 7)], controlling=False)
    theirs = set(b.addresses)
    world.passes = lambda source, _target, _data: hears and source[0] in theirs
    world.start()
    world.run(60)
    sent = [(when, len(data) + 28) for when, _, _, data in a.sent]
    assert sum(size for _, size in sent) < 60_000
    assert sum(when < 104 for when, _ in sent) >= 75  # at first they are as quick as the check list
    late = [(socket, remote) for when, socket, remote, _ in a.sent if when >= 120]
    assert len(set(late)) == 30
    assert max(map(late.count, late)) <= 2 * min(map(late.count, late)) or hears


def test_gathering_twice_tells_every_candidate_once() -> None:
    world = World()
    a, _ = pair_of(world)
    world.start()
    a.agent.gather(world.now)
    world.run(1)
    assert len(a.told(events.CandidateGathered)) == 1
    assert len(a.told(events.GatheringDone)) == 1


@pytest.mark.parametrize("both", [True, False])
def test_a_conflict_of_roles_is_resolved(both: bool) -> None:
    world = World(seed=3)
    a = world.end("10.0.0.1", controlling=both, nat=Nat("192.0.2.1"))
    b = world.end("203.0.113.9", controlling=both)
    world.start()
    world.run(2)
    assert a.states == b.states == CONNECTED
    assert a.agent.controlling is not b.agent.controlling
    assert len(a.told(events.RoleChanged)) + len(b.told(events.RoleChanged)) == 1


def test_a_lite_peer_is_controlled_and_nominated() -> None:
    """It answers, and never asks."""
    world = World()
    a, b = pair_of(world, controlling=False)
    world.start(lite=b)
    world.passes = lambda source, _target, data: (
        not (source[0] == "203.0.113.9" and isinstance(ice.parse(data), ice.Check))
    )
    world.run(1)
    assert a.states == CONNECTED
    assert a.agent.controlling
    assert any(check.use_candidate for _, _, check in checks(a))


def test_a_check_that_overtakes_the_description_is_answered_and_asked_back_later() -> None:
    world = World()
    a, b = pair_of(world)
    for end in (a, b):
        end.agent.set_addresses([Address(each) for each in end.addresses], world.now)
        end.agent.gather(world.now)
    a.agent.set_remote(b.agent.local, world.now)
    world.signal()
    world.run(0.3)
    assert a.agent.may_send(world.now)
    assert checks(b) == []
    b.agent.set_remote(a.agent.local, world.now)
    world.run(0.1)
    assert b.agent.may_send(world.now)


def test_candidates_find_their_generation_by_their_fragment() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    early = Candidate(Type.HOST, ("203.0.113.50", 7), 5, "1", ufrag="late")
    a.agent.add_remote_candidate(early, world.now)
    assert early not in a.agent.remote_candidates
    world.run(1)
    known = b.agent.local.ufrag
    a.agent.restart(world.now)
    a.agent.add_remote_candidate(replace(early, ufrag=known), world.now)
    assert a.agent.remote_candidates == []  # it belongs to the old one
    a.agent.set_remote(Credentials("late", "x" * 22), world.now)
    assert a.agent.remote_candidates == [early]


def test_names_and_tcp_do_no_harm() -> None:
    world = World()
    a, _ = pair_of(world)
    world.start()
    for odd in (
        Candidate(Type.HOST, ("1f4712db-ea17-4bcf-a596-105139dfd8bf.local", 7), 5, "1"),
        Candidate(Type.HOST, ("203.0.113.9", 9), 5, "1", transport="tcp", tcp_type="active"),
        Candidate(Type.HOST, ("2001:db8::1", 9), 5, "1"),
    ):
        a.agent.add_remote_candidate(odd, world.now)
        assert odd in a.agent.remote_candidates
    world.run(1)
    assert a.states == CONNECTED


@pytest.mark.parametrize("named", [True, False])
def test_without_any_path_it_fails_and_a_late_check_or_candidate_brings_it_back(named: bool) -> None:
    world = World()
    a, b = pair_of(world)
    world.cut(100)
    world.start()
    world.run(35)
    assert a.states == b.states == ["checking", "failed"]
    asked = len(checks(a))
    world.run(65)
    assert len(checks(a)) <= asked + 13
    if named:  # what comes now is tried at once
        b.agent.add_remote_candidate(Candidate(Type.HOST, ("192.0.2.200", 7), 5, "1"), world.now)
        a.agent.add_remote_candidate(Candidate(Type.HOST, ("203.0.113.200", 7), 5, "1"), world.now)
    world.run(1 if named else 5.1)
    assert a.states == b.states == ["checking", "failed", "connected", "completed"]


def test_with_heavy_loss_it_connects() -> None:
    for seed in range(10):
        world = World(seed=seed, loss=0.3)
        a, b = pair_of(world)
        world.start()
        world.run(12)
        assert a.states == b.states == CONNECTED, seed


# What is believed.


def test_a_check_without_our_password_is_not_answered() -> None:
    world = World()
    a, b = pair_of(world, nat=False)
    world.start()
    world.run(1)
    (socket,) = b.open
    forged = ice.check(
        bytes(12),
        to=b.agent.local.ufrag,
        by=a.agent.local.ufrag,
        password="x" * 22,
        priority=1,
        controlling=True,
        tie_breaker=1,
        use_candidate=True,
    )
    stranger = ("198.51.100.1", 7)
    b.agent.receive(forged, Path(socket, stranger), world.now)
    world.run(1)
    assert all(remote != stranger for _, _, remote, _ in b.sent)


def test_relays_let_in_whom_the_peer_has_proved_to_be_and_nobody_else() -> None:
    """A copied check from a thousand false sources must not cost a thousand permissions."""
    world = World()
    a, b = pair_of(world)
    welcomed: set[Endpoint] = set()
    ground = b.agent.ground
    welcome, forget = ground.welcome, ground.forget
    ground.welcome = lambda remote, now: (welcomed.add(remote), welcome(remote, now))[1]  # type: ignore[method-assign,func-returns-value]
    ground.forget = lambda remote: (welcomed.discard(remote), forget(remote))[1]  # type: ignore[method-assign,func-returns-value]
    world.start()
    world.run(1)
    _, _, remote, copy = next(each for each in a.sent if isinstance(ice.parse(each[3]), ice.Check))
    for number in range(1000):
        world.inject((f"198.51.100.{number % 250}", 1000 + number), remote, copy)
    world.run(5)
    assert a.agent.selected is not None
    assert welcomed == {("10.0.0.1", 50001), a.agent.selected.local.endpoint}
    assert a.nat is not None
    for number in range(40):
        a.nat.move(f"192.0.2.{number + 2}")
        world.talk(1)
        world.run(1.5)
    assert a.agent.selected.local.endpoint in welcomed
    assert len(welcomed) <= 2 + b.agent.settings.strangers


def test_an_answer_counts_only_from_where_it_was_asked_and_with_its_signature() -> None:
    world = World()
    a, b = pair_of(world, nat=False)
    world.passes = lambda _source, _target, data: isinstance(ice.parse(data), ice.Check)
    world.start()
    world.run(0.2)
    (_, remote, check), (socket,) = checks(a)[0], a.open
    for password, source in ((b.agent.local.password, ("198.51.100.1", 7)), ("x" * 22, remote)):
        a.agent.receive(ice.success(check, ("192.0.2.1", 1), password), Path(socket, source), world.now)
        assert not a.agent.may_send(world.now)
    a.agent.receive(ice.success(check, ("192.0.2.1", 1), b.agent.local.password), Path(socket, remote), world.now)
    assert a.agent.may_send(world.now)


def test_a_peer_that_takes_its_consent_back_gets_nothing_more() -> None:
    world = World()
    a, b = pair_of(world, nat=False)
    world.start()
    world.run(5)
    (_, remote, check), (socket,), pair = checks(a)[-1], a.open, a.agent.selected
    assert pair is not None
    world.cut(60)
    a.agent.handle_timer(world.now + 3)  # one more check, which the peer does not answer
    world.drain(a)
    (_, remote, check) = checks(a)[-1]
    for password in ("x" * 22, b.agent.local.password):
        assert a.agent.may_send(world.now)
        a.agent.receive(ice.refusal(check, ice.Code.FORBIDDEN, password), Path(socket, remote), world.now)
    assert not a.agent.may_send(world.now)
    assert pair.barred
    world.drain(a)
    assert len(a.told(events.ConsentRevoked)) == 1
    assert len(a.open) == 2


def test_where_consent_has_ended_nothing_but_a_refusal_is_sent() -> None:
    world = World()
    a, b = pair_of(world, nat=False)
    world.start()
    world.run(1)
    world.talk(50)
    old, (here,), (there,) = a.agent.selected, dict(a.open), b.open.values()
    world.cut(31)
    world.run(49)
    assert old is not None
    assert old.barred
    since = old.answered + 30
    sent = [
        ice.parse(data) for when, socket, remote, data in a.sent if when > since and (socket, remote) == (here, there)
    ]
    assert all(isinstance(read, ice.Answer) and read.code == ice.Code.FORBIDDEN for read in sent)
    assert a.agent.state is b.agent.state is State.COMPLETED


# Consent.


def test_consent_ends_thirty_seconds_after_the_last_answer_and_nothing_is_sent() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    world.talk(120)
    world.cut(60)
    world.run(50)
    assert a.states[-3:] == ["completed", "disconnected", "failed"]
    last = max(when for when, _, _, data in a.sent if is_data(data))
    pair = a.agent.stats(world.now).selected
    assert pair is not None
    assert pair.last_answer is not None
    assert last - pair.last_answer <= 30
    assert not b.agent.send(b"\x80", world.now)


def test_a_round_trip_of_700_ms_changes_nothing() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(1)
    world.talk(60)
    world.run(1)
    world.trip = 0.7
    before = len(checks(a))
    world.run(60)
    assert a.states == b.states == CONNECTED
    assert len(checks(a)) - before < 60


def test_one_lost_packet_in_five_changes_nothing() -> None:
    world = World(seed=5)
    a, b = pair_of(world)
    world.start()
    world.run(1)
    world.loss = 0.2
    world.talk(120, every=0.05)
    world.run(120)
    assert a.states == b.states == CONNECTED
    assert {*a.moves, *b.moves} <= {Why.ANSWERED, Why.NOMINATED}


def test_an_idle_session_costs_one_check_in_five_seconds_each() -> None:
    world = World()
    a, b = pair_of(world)
    world.start()
    world.run(40)
    before = len(checks(a)), len(checks(b))
    world.run(500)
    for end, was in zip((a, b), before, strict=True):
        assert 500 / 5.5 < len(checks(end)) - was < 500 / 4.5


def test_through_a_relay_that_hears_nobody_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    a, _ = pair_of(world, nat=False)
    world.start()
    world.run(2)
    monkeypatch.setattr(a.agent.ground, "is_deaf", lambda _socket, _now: True)
    before = len(checks(a))
    world.run(4)
    assert len(checks(a)) == before


def test_what_stands_in_after_consent_is_urgent_in_the_first_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    a, _ = pair_of(world, nat=False)
    world.start()
    world.talk(2)
    world.run(2)
    world.passes, began = lambda *_: False, world.now
    replace_socket, asked = a.agent.ground.replace, dict[float, bool]()

    def replaced(socket: Socket, now: float, *, urgent: bool = True) -> Socket | None:
        asked[now - began] = urgent
        return replace_socket(socket, now, urgent=urgent)

    monkeypatch.setattr(a.agent.ground, "replace", replaced)
    world.run(400)
    assert len(asked) > 30
    assert all(urgent is (since < 300) for since, urgent in asked.items())


def test_where_consent_ends_later_on_another_address_a_socket_there_is_replaced() -> None:
    """And when that address is gone, the newest of those that were taken before."""
    world, four, six = World(), "192.0.2.1", "2001:db8::1"
    a = world.end([four, six], controlling=True)
    world.end(["203.0.113.9", "2001:db8::9"], controlling=False)
    opened: list[str] = []

    def silence(*addresses: str) -> None:
        before, world.passes = set(a.open), lambda *_: False
        a.agent.set_addresses([Address(each) for each in addresses], world.now)
        world.run(45)
        opened[:] = {local[0] for socket, local in a.open.items() if socket not in before}

    world.start()
    world.run(2)
    silence(four, six)
    assert opened == [six]
    world.passes = lambda source, *_: ":" not in source[0]
    world.run(10)
    assert a.states[-1] == "completed"
    silence(four, six)
    assert opened == [four]
    a.addresses.remove(four)
    silence(six)
    assert opened == [six]


# The end.


def test_close_gives_everything_back_and_is_final() -> None:
    world = World()
    a, _ = pair_of(world)
    world.start()
    world.run(1)
    a.agent.close(world.now)
    a.agent.close(world.now)
    world.run(1)
    assert a.states[-1] == "closed"
    assert a.open == {}
    assert a.agent.deadline is None
    assert not a.agent.send(b"\x80", world.now)
    a.agent.restart(world.now)
    a.agent.gather(world.now)
    a.agent.receive(b"\x80", Path(1, ("203.0.113.9", 1)), world.now)
    world.run(100)
    assert a.states[-1] == "closed"


def test_relay_only_tells_no_address_of_this_host() -> None:
    world = World()
    a = world.end("192.0.2.1", controlling=True, settings=Settings(relay_only=True))
    world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(3)
    assert a.told(events.CandidateGathered) == []
    assert a.agent.local_candidates == []
    assert checks(a) == []
