from __future__ import annotations

from typing import Any

import pytest

from landfast.model.facts import Endpoint
from landfast.session.ice.events import Path, ServerRefused, ServerUnanswered, Transport
from landfast.session.ice.ground import Gathered, GatheringDone, Lost, Renewed
from landfast.wire.turn import Code
from landfast.wire.turn.messages import Method, parse
from tests.session.ice.ground.nodes import Relays
from tests.session.ice.ground.relaying import SETTINGS, passes, relayed, renewed, standing
from tests.session.ice.ground.world import HERE, PEER, RTT, TCP, TLS, TURN, UDP, World
from tests.wire.turn.server import arrived

ALL = (UDP, TCP, TLS)
AWAY = "10.0.0.9"


@pytest.mark.parametrize("url", ALL)
def test_data_passes_by_a_relay_unwrapped_under_its_name(url: str) -> None:
    world, relays, name = standing(url)
    ((_, candidate),) = world.ground.candidates
    assert candidate.relay == {UDP: "udp", TCP: "tcp", TLS: "tls"}[url]
    assert world.ground.base(name) == candidate
    assert passes(world, relays)


@pytest.mark.parametrize("early", [True, False])
def test_a_peer_is_welcomed_before_and_after_the_allocation_stands(early: bool) -> None:
    relays = Relays()
    world = World(UDP, settings=SETTINGS, nodes={TURN: relays})
    if early:
        world.ground.welcome(PEER, 0.0)
        world.gather()
    else:
        world.gather()
        world.ground.welcome(PEER, world.now)
    world.run(3 * RTT)
    (allocation,) = relays.allocations.values()
    assert allocation.peers == {PEER[0]}
    assert list(allocation.channels.values()) == [PEER]


def test_the_first_packet_behind_a_welcome_already_passes() -> None:
    world, relays, name = standing()
    world.ground.welcome(PEER, world.now)
    world.ground.transmit(b"check", Path(name, PEER), world.now)
    world.run(RTT)
    assert relays.relayed == [(PEER, b"check")]


def test_a_peer_of_another_family_or_with_a_name_is_not_asked_for() -> None:
    world, relays, _ = standing()
    for remote in (("2001:db8::7", 7000), ("peer.local", 7000), (PEER[0], 0)):
        world.ground.welcome(remote, world.now)
        world.ground.forget(remote)
    world.run(1.0)
    (allocation,) = relays.allocations.values()
    assert allocation.peers == set()


def test_a_permission_is_refreshed_while_it_is_wanted_and_not_after() -> None:
    world, relays, _ = standing()
    world.ground.welcome(PEER, world.now)
    asked = relays.asked
    world.run(900.0)
    assert [method for _, method in asked].count(Method.CREATE_PERMISSION) == 4
    world.ground.forget(PEER)
    world.run(900.0)
    assert [method for _, method in asked].count(Method.CREATE_PERMISSION) == 4
    assert world.run(0.0) == []


def test_silence_of_a_mobile_relay_moves_it_and_its_address_stays() -> None:
    world, relays, name = standing(mobile=True)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    before = relayed(world)
    world.rebind()
    world.ground.silent(name, world.now)
    assert world.run(2 * RTT) == [Renewed(name, None)]  # the second: the nonce of another 5-tuple
    assert relayed(world) == before
    assert passes(world, relays)
    assert len(world.ever) == 1


def test_silence_of_another_relay_allocates_anew_on_the_same_socket() -> None:
    world, relays, name = standing()
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    before = relayed(world)
    world.rebind()
    world.ground.silent(name, world.now)
    told = world.run(2 * RTT)
    ((_, candidate),) = world.ground.candidates
    assert [said.candidate for said in renewed(told)] == [candidate]
    assert candidate.endpoint != before
    assert passes(world, relays)
    assert len(world.ever) == 1


@pytest.mark.parametrize("mobile", [True, False])
def test_a_peer_that_is_new_after_the_nat_has_changed_our_address_passes_before_anybody_doubts_the_relay(
    mobile: bool,
) -> None:
    world, relays, _ = standing(mobile=mobile, misplaced=400)
    before = relayed(world)
    world.rebind()
    world.ground.welcome(PEER, world.now)
    told = world.run(6 * RTT)  # a stale nonce and 400; an address; the peer again
    assert [type(said) for said in told] == [Renewed]
    assert (relayed(world) == before) is mobile
    assert passes(world, relays)


