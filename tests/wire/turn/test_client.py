from __future__ import annotations

import struct
from typing import Any

import pytest

from landfast.model.facts import Endpoint
from landfast.wire.stun import attribute
from landfast.wire.turn import (
    Allocated,
    Arrived,
    Ask,
    Bound,
    Code,
    Ended,
    Event,
    Moved,
    Permitted,
    Refreshed,
    Refused,
    State,
    Step,
    Unanswered,
)
from landfast.wire.turn.framing import channel_data
from landfast.wire.turn.messages import ALTERNATE_SERVER, REQUESTED_ADDRESS_FAMILY, Message, Method, parse
from tests.wire.turn.server import (
    MAPPED,
    PEER,
    REALM,
    RELAYED,
    Server,
    answer,
    arrived,
    client,
    out,
    standing,
    talk,
)

ALLOCATED = Allocated(RELAYED, MAPPED, 600, False)


def request(data: bytes) -> Message:
    read = parse(data)
    assert read is not None
    return read


def test_it_asks_again_with_the_nonce_and_then_the_allocation_stands() -> None:
    asking, server = client(), Server()
    asking.allocate(0.0)
    assert talk(asking, server, 0.2) == [ALLOCATED]
    assert [asked.challenge is None for asked in server.asked] == [True, False]
    assert (asking.state, asking.expires) == (State.STANDING, 600.2)  # since the second request was sent
    assert asking.round_trip.least == 0.0


def test_a_wrong_password_is_refused_after_two_requests() -> None:
    asking = client()
    asking.allocate(0.0)
    first, _ = out(asking)
    asking.receive(answer(request(first[0]), 401, key=None, REALM=REALM, NONCE=b"n"), 0.1)
    second, _ = out(asking)
    asking.receive(answer(request(second[0]), 401, key=None, REALM=REALM, NONCE=b"n"), 0.2)
    assert out(asking) == ([], [Refused(Ask.ALLOCATE, 401, "because", signed=False), Ended(Step.REFUSED)])


def test_a_server_with_another_nonce_each_time_is_asked_four_times() -> None:
    asking = client()
    asking.allocate(0.0)
    for number in range(3):
        (sent,), _ = out(asking)
        asking.receive(answer(request(sent), 438, key=None, REALM=REALM, NONCE=b"%d" % number), 0.1)
    (sent,), _ = out(asking)
    asking.receive(answer(request(sent), 438, key=None, REALM=REALM, NONCE=b"last"), 0.1)
    assert out(asking) == ([], [Refused(Ask.ALLOCATE, 438, "because", signed=False), Ended(Step.REFUSED)])


def test_a_stale_nonce_is_replaced_and_nobody_is_told() -> None:
    asking, server = standing()
    server.nonce = b"another"
    asking.permit(PEER, 1.0)
    assert talk(asking, server, 1.0) == [Permitted(PEER[0])]
    asking.bind(PEER, 2.0)
    server.asked.clear()
    assert talk(asking, server, 2.0) == [Bound(PEER)]
    assert len(server.asked) == 1  # the nonce is kept


@pytest.mark.parametrize("code", [code for code in Code if code not in (Code.UNAUTHENTICATED, Code.STALE_NONCE)])
def test_each_refusal_of_an_allocation_is_told_with_its_code(code: Code) -> None:
    asking = client()
    asking.allocate(0.0)
    assert talk(asking, Server(refuses={Method.ALLOCATE: code}), 0.1) == [
        Refused(Ask.ALLOCATE, code, "because"),
        Ended(Step.REFUSED),
    ]
    assert (asking.state, asking.deadline) == (State.ENDED, None)


def test_a_redirection_is_told_and_not_followed() -> None:
    asking = client()
    asking.allocate(0.0)
    (sent,), _ = out(asking)
    other = (ALTERNATE_SERVER, struct.pack("!BBH4B", 0, 1, 3479, 198, 51, 100, 7))
    asking.receive(answer(request(sent), 300, key=None, extra=(other,)), 0.1)
    refused = Refused(Ask.ALLOCATE, 300, "because", alternate=("198.51.100.7", 3479))
    assert out(asking) == ([], [refused, Ended(Step.REFUSED)])


