from __future__ import annotations

import pytest

from landfast.trials.campaign.ledger import NEVER, Kind, Ledger, Way, carried, fragments, kind
from landfast.wire import ice, stun
from landfast.wire.turn import framing, messages

HERE, THERE, ELSEWHERE = ("192.0.2.20", 1), ("203.0.113.10", 2), ("203.0.113.99", 3)
PASSWORD = "the password of the peer"


def check(number: bytes = bytes(12), by: str = "mine") -> bytes:
    return ice.check(number, to="them", by=by, password=PASSWORD, priority=1, controlling=True, tie_breaker=1)


def answer(number: bytes = bytes(12), password: str = PASSWORD) -> bytes:
    read = ice.parse(check(number))
    assert isinstance(read, ice.Check)
    return ice.success(read, HERE, password)


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.passwords["them"] = PASSWORD
    return made


@pytest.fixture
def way(ledger: Ledger) -> Way:
    found = ledger.way(HERE, THERE)
    ledger.sent(found, check(), Kind.CHECK, 1.0)
    return found


def test_data_that_goes_another_way_has_another_bearer(ledger: Ledger, way: Way) -> None:
    other = ledger.way(HERE, ELSEWHERE)
    ledger.sent(way, b"\x80data", Kind.DATA, 1.0)
    ledger.moved(HERE, ELSEWHERE)
    assert ledger.bearer is other
    ledger.sent(way, b"\x80data", Kind.DATA, 2.0)
    assert ledger.bearer is way


def test_data_that_goes_to_the_same_place_by_a_relay_has_another_bearer(ledger: Ledger, way: Way) -> None:
    """Though none of it has come out there: the stream to the relay holds it."""
    relayed = ledger.way(("198.51.100.5", 7), THERE)
    ledger.sent(way, b"\x80data", Kind.DATA, 1.0)
    ledger.moved(HERE, THERE)  # as a NAT shows the same socket elsewhere
    assert ledger.bearer is way
    ledger.moved(("198.51.100.5", 7), THERE)
    assert ledger.bearer is relayed


def test_datagrams_are_told_apart() -> None:
    assert kind(check()) is Kind.CHECK
    assert kind(answer()) is Kind.YES
    assert kind(b"\x80data") is Kind.DATA
    assert kind(b"\x01\x01but no cookie....") is Kind.ELSE
    assert kind(b"") is Kind.ELSE


@pytest.mark.parametrize("data", [b"\x80data", check(), b""])
def test_what_a_relay_is_given_for_a_peer_is_told_from_what_it_is_asked(data: bytes) -> None:
    assert carried(framing.channel_data(0x4000, data)) == data
    assert carried(messages.send_indication(bytes(12), THERE, data)) == data
    assert carried(stun.binding_request(bytes(12))) is None


def test_a_check_names_both_sides() -> None:
    assert fragments(check()) == ("them", "mine")
    assert fragments(b"\0" * 20) == ("", "")


def test_a_signed_answer_from_where_it_was_asked_proves_a_way(ledger: Ledger, way: Way) -> None:
    ledger.heard(way, answer(), Kind.YES, 1.1)
    assert (way.proved, way.answered) == (1.1, 1.1)
    assert not ledger.is_strange(way)


@pytest.mark.parametrize(
    ("data", "remote"),
    [(answer(password="not the password"), THERE), (answer(), ELSEWHERE), (answer(b"x" * 12), THERE)],
)
def test_another_answer_proves_nothing(ledger: Ledger, way: Way, data: bytes, remote: tuple[str, int]) -> None:
    ledger.heard(ledger.way(HERE, remote), data, Kind.YES, 1.1)
    assert {each.proved for each in ledger.ways.values()} == {NEVER}
    assert ledger.is_strange(way)


def test_a_signed_403_revokes_and_an_unsigned_one_does_not(ledger: Ledger, way: Way) -> None:
    read = ice.parse(check())
    assert isinstance(read, ice.Check)
    ledger.heard(way, ice.refusal(read, ice.Code.FORBIDDEN, "not the password"), Kind.NO, 1.1)
    assert way.revoked == {}
    ledger.heard(way, ice.refusal(read, ice.Code.FORBIDDEN, PASSWORD), Kind.NO, 1.2)
    assert way.revoked == {"mine": 1.2}


def test_an_answer_to_other_credentials_renews_consent(ledger: Ledger, way: Way) -> None:
    ledger.heard(way, answer(), Kind.YES, 1.1)
    assert way.renewed == "mine"
    ledger.sent(way, check(b"y" * 12, by="restarted"), Kind.CHECK, 1.2)
    ledger.heard(way, answer(b"y" * 12), Kind.YES, 1.3)
    assert way.renewed == "restarted"


def test_an_answer_after_half_a_minute_is_none(ledger: Ledger, way: Way) -> None:
    ledger.sent(way, check(b"y" * 12), Kind.CHECK, 31.5)
    ledger.heard(way, answer(), Kind.YES, 31.6)
    assert way.proved == NEVER


def test_an_answer_that_came_to_a_relay_counts_when_it_has_come_to_us(ledger: Ledger, way: Way) -> None:
    ledger.reached_relay(way, answer())
    ledger.delivered(b"\x40\0\0\4data", 1.1)
    assert (way.proved, way.consented) == (NEVER, set())
    ledger.delivered(b"in a message of the relay's: " + answer(), 1.2)
    assert (way.proved, way.consented) == (1.2, {"mine"})


def test_a_copy_from_elsewhere_does_not_take_the_place_of_an_answer_at_a_relay(ledger: Ledger, way: Way) -> None:
    elsewhere = ledger.way(way.local, ("192.0.2.66", 6666))
    ledger.reached_relay(way, answer())
    ledger.reached_relay(elsewhere, answer())
    ledger.delivered(answer(), 1.2)
    assert (way.proved, elsewhere.proved) == (1.2, NEVER)


def test_what_is_forged_does_not_take_the_place_of_an_answer_at_a_relay(ledger: Ledger, way: Way) -> None:
    forged = answer()[:-24] + bytes(24)
    for each in (answer(), forged):
        ledger.reached_relay(way, each)
    ledger.delivered(answer(), 1.2)
    assert way.proved == 1.2


def test_an_answer_that_a_relay_could_not_deliver_is_forgotten(ledger: Ledger, way: Way) -> None:
    ledger.reached_relay(way, answer())
    ledger.sent(way, check(b"y" * 12), Kind.CHECK, 31.5)
    ledger.reached_relay(way, answer(b"y" * 12))
    ledger.delivered(answer(), 31.6)
    assert way.proved == NEVER
    ledger.delivered(answer(b"y" * 12), 31.7)
    assert way.proved == 31.7


def test_bytes_are_counted_until_a_way_is_proved(ledger: Ledger, way: Way) -> None:
    before = way.sent
    ledger.heard(way, b"\x80" * 50, Kind.DATA, 1.0)
    ledger.sent(way, b"\x80" * 10, Kind.DATA, 1.0)
    assert (way.received, way.sent) == (50, before + 10)
    assert ledger.bearer is way


def test_only_a_check_with_our_password_shows_that_the_peer_asks(ledger: Ledger, way: Way) -> None:
    ledger.own["them"] = "another password of ours"
    ledger.heard(way, check(), Kind.CHECK, 2.0)
    assert way.asked == NEVER
    ledger.own["them"] = PASSWORD
    ledger.heard(way, check(), Kind.CHECK, 2.0)
    assert way.asked == 2.0