def test_a_server_that_forbids_mobility_is_asked_for_it_once() -> None:
    world, relays, name = standing(forbids=True)
    assert len(relays.asked) == 3  # the nonce, the ticket that is forbidden, and without it
    for repair in (lambda: world.ground.silent(name, world.now), lambda: world.set_addresses(AWAY)):
        relays.asked.clear()
        world.rebind()
        repair()
        world.run(1.0)
        assert [method for _, method in relays.asked].count(Method.ALLOCATE) == 2
        assert passes(world, relays)


@pytest.mark.parametrize("mobile", [True, False])
def test_437_means_that_nothing_has_moved(mobile: bool) -> None:
    world, relays, name = standing(mobile=mobile)
    before = relayed(world)
    world.ground.silent(name, world.now)
    assert world.run(1.0) == []
    assert relayed(world) == before
    assert passes(world, relays)
    relays.silent = True
    relays.heard.clear()
    world.ground.welcome(("203.0.113.78", 1), world.now)
    world.run(6.0)
    assert len(relays.heard) <= 2 * 7  # in no hurry any more


def test_a_ticket_that_was_not_needed_is_kept() -> None:
    world, _, name = standing(mobile=True)
    world.ground.silent(name, world.now)
    world.run(1.0)
    for _ in range(2):
        world.rebind()
        world.ground.silent(name, world.now)
        assert world.run(1.0) == [Renewed(name, None)]
    world.ground.silent(name, world.now)
    world.run(1.0)
    world.set_addresses(AWAY)
    assert world.run(1.0) == [Renewed(name, None)]


def test_a_socket_that_is_no_relay_is_not_asked_about() -> None:
    world = World(UDP)
    world.gather()
    before = len(world.ever)
    world.ground.silent(1, world.now)
    world.ground.silent(77, world.now)
    assert world.run(1.0) == []
    assert len(world.ever) == before


def test_a_ticket_that_is_none_any_more_is_followed_by_a_new_allocation() -> None:
    world, relays, name = standing(mobile=True)
    relays.expire()
    world.rebind()
    world.ground.silent(name, world.now)
    (said,) = renewed(world.run(1.0))
    assert isinstance(said, Renewed)
    assert said.candidate
    assert passes(world, relays)


def test_an_allocation_that_a_server_forgot_is_made_anew_on_the_same_socket() -> None:
    world, relays, _ = standing()
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    relays.expire()
    world.ground.welcome(("203.0.113.78", 1), world.now)  # whose permission is refused with 437
    told = world.run(1.0)
    assert [said.candidate is not None for said in renewed(told)] == [True]
    assert passes(world, relays)
    assert len(world.ever) == 1


@pytest.mark.parametrize("url", [TCP, TLS])
def test_a_stream_that_does_not_answer_is_replaced_under_the_same_name(url: str) -> None:
    world, relays, name = standing(url, mobile=True)
    before = relayed(world)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.rebind()
    world.ground.silent(name, world.now)
    began = world.now
    while not renewed(world.since(0)):
        world.step()
    assert world.now - began < 0.4  # of 0.5 s for everything
    assert relayed(world) != before
    said = [message.lifetime for socket, data in world.sent if socket == name and (message := parse(data))]
    assert said[-1] == 0  # the old one is given back, should its server still hear it
    assert passes(world, relays)
    world.run(3.0)
    assert len(world.open) == 1


@pytest.mark.parametrize("url", [TCP, TLS])
def test_a_stream_far_away_that_is_asked_all_the_time_is_late_all_the_same(url: str) -> None:
    world, relays, name = standing(url)
    world.ground._relays[0]._standing.client.round_trip.doubted(0.75)  # type: ignore[union-attr]
    world.rebind()
    for _ in range(25):
        world.ground.silent(name, world.now)
        world.run(0.1)
    assert renewed(world.since(0))
    assert passes(world, relays)


@pytest.mark.parametrize("url", [TCP, TLS])
def test_a_stream_that_answers_is_left_as_it_is(url: str) -> None:
    world, relays, name = standing(url)
    for _ in range(100):
        world.ground.silent(name, world.now)
        world.run(0.1)
    assert len(world.ever) == 1
    assert passes(world, relays)