def test_a_server_that_says_nothing_is_asked_as_the_rfc_says() -> None:
    asking = client()
    asking.allocate(0.0)
    sent, told = [0.0], []
    out(asking)
    while (now := asking.deadline) is not None:
        asking.handle_timer(now)
        packets, events = out(asking)
        sent += [now] * len(packets)
        told += [(now, event) for event in events]
    assert sent == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert told == [(39.5, Unanswered(Ask.ALLOCATE)), (39.5, Ended(Step.UNANSWERED))]


def test_in_a_hurry_a_server_is_asked_in_even_steps() -> None:
    asking = client()
    asking.longest = 0.2
    asking.allocate(0.0)
    out(asking)
    for step in range(1, 20):
        assert asking.deadline == pytest.approx(step * 0.2)
        asking.handle_timer(asking.deadline or 0.0)
        assert len(out(asking)[0]) == 1


def test_a_stream_repeats_nothing() -> None:
    asking = client(stream=True)
    asking.allocate(0.0)
    assert len(out(asking)[0]) == 1
    assert asking.deadline == 39.5
    asking.handle_timer(39.5)
    assert out(asking) == ([], [Unanswered(Ask.ALLOCATE), Ended(Step.UNANSWERED)])


def test_a_lost_request_is_repeated_by_the_measured_round_trip() -> None:
    asking, _ = standing(rto=3.0)  # answered in 10 ms
    asking.permit(PEER, 1.0)
    assert asking.deadline == pytest.approx(1.1)
    assert asking.round_trip.least == pytest.approx(0.0)


def test_a_round_trip_is_not_measured_from_a_repetition() -> None:
    asking = client()
    asking.allocate(0.0)
    (first,), _ = out(asking)
    asking.handle_timer(0.5)
    asking.receive(answer(request(first), 401, key=None, REALM=REALM, NONCE=b"n"), 0.51)
    assert asking.round_trip.least is None
    assert asking.round_trip.rto == pytest.approx(1.02)


def test_an_echo_tells_that_the_server_hears_us_and_nothing_of_the_round_trip() -> None:
    asking, server = standing(stream=True)
    before, trip = asking.answered, asking.round_trip.rto
    asking.echo(10.0)
    asking.echo(11.0)
    (first, second), _ = out(asking)
    assert request(first).method is Method.BINDING
    asking.receive(arrived(PEER, b"data"), 15.0)
    assert asking.answered == before < 10.0
    asking.receive(answer(request(second), key=None), 20.0)
    asking.receive(answer(request(first), 401, key=None, REALM=REALM, NONCE=b"n"), 21.0)  # that is an answer as well
    assert (asking.answered, asking.round_trip.rto, out(asking)) == (11.0, trip, ([], []))
    asking.permit(PEER, 30.0)
    assert talk(asking, server, 30.0) == [Permitted(PEER[0])]
    assert asking.answered == 30.0


def test_an_echo_that_does_not_come_changes_nothing_and_none_is_asked_for_without_an_allocation() -> None:
    asking, _ = standing(stream=True, lifetime=3600)
    asking.echo(10.0)
    out(asking)
    asking.handle_timer(49.5)
    assert out(asking) == ([], [Unanswered(Ask.ECHO)])
    assert asking.state is State.STANDING
    asking.lost()
    out(asking)
    asking.echo(50.0)
    assert out(asking) == ([], [])


def test_an_hour_of_refreshing_leaves_no_gap() -> None:
    """Every granted minute is asked for before it is over; nothing is asked for more often than it must be."""
    asking, server = standing()
    server.asked.clear()
    asking.bind(PEER, 1.0)
    told = talk(asking, server, 1.0)
    last = {Method.REFRESH: 0.01, Method.CREATE_PERMISSION: 1.0, Method.CHANNEL_BIND: 1.0}
    allowed = {Method.REFRESH: 600, Method.CREATE_PERMISSION: 300, Method.CHANNEL_BIND: 600}
    server.asked.clear()
    while (now := asking.deadline) is not None and now < 3600:
        asking.handle_timer(now)
        told += talk(asking, server, now)
        for asked in server.asked:
            assert now - last[asked.method] == pytest.approx(allowed[asked.method] - 60, abs=0.1)
            last[asked.method] = now
        server.asked.clear()
    assert told == [Permitted(PEER[0]), Bound(PEER), *[Refreshed(600)] * 6]
    assert min(last.values()) > 3000


