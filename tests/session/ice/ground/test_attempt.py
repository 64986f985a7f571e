from __future__ import annotations

from landfast.session.ice.events import Socket, Transport
from landfast.session.ice.ground.attempt import Attempt, connecting
from landfast.session.ice.ground.sockets import Held
from landfast.wire.turn import Client, Credential


def begun(*, last: bool = True) -> Attempt:
    line = Held(Socket(1), Transport.TCP, 100.0, None, ("192.0.2.1", 3478))
    return connecting(line, Client(Credential("robot", "secret"), draw=bytes), 100.0, last=last, hurried=True)


def test_only_the_last_address_of_a_server_is_waited_for_patiently() -> None:
    assert (begun().until, begun(last=False).until) == (110.0, 101.0)


def test_a_connection_that_takes_longer_than_a_new_one_would_is_no_use_to_who_waits() -> None:
    attempt = begun()
    assert [attempt.connects_for_too_long(now) for now in (103.0, 103.1)] == [False, True]
    attempt.asked = True
    assert not attempt.connects_for_too_long(200.0)


def test_it_is_unanswered_from_the_question_to_the_first_word() -> None:
    attempt = begun()
    assert not attempt.unanswered
    attempt.asked = True
    assert attempt.unanswered
    attempt.heard = True
    assert not attempt.unanswered