def test_a_stream_that_answers_late_is_kept_and_the_one_beside_it_is_closed() -> None:
    world, relays, name = standing(TLS)
    world.path = False
    world.stuck = {Transport.TLS}
    world.ground.silent(name, world.now)
    world.run(0.5)
    assert len(world.open) == 2
    world.path = True
    world.ground.receive(arrived(PEER, b"after all"), Path(name, TURN), world.now)
    world.run(0.1)
    assert list(world.open) == [name]
    assert passes(world, relays)


def test_a_stream_that_only_brings_since_the_addresses_have_changed_is_replaced() -> None:
    world, relays, name = standing(TCP)
    before = relayed(world)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.mute = {name}
    world.set_addresses(HERE, AWAY)
    for _ in range(15):
        world.ground.silent(name, world.now)
        world.from_peer(b"still here", before)
        world.run(0.1)
    assert relayed(world) != before
    assert passes(world, relays)


@pytest.mark.parametrize("heard", [True, False])
def test_a_stream_that_is_heard_after_the_addresses_have_changed_is_left_as_it_is(heard: bool) -> None:
    """However late what it brings, if the server has answered what was asked since."""
    world, relays, name = standing(TCP)
    world.set_addresses(HERE, AWAY)
    world.ground.silent(name, world.now)
    world.run(1.0 if heard else 0.0)
    world.path = False
    world.stuck = {Transport.TCP}
    world.run(1.0)
    world.ground.silent(name, world.now)
    world.run(0.6)
    assert len(world.open) == 2
    world.path = True
    world.ground.receive(arrived(PEER, b"after all"), Path(name, TURN), world.now)
    world.run(0.1)
    assert len(world.open) == (1 if heard else 2)
    assert passes(world, relays)


@pytest.mark.parametrize("url", ALL)
@pytest.mark.parametrize("mobile", [True, False])
@pytest.mark.parametrize("asked", ["silent", "addresses", "nobody"])
def test_a_broken_line_is_lost_and_comes_back_under_another_name(url: str, mobile: bool, asked: str) -> None:
    world, relays, name = standing(url, mobile=mobile)
    before = relayed(world)
    assert world.break_line(name) == [Lost(name, "reset")]
    assert world.ground.candidates == []
    assert world.ground.base(name) is None
    world.ground.transmit(b"no", Path(name, PEER), world.now)
    if asked == "silent":
        world.ground.silent(name, world.now)
    elif asked == "addresses":
        world.set_addresses(HERE, AWAY)
    told = world.run(1.5)
    ((new, candidate),) = world.ground.candidates
    assert told == [Gathered(new, candidate)]
    assert new != name
    assert (candidate.endpoint == before) is (mobile and url == UDP)
    assert passes(world, relays)


@pytest.mark.parametrize("url", ALL)
@pytest.mark.parametrize("mobile", [True, False])
def test_when_its_address_is_gone_a_relay_goes_on_from_another_one(url: str, mobile: bool) -> None:
    world, relays, name = standing(url, mobile=mobile)
    before = relayed(world)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.set_addresses(AWAY)
    told = world.run(0.5)
    (said,) = renewed(told)
    moved = mobile and url == UDP
    assert (said.socket, said.candidate is None) == (name, moved)
    assert (relayed(world) == before) is moved
    assert passes(world, relays)
    assert world.closed == [name]


def test_silence_after_the_addresses_have_changed_moves_a_mobile_relay_to_another_socket_once() -> None:
    """A first uplink is back, and packets of a socket with the second one's address leave by it: no answer finds it."""
    world, relays, name = standing(mobile=True)
    before = relayed(world)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.set_addresses(HERE, AWAY)
    world.run(1.0)
    assert len(world.ever) == 1  # what is heard stays
    world.ground.silent(name, world.now)
    assert world.run(2 * RTT) == [Renewed(name, None)]
    assert (len(world.ever), world.closed) == (2, [name])
    assert relayed(world) == before
    assert passes(world, relays)
    world.run(2.0)
    world.ground.silent(name, world.now)
    world.run(2 * RTT)
    assert len(world.ever) == 2