def test_a_short_lifetime_is_refreshed_in_time() -> None:
    asking, _ = standing(Server(lifetime=20))
    assert asking.deadline == pytest.approx(15.01)


def test_a_refresh_that_nobody_answers_is_repeated_until_the_allocation_expires() -> None:
    asking, server = standing()
    server.silent.add(Method.REFRESH)
    told: list[tuple[float, Event]] = []
    while (now := asking.deadline) is not None:
        asking.handle_timer(now)
        told += [(now, event) for event in talk(asking, server, now)]
        if now < 600:
            assert asking.send(b"still", PEER, now)
    assert told[-1][0] == pytest.approx(600.01)
    assert told[-1][1] == Ended(Step.EXPIRED)
    assert {event for _, event in told[:-1]} == {Unanswered(Ask.REFRESH)}


def test_a_refused_refresh_is_tried_again_later_and_may_still_succeed() -> None:
    asking, server = standing()
    server.refuses[Method.REFRESH] = Code.INSUFFICIENT_CAPACITY
    asking.handle_timer(540.01)
    assert talk(asking, server, 540.01) == [Refused(Ask.REFRESH, 508, "because")]
    assert asking.deadline == pytest.approx(550.01)
    server.refuses.clear()
    asking.handle_timer(550.01)
    assert talk(asking, server, 550.01) == [Refreshed(600)]


@pytest.mark.parametrize("method", [Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND])
def test_where_the_server_knows_no_allocation_there_is_none(method: Method) -> None:
    asking, server = standing()
    server.refuses[method] = Code.ALLOCATION_MISMATCH
    asking.bind(PEER, 541.0)
    asking.handle_timer(541.0)
    told = talk(asking, server, 541.0)
    assert told[-1] == Ended(Step.GONE)
    assert not asking.send(b"", PEER, 541.0)


def test_a_peer_that_is_forbidden_is_told_and_not_asked_for_again() -> None:
    asking, server = standing()
    server.refuses = {Method.CREATE_PERMISSION: 403, Method.CHANNEL_BIND: 403}
    asking.bind(PEER, 1.0)
    told = talk(asking, server, 1.0)
    assert told == [Refused(ask, 403, "because", peer=PEER) for ask in (Ask.PERMIT, Ask.BIND)]
    assert asking.deadline == pytest.approx(540.01)
    assert asking.state is State.STANDING


def test_a_permission_that_cannot_be_had_now_is_asked_for_later() -> None:
    asking, server = standing()
    server.refuses = {Method.CREATE_PERMISSION: 508}
    asking.permit(PEER, 1.0)
    assert talk(asking, server, 1.0) == [Refused(Ask.PERMIT, 508, "because", peer=PEER)]
    server.refuses.clear()
    assert asking.deadline == 11.0
    asking.handle_timer(11.0)
    assert talk(asking, server, 11.0) == [Permitted(PEER[0])]


def test_an_error_without_a_signature_is_told_only_when_nothing_else_came() -> None:
    asking, _ = standing()
    asking.permit(PEER, 1.0)
    (sent,), _ = out(asking)
    asking.receive(answer(request(sent), 403, key=None), 1.1)
    assert out(asking) == ([], [])
    asking.receive(answer(request(sent)), 1.2)
    assert out(asking) == ([], [Permitted(PEER[0])])
    asking.permit(("198.51.100.77", 1), 2.0)
    (sent,), _ = out(asking)
    asking.receive(answer(request(sent), 403, key=None), 2.1)
    told: list[Event] = []
    while not told and asking.deadline is not None:
        asking.handle_timer(asking.deadline)
        told = out(asking)[1]
    assert told == [Refused(Ask.PERMIT, 403, "because", ("198.51.100.77", 1), signed=False)]


def test_a_success_without_the_right_signature_is_nothing() -> None:
    asking, _ = standing()
    asking.permit(PEER, 1.0)
    (sent,), _ = out(asking)
    for key in (None, b"another"):
        asking.receive(answer(request(sent), key=key), 1.1)
    assert out(asking) == ([], [])


def test_a_success_that_does_not_say_what_it_must_is_nothing() -> None:
    asking = client()
    asking.allocate(0.0)
    (sent,), _ = out(asking)
    asking.receive(answer(request(sent), key=None, LIFETIME=600), 0.1)
    asking.receive(answer(request(sent), key=None, XOR_RELAYED_ADDRESS=RELAYED), 0.1)
    assert out(asking) == ([], [])
    assert asking.state is State.ALLOCATING


