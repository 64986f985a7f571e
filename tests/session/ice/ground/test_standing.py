from __future__ import annotations

from landfast.session.ice.events import Socket, Transport
from landfast.session.ice.ground.sockets import Held
from landfast.session.ice.ground.standing import Standing
from landfast.wire.turn import Client, Credential


def client() -> Client:
    return Client(Credential("robot", "secret"), draw=bytes)


def line(transport: Transport = Transport.UDP, since: float = 0.0) -> Held:
    return Held(Socket(1), transport, since, "192.168.1.10", ("192.0.2.1", 3478))


def stood(*, mobile: bool, on: Held | None = None) -> Standing:
    standing = Standing()
    assert standing.takes(client(), on or line(), mobile=mobile) == (None, None)
    standing.stands(5.0)
    return standing


def test_only_a_ticket_outlives_the_line() -> None:
    for mobile in (False, True):
        standing = stood(mobile=mobile)
        old = standing.line
        assert standing.leave() is old
        assert (standing.client is not None, standing.movable, standing.is_whole) == (mobile, mobile, False)
        assert standing.leave() is None


def test_another_allocation_tells_what_it_replaces() -> None:
    standing = stood(mobile=True)
    before = standing.client, standing.line
    assert standing.takes(client(), line(), mobile=False) == before
    assert not standing.movable


def test_a_nat_may_forget_a_datagram_socket_only() -> None:
    assert stood(mobile=True).is_kept
    assert not stood(mobile=False, on=line(Transport.TCP)).is_kept
    assert not Standing().is_kept


def test_after_the_addresses_changed_what_was_opened_before_is_older() -> None:
    standing = stood(mobile=False)
    assert not standing.is_older(line(since=1.0))
    standing.rerouted = 2.0
    assert [standing.is_older(line(since=since)) for since in (1.0, 2.0)] == [True, False]


def test_a_stream_is_answered_when_something_asked_since_then_was() -> None:
    standing, asked = stood(mobile=False, on=line(Transport.TCP)), client()
    assert standing.is_answered(asked)
    standing.rerouted = 2.0
    assert not standing.is_answered(asked)
    asked.answered = 3.0
    assert standing.is_answered(asked)
    assert standing.rerouted is None


def test_who_is_asked_again_and_again_has_no_more_time_for_the_first_answer() -> None:
    standing, asked = stood(mobile=False, on=line(Transport.TCP)), client()
    standing.echo(asked, 10.0)
    first = standing.doubt
    standing.echo(asked, 10.2)
    assert first is not None
    assert standing.doubt == first == 10.0 + asked.round_trip.rto