def test_without_a_ticket_that_waits_until_the_server_does_not_answer_and_leads_from_another_address() -> None:
    world, relays, name = standing()
    before = relayed(world)
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    world.misled = {name}
    world.set_addresses(AWAY, HERE)
    told = []
    for tenth in range(15):
        assert len(world.ever) == (1 if tenth <= 10 else 2)
        world.ground.silent(name, world.now)
        told += world.run(0.1)
    (said,) = renewed(told)
    assert (said.socket, relayed(world) != before) == (name, True)
    assert passes(world, relays)
    world.run(3.0)
    assert world.closed == [name]


def test_without_a_ticket_a_relay_stays_on_its_socket_while_the_routes_give_the_same_address() -> None:
    world, relays, name = standing()
    before = relayed(world)
    world.set_addresses(HERE, AWAY)
    world.path = False
    for _ in range(50):
        world.ground.silent(name, world.now)
        world.run(0.1)
    assert (len(world.ever), list(world.open)) == (2, [name])
    world.path = True
    assert renewed(world.run(SETTINGS.knock + 2.5 * RTT)) == [Renewed(name, None)]
    assert relayed(world) == before
    assert passes(world, relays)


@pytest.mark.parametrize("url", ALL)
def test_what_is_asked_by_a_socket_that_is_older_than_the_addresses_begins_again_if_no_answer_comes(url: str) -> None:
    """A first uplink is back a moment after the relay has gone to the second: what it asks there is lost."""
    world, relays, _ = standing(url)
    before = relayed(world)
    relays.silent = True
    world.set_addresses(AWAY)
    world.run(3 * RTT)
    (second,) = world.open
    world.misled = {second}
    relays.silent = False
    world.set_addresses(HERE, AWAY)
    told = world.run(SETTINGS.repair + 6 * RTT)
    assert renewed(told)
    assert relayed(world) != before
    assert passes(world, relays)
    assert len(world.ever) == 3


@pytest.mark.parametrize("url", ALL)
def test_what_is_answered_step_by_step_goes_on_when_the_addresses_change(url: str) -> None:
    world, relays, _ = standing(url)
    world.set_addresses(AWAY)
    world.run(RTT / 2)
    world.set_addresses(AWAY, HERE)
    world.run(SETTINGS.repair + 6 * RTT)
    assert passes(world, relays)
    assert len(world.ever) == 2


@pytest.mark.parametrize("mobile", [True, False])
def test_without_any_address_a_relay_waits_for_one(mobile: bool) -> None:
    world, relays, name = standing(mobile=mobile)
    told = world.set_addresses()
    assert told == ([] if mobile else [Lost(name, "its address is gone")])
    assert world.closed == [name]
    assert world.run(20.0) == []
    world.set_addresses(AWAY)
    told = world.run(1.0)
    assert isinstance(told[0], Renewed if mobile else Gathered)
    assert passes(world, relays)


@pytest.mark.parametrize("lost", ["address", "line"])
def test_an_allocation_that_can_be_moved_needs_no_room_on_its_server(lost: str) -> None:
    world, relays, name = standing(mobile=True)
    before = relayed(world)
    relays.refuses = {Method.ALLOCATE: Code.QUOTA_REACHED}
    world.gather(fresh=True)
    if lost == "address":
        world.set_addresses()
        world.set_addresses(AWAY)
    else:
        world.break_line(name)
    world.run(3.0)
    assert relayed(world) == before
    assert passes(world, relays)


def test_a_relay_that_waits_too_long_for_an_address_is_lost() -> None:
    world, _, name = standing(mobile=True)
    world.set_addresses()
    assert world.run(700.0)[0] == Lost(name, "its lifetime is over")


def test_a_replaced_relay_is_another_socket_and_allocation_without_the_ticket() -> None:
    world, relays, name = standing(mobile=True)
    world.ground.welcome(PEER, world.now)
    other = world.ground.replace(name, world.now)
    assert other
    told = world.run(1.0)
    assert [said.socket for said in told if isinstance(said, Gathered)] == [other]
    assert len(relays.allocations) == 2
    (first, second) = relays.allocations.values()
    assert first.relayed != second.relayed
    assert second.peers == {PEER[0]}
    world.ground.drop(name, world.now)
    world.run(1.0)
    assert [each.relayed for each in relays.allocations.values()] == [second.relayed]
    assert world.closed == [name]