def test_a_server_that_asks_for_no_credentials_gets_none() -> None:
    asking = client()
    asking.allocate(0.0)
    (sent,), _ = out(asking)
    addresses: dict[str, Any] = {"XOR_RELAYED_ADDRESS": RELAYED, "XOR_MAPPED_ADDRESS": MAPPED}
    asking.receive(answer(request(sent), key=None, LIFETIME=600, **addresses), 0.1)
    assert out(asking) == ([], [ALLOCATED])


def test_data_goes_by_indications_until_the_channel_stands_and_comes_by_both() -> None:
    asking, server = standing()
    asking.permit(PEER, 1.0)
    talk(asking, server, 1.0)
    assert asking.send(b"one", PEER, 1.0)
    ((first,), _) = out(asking)
    assert (request(first).peer, request(first).data) == (PEER, b"one")
    asking.bind(PEER, 2.0)
    talk(asking, server, 2.0)
    assert asking.send(b"two", PEER, 2.0)
    assert out(asking)[0] == [channel_data(0x4000, b"two")]
    asking.receive(arrived(PEER, b"three"), 3.0)
    asking.receive(channel_data(0x4000, b"four"), 3.0)
    asking.receive(arrived((PEER[0], 1), b"five"), 3.0)  # a permission is for an address
    assert out(asking)[1] == [Arrived(PEER, b"three"), Arrived(PEER, b"four"), Arrived((PEER[0], 1), b"five")]


def test_data_of_strangers_and_of_forgotten_peers_is_dropped() -> None:
    asking, server = standing()
    asking.receive(arrived(PEER, b"no"), 1.0)
    asking.receive(channel_data(0x4000, b"no"), 1.0)
    asking.bind(PEER, 1.0)
    talk(asking, server, 1.0)
    asking.forget(PEER)
    asking.receive(arrived(PEER, b"no"), 1.0)
    asking.receive(channel_data(0x4000, b"no"), 1.0)
    assert out(asking) == ([], [])
    assert asking.deadline == pytest.approx(540.01)


def test_what_is_forgotten_while_it_is_asked_for_is_asked_for_no_more() -> None:
    asking, _ = standing()
    asking.bind(PEER, 1.0)
    requests, _ = out(asking)
    asking.forget(PEER)
    assert asking.deadline == pytest.approx(540.01)
    for sent in requests:
        asking.receive(answer(request(sent)), 1.1)
    assert out(asking) == ([], [])


def test_what_is_granted_is_counted_from_when_it_was_asked_for() -> None:
    """The server's clock for it started somewhere between the request and its answer."""
    asking, server = standing()
    asking.permit(PEER, 1.0)
    talk(asking, server, 1.4)
    assert asking.deadline == 1.0 + 300 - 60


def test_the_family_of_the_relayed_address_is_asked_for_once() -> None:
    asking, server = client(family=6), Server()
    asking.allocate(0.0)
    (first,), _ = out(asking)
    assert attribute(first, REQUESTED_ADDRESS_FAMILY) == b"\x02\0\0\0"
    for said in server.answers(first):
        asking.receive(said, 0.1)
    talk(asking, server, 0.1)
    asking.close(0.2)
    (release,), _ = out(asking)
    assert attribute(release, REQUESTED_ADDRESS_FAMILY) is None


def test_data_before_the_allocation_stands_is_dropped() -> None:
    asking = client()
    asking.permit(PEER, 0.0)
    asking.allocate(0.0)
    out(asking)
    asking.receive(arrived(PEER, b"no"), 0.1)
    assert out(asking) == ([], [])


def test_what_is_wished_before_the_allocation_stands_is_asked_for_as_soon_as_it_does() -> None:
    asking, server = client(), Server()
    asking.permit(PEER, 0.0)
    asking.allocate(0.0)
    assert not asking.send(b"early", PEER, 0.0)
    assert talk(asking, server, 0.1) == [ALLOCATED, Permitted(PEER[0])]


