from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn import messages
from landfast.wire.turn.messages import Challenge, Code, Credential, Method, parse
from tests.wire.test_stun import ATTRIBUTES, CHECK, RESPONSE_V4, RESPONSE_V6
from tests.wire.turn.server import KEY, REALM, ROBOT, answer

ID = bytes(range(12))

# RFC 5769, section 2.4: a request with a long-term credential; the password is given after its preparation.
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
MATRIX = Credential("マトリックス", "TheMatrIX")


def test_the_long_term_credential_of_the_rfc_signs_its_request() -> None:
    message = parse(LONG_TERM)
    assert message is not None
    assert message.challenge == Challenge("example.org", b"f//499k954d6OL34oL9FSTvy64sA")
    assert message.signed_with(MATRIX.key("example.org"))
    assert not message.signed_with(Credential("マトリックス", "TheMatrix").key("example.org"))


@pytest.mark.parametrize("data", [CHECK, RESPONSE_V4, RESPONSE_V6])
def test_the_short_term_signatures_of_the_rfc_hold_and_no_bit_can_be_changed(data: bytes) -> None:
    message = parse(data)
    assert message is not None
    assert message.signed_with(b"VOkJxbRl1RmTxUk/WvJxBt")
    unprinted = data[:-8]  # without the fingerprint, which would be found first
    unprinted = unprinted[:2] + struct.pack("!H", len(unprinted) - 20) + unprinted[4:]
    changed = parse(unprinted[:-1] + bytes([unprinted[-1] ^ 1]))
    assert changed is not None
    assert not changed.signed_with(b"VOkJxbRl1RmTxUk/WvJxBt")


def test_passwords_are_prepared_as_rfc_8265_says() -> None:
    composed, decomposed = Credential("u", "caf\u00e9 x"), Credential("u", "cafe\u0301\u00a0x")
    assert composed.key("r") == decomposed.key("r")
    assert composed.key("r") != Credential("u", "cafe x").key("r")


@pytest.mark.parametrize("wrong", [("x" * 509, "p"), ("\ud800", "p"), ("u", "\ud800")])
def test_a_credential_that_no_message_can_carry_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Credential(*wrong)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(ROBOT)


def test_a_first_allocate_has_these_bytes() -> None:
    data = messages.request(
        Method.ALLOCATE, ID, {"REQUESTED-TRANSPORT": messages.UDP, "LIFETIME": 600}, family=6, ticket=b""
    )
    assert data[:-4].hex() == (
        "000300242112a442" + ID.hex() + "0019000411000000000d00040000025800170004020000008030000080280004"
    )


def test_a_signed_request_is_signed_over_all_that_matters() -> None:
    challenge = Challenge(REALM, b"nonce")
    data = messages.request(
        Method.REFRESH, ID, {"LIFETIME": 0}, ticket=b"ticket", challenge=challenge, credential=ROBOT
    )
    read = parse(data)
    assert read is not None
    assert (read.kind, read.method, read.lifetime) == (Kind.REQUEST, Method.REFRESH, 0)
    assert (read.ticket, read.challenge) == (b"ticket", challenge)
    assert read.signed_with(KEY)
    assert data.index(b"ticket") < data.index(bytes.fromhex("00080014"))  # what follows would not be signed


def test_a_send_indication_has_these_bytes_and_a_bound() -> None:
    data = messages.send_indication(ID, ("192.0.2.1", 32853), b"hello")
    assert data.hex() == ("001600182112a442" + ID.hex() + "001200080001a147e112a6430013000568656c6c6f000000")
    with pytest.raises(ValueError, match="65536"):
        messages.send_indication(ID, ("192.0.2.1", 32853), bytes(65536))


def _request() -> messages.Message:
    read = parse(messages.request(Method.ALLOCATE, ID, {}))
    assert read is not None
    return read


def test_a_redirection_names_the_other_server() -> None:
    alternate = (messages.ALTERNATE_SERVER, struct.pack("!BBH4B", 0, 1, 3479, 198, 51, 100, 7))
    read = parse(answer(_request(), 300, key=None, extra=(alternate,)))
    assert read is not None
    assert (read.code, read.alternate) == (Code.TRY_ALTERNATE, ("198.51.100.7", 3479))
    broken = parse(answer(_request(), 300, key=None, extra=((messages.ALTERNATE_SERVER, b"\0\1\0"),)))
    assert broken is not None
    assert broken.alternate is None


def test_a_challenge_needs_a_nonce_and_a_realm_that_may_be_known() -> None:
    asked = answer(_request(), 438, key=None, NONCE=b"new")
    for known, challenge in ((None, None), (Challenge("r", b"old"), Challenge("r", b"new"))):
        read = parse(asked, known)
        assert read is not None
        assert read.challenge == challenge


@pytest.mark.parametrize("too_long", [{"REALM": "r" * 764, "NONCE": b"n"}, {"REALM": "r", "NONCE": bytes(764)}])
def test_a_challenge_too_long_to_repeat_is_none(too_long: dict[str, Any]) -> None:
    read = parse(answer(_request(), 401, key=None, **too_long))
    assert read is not None
    assert read.challenge is None


def test_a_reason_is_cleaned() -> None:
    read = parse(answer(_request(), None, key=None, ERROR_CODE=(400, "no\x1b[31m\0")))
    assert read is not None
    assert read.reason == "no[31m"


def test_a_signature_that_lies_too_far_back_is_wrong_and_raises_nothing() -> None:
    filler = struct.pack("!HH", 0x7F00, 65520) + bytes(65520)
    body = filler + struct.pack("!HH", 0x0008, 0)
    read = parse(struct.pack("!HHI12s", 0x0103, len(body), 0x2112A442, ID) + body)
    assert read is not None
    assert not read.signed_with(KEY)


@given(st.integers(0, 0x3FFF), ATTRIBUTES, st.integers(0, 8), st.none() | st.just(Challenge("r", b"n")))
@example(0x0113, struct.pack("!HHBB", 0x8023, 2, 0, 1) + bytes(2), 0, None)
@example(0x0113, struct.pack("!HHHBB", 0x0009, 4, 0, 255, 255), 0, None)
def test_no_datagram_raises(kind: int, attributes: bytes, cut: int, known: Challenge | None) -> None:
    body = attributes[: len(attributes) - cut]
    message = parse(struct.pack("!HHI12s", kind, len(body), 0x2112A442, ID) + body, known)
    assert message is None or message.signed_with(KEY) in (True, False)


@given(st.binary(max_size=64))
def test_no_junk_is_a_message(data: bytes) -> None:
    assert parse(data) is None or stun.decode(data) is not None