def test_a_replacement_that_fails_is_told_to_be_lost() -> None:
    world, relays, name = standing()
    relays.refuses = {Method.ALLOCATE: 403}
    other = world.ground.replace(name, world.now)
    assert other
    assert world.run(1.0) == [ServerRefused(UDP, 403, "because"), Lost(other, "because")]


@pytest.mark.parametrize("url", ALL)
def test_another_server_is_asked_once_when_the_first_names_it(url: str) -> None:
    other: Endpoint = ("198.51.100.6", 3478)
    nodes: dict[Endpoint, Any] = {TURN: Relays(alternate=other), other: Relays()}
    world = World(url, settings=SETTINGS, nodes=nodes)
    told = world.gather()
    assert isinstance(told[0], Gathered)
    assert [each.remote for each in world.ever] == [TURN, other]
    world.ground.welcome(PEER, world.now)
    world.run(1.0)
    assert world.closed == [1]


def test_two_servers_that_name_each_other_are_asked_once_each() -> None:
    other: Endpoint = ("198.51.100.6", 3478)
    world = World(UDP, settings=SETTINGS, nodes={TURN: Relays(alternate=other), other: Relays(alternate=TURN)})
    told = world.gather() + world.run(100.0)
    assert told == [ServerRefused(UDP, 300, "because"), GatheringDone()]
    assert len(world.ever) == len(world.closed) == 2


def test_of_a_server_with_two_addresses_the_second_is_tried_when_the_first_is_silent() -> None:
    dead: Endpoint = ("198.51.100.4", 3478)
    nodes: dict[Endpoint, Any] = {TURN: Relays(), dead: Relays(silent=True)}
    names: dict[str, list[str] | None] = {"two.example": [dead[0], TURN[0]]}
    world = World("turn:two.example", settings=SETTINGS, nodes=nodes, names=names)
    told = world.gather()
    assert isinstance(told[0], Gathered)
    assert [each.remote for each in world.ever] == [dead, TURN]
    world.run(5.0)
    assert world.closed == [1]


def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    world = World(TLS, settings=SETTINGS)
    world.stuck = {Transport.TLS}
    world.gather()
    assert world.run(20.0) == [ServerUnanswered(TLS, "no connection")]
    assert world.closed == [1]


def test_a_stream_of_something_else_is_no_relay() -> None:
    world, _, name = standing(TCP)
    world.refused = {Transport.TCP: "refused"}
    world.ground.receive(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Path(name, TURN), world.now)
    assert world.run(0.1) == [Lost(name, "it speaks something else than TURN")]


def test_a_datagram_of_somebody_else_is_nothing_to_a_relay() -> None:
    world, relays, name = standing()
    assert passes(world, relays)
    data = b"\x40\x00\x00\x01x"  # by the channel of PEER
    assert world.ground.receive(data, Path(name, PEER), world.now) == []
    assert world.ground.receive(data, Path(name, TURN), world.now) == [(b"x", Path(name, PEER))]


def test_what_a_relay_cannot_carry_is_dropped() -> None:
    world, relays, name = standing()
    for data, remote in ((bytes(70000), PEER), (b"x", ("peer.local", 5))):
        world.ground.transmit(data, Path(name, remote), world.now)
    assert passes(world, relays)


def test_an_allocation_that_expires_unheard_is_lost_and_tried_again() -> None:
    world, relays, name = standing()
    world.path = False
    told = world.run(700.0)
    assert told[0] == Lost(name, "its lifetime is over")
    world.path = True
    told = world.run(100.0)
    assert isinstance(told[-1], Gathered)
    assert passes(world, relays)


@pytest.mark.parametrize("url", ALL)
def test_a_relay_at_rest_keeps_its_binding_over_udp_at_the_price_of_a_packet_in_ten_seconds(url: str) -> None:
    world, relays, name = standing(url)
    world.run(1.0)
    relays.heard.clear()
    world.run(100.0)
    assert len(relays.heard) == (10 if url == UDP else 0)
    assert not relays.asked[2:]  # nothing that has to be answered
    assert passes(world, relays)
    relays.heard.clear()
    for _ in range(100):
        world.ground.transmit(b"data", Path(name, PEER), world.now)
        world.run(1.0)
    assert len(relays.heard) == 100