@pytest.mark.parametrize("peer", [("robot.local", 5), ("198.51.100.9", 65536)])
def test_what_is_no_address_is_refused_at_once(peer: Endpoint) -> None:
    asking, _ = standing()
    for verb in (asking.permit, asking.bind):
        with pytest.raises(ValueError, match=r"."):
            verb(peer, 1.0)
    with pytest.raises(ValueError, match=r"."):
        asking.send(b"", peer, 1.0)
    with pytest.raises(ValueError, match="65001"):
        asking.send(bytes(65001), PEER, 1.0)
    assert out(asking) == ([], [])


def test_close_gives_the_allocation_back_and_nothing_follows() -> None:
    asking, server = standing()
    asking.bind(PEER, 1.0)
    talk(asking, server, 1.0)
    asking.close(2.0)
    assert asking.state is State.CLOSING
    assert not asking.send(b"late", PEER, 2.0)
    asking.permit(PEER, 2.0)
    assert talk(asking, server, 2.0) == [Ended(Step.RELEASED)]
    assert server.asked[-1].lifetime == 0
    asking.permit(PEER, 3.0)
    assert list(asking._wishes) == []
    asking.close(3.0)
    asking.allocate(3.0)
    asking.handle_timer(1e6)
    assert out(asking) == ([], [])
    assert asking.deadline is None


def test_close_before_the_answer_releases_what_may_have_been_granted() -> None:
    asking, server = client(), Server(refuses={Method.REFRESH: Code.ALLOCATION_MISMATCH})
    asking.allocate(0.0)
    out(asking)
    asking.close(0.01)
    assert talk(asking, server, 0.1)[-1] == Ended(Step.RELEASED)
    assert [asked.method for asked in server.asked] == [Method.REFRESH] * 2
    unused = client()
    unused.close(0.0)
    assert out(unused) == ([], [Ended(Step.CLOSE)])


def test_a_release_that_nobody_answers_ends_all_the_same() -> None:
    asking, server = standing()
    server.silent.add(Method.REFRESH)
    asking.close(1.0)
    told: list[Event] = []
    while (now := asking.deadline) is not None:
        asking.handle_timer(now)
        told += talk(asking, server, now)
    assert told == [Unanswered(Ask.RELEASE), Ended(Step.UNANSWERED)]


def test_an_allocation_moves_with_its_ticket_and_keeps_what_it_has() -> None:
    asking, server = standing(Server(ticket=b"first"), mobile=True)
    asking.bind(PEER, 1.0)
    talk(asking, server, 1.0)
    server.ticket, server.nonce = b"second", b"of the new 5-tuple"
    assert asking.move(2.0)
    assert asking.send(b"already", PEER, 2.0)
    assert talk(asking, server, 2.0) == [Moved(600)]
    assert server.asked[-1].ticket == b"first"
    assert asking.move(3.0)
    talk(asking, server, 3.0)
    assert server.asked[-1].ticket == b"second"
    assert asking.send(b"on", PEER, 3.0)
    assert out(asking)[0] == [channel_data(0x4000, b"on")]


def test_peers_refused_where_the_allocation_is_not_are_asked_for_again_when_it_has_moved() -> None:
    asking, server = standing(Server(ticket=b"first"), mobile=True)
    server.nonce = b"of the new 5-tuple"
    server.refuses = {Method.CREATE_PERMISSION: 400, Method.CHANNEL_BIND: 400}  # coturn's word, instead of 437
    asking.bind(PEER, 1.0)
    refused = [Refused(ask, 400, "because", peer=PEER, elsewhere=True) for ask in (Ask.PERMIT, Ask.BIND)]
    assert talk(asking, server, 1.0) == refused
    assert asking.deadline == pytest.approx(540.01)  # in vain until then
    asking.receive(arrived(PEER, b"in flight"), 1.5)
    assert out(asking) == ([], [Arrived(PEER, b"in flight")])
    server.refuses.clear()
    asking.move(2.0)
    assert talk(asking, server, 2.0) == [Moved(600), Permitted(PEER[0]), Bound(PEER)]


def test_a_peer_that_is_refused_where_the_nonce_is_good_says_nothing_of_the_allocation() -> None:
    asking, server = standing(Server(ticket=b"first"), mobile=True)
    server.refuses = {Method.CREATE_PERMISSION: 400}
    asking.permit(PEER, 1.0)
    assert talk(asking, server, 1.0) == [Refused(Ask.PERMIT, 400, "because", peer=PEER)]


