from __future__ import annotations

from math import inf

import pytest
from OpenSSL import SSL

from landfast.session.aiortc.flights import Flights
from landfast.session.transport import Transport
from tests.session.aiortc.calls import call

HELLO, CERTIFICATE, KEYS, FINISHED = (bytes([22]) + word for word in (b"hello", b"certificate", b"keys", b"finished"))
CHANGE, DATA, SOUND = bytes([20]) + b"change", bytes([23]) + b"data", bytes([128]) + b"sound"


def repeated(each: Flights) -> list[tuple[float, list[bytes]]]:
    """What it sends again, and when, while nothing comes."""
    found = []
    while each.deadline < inf:
        now = each.deadline
        assert each.due(now - 0.001) == []
        found.append((round(now - 100, 3), each.due(now)))
    return found


def test_a_flight_is_repeated_as_a_whole_ever_later_and_not_for_ever() -> None:
    each = Flights(0.1)
    each.sent(KEYS, 100)
    each.sent(CHANGE, 100)
    each.sent(FINISHED, 100)
    whole = [KEYS, CHANGE, FINISHED]
    assert repeated(each) == [(when, whole) for when in (0.1, 0.3, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2)]
    far = Flights(0.8)
    far.sent(HELLO, 100)
    assert [when for when, _ in repeated(far)][:3] == [0.8, 1.6, 2.4]


def test_what_answers_in_part_does_not_end_it_and_what_is_sent_next_does() -> None:
    each = Flights(0.1)
    each.sent(HELLO, 100)
    each.received(CERTIFICATE)
    assert each.due(100.1) == [HELLO]
    each.received(KEYS)
    each.sent(FINISHED, 100.11)
    assert [what for _, what in repeated(each)] == [[FINISHED]] * 8


def test_what_openssl_repeats_stands_for_what_it_had_sent() -> None:
    each = Flights(0.1)
    each.sent(HELLO, 100)
    again = HELLO + b" again"
    each.sent(again, 101)
    assert [what for _, what in repeated(each)] == [[again]] * 8


def test_it_is_over_when_the_peer_says_something_else() -> None:
    for word in (DATA, SOUND):
        each = Flights(0.1)
        each.sent(FINISHED, 100)
        each.received(word)
        assert each.over
        assert (each.deadline, each.due(200)) == (inf, [])
        each.sent(HELLO, 201)
        assert each.deadline == inf


def test_what_is_no_handshake_is_never_repeated() -> None:
    each = Flights(0.1)
    each.sent(DATA, 100)
    each.sent(b"", 100)
    each.received(b"")
    assert (each.deadline, each.over) == (inf, False)


@pytest.mark.anyio
async def test_a_call_is_made_where_every_flight_is_lost_once_and_openssl_has_no_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once, send = set[bytes](), Transport.send

    def lose(transport: Transport, datagram: bytes) -> bool:
        if datagram[0] in (20, 22) and datagram not in once:
            once.add(datagram)
            return False
        return send(transport, datagram)

    monkeypatch.setattr(Transport, "send", lose)
    monkeypatch.setattr(SSL.Connection, "DTLSv1_get_timeout", lambda _: None)
    async with call() as made:
        await made.says("hello")
    assert len(once) >= 4  # ClientHello, ServerHello, and both sides' Finished