def test_a_move_that_nobody_answers_leaves_it_where_it_was() -> None:
    asking, server = standing(Server(ticket=b"first"), mobile=True)
    asking.permit(PEER, 1.0)
    out(asking)  # that request is lost with the old way
    asking.move(1.5)
    server.silent.add(Method.REFRESH)
    told: list[Event] = []
    while Unanswered(Ask.MOVE) not in told and asking.deadline is not None:
        asking.handle_timer(asking.deadline)
        told += talk(asking, server, 2.0)
    assert asking.state is State.STANDING
    assert told == [Unanswered(Ask.MOVE), Permitted(PEER[0])]


@pytest.mark.parametrize("late", [True, False])
def test_a_move_that_is_refused_without_a_signature_again_and_again_is_refused(late: bool) -> None:
    asking, _ = standing(Server(ticket=b"first"), mobile=True)
    asking.move(1.0)
    (sent,), _ = out(asking)
    for _ in range(2):
        asking.receive(answer(request(sent), 404, key=None), 1.1)
    assert out(asking) == ([], [])
    if late:  # the server's own word, and the others were not
        asking.receive(answer(request(sent), LIFETIME=600), 1.2)
        assert out(asking) == ([], [Moved(600)])
    else:
        asking.receive(answer(request(sent), 404, key=None), 1.2)
        assert out(asking) == ([], [Refused(Ask.MOVE, 404, "because", signed=False)])
        assert asking.state is State.STANDING


def test_that_there_is_an_allocation_already_is_believed_without_a_signature() -> None:
    asking = client()
    asking.allocate(0.0)
    (first,), _ = out(asking)
    asking.receive(answer(request(first), 401, key=None, REALM=REALM, NONCE=b"nonce"), 0.1)
    (second,), _ = out(asking)
    asking.receive(answer(request(second), 437, key=None), 0.2)
    assert out(asking) == ([], [Refused(Ask.ALLOCATE, 437, "because", signed=False), Ended(Step.REFUSED)])


def test_in_a_hurry_the_allocation_is_asked_about_often_and_peers_are_not() -> None:
    asking, server = standing(Server(ticket=b"first", silent={Method.CREATE_PERMISSION, Method.REFRESH}), mobile=True)
    asking.longest = 0.2
    counts = []
    for ask in (lambda: asking.permit(PEER, 1.0), lambda: asking.move(1.0)):
        ask()
        before = len(server.asked)
        talk(asking, server, 1.0)
        while asking.deadline is not None and asking.deadline < 7.0:
            now = asking.deadline
            asking.handle_timer(now)
            talk(asking, server, now)
        counts.append(len(server.asked) - before)
    assert counts[0] <= 8
    assert counts[1] >= 30


def test_closed_while_it_moves_it_is_released_from_where_we_are() -> None:
    asking, server = standing(Server(ticket=b"first"), mobile=True)
    asking.move(1.0)
    out(asking)
    server.nonce = b"another"
    asking.close(1.1)
    assert talk(asking, server, 1.2) == [Ended(Step.RELEASED)]
    assert (server.asked[-1].lifetime, server.asked[-1].ticket) == (0, b"first")


def test_where_moving_is_forbidden_it_allocates_without() -> None:
    asking = client(mobile=True)
    asking.allocate(0.0)
    server = Server()
    (first,), _ = out(asking)
    for said in server.answers(first):
        asking.receive(said, 0.1)
    (second,), _ = out(asking)
    assert request(second).ticket == b""
    asking.receive(answer(request(second), Code.MOBILITY_FORBIDDEN), 0.2)
    assert talk(asking, server, 0.3) == [ALLOCATED]
    assert server.asked[-1].ticket is None
    assert not asking.move(1.0)


def test_a_lost_connection_is_the_end() -> None:
    asking, _ = standing(stream=True)
    asking.receive(b"HTTP/1.1 502 Bad Gateway\r\n", 1.0)
    assert out(asking) == ([], [Ended(Step.LOST)])
    other, _ = standing(stream=True)
    other.lost()
    assert out(other) == ([], [Ended(Step.LOST)])


def test_over_a_stream_every_message_is_padded() -> None:
    asking, server = standing(stream=True)
    asking.bind(PEER, 1.0)
    talk(asking, server, 1.0)
    asking.send(b"12345", PEER, 1.0)
    assert out(asking)[0] == [b"\x40\x00\x00\x0512345\0\0\0"]
