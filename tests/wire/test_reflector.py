from __future__ import annotations

import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast.model.facts import Endpoint
from landfast.wire import reflector, stun
from landfast.wire.reflector import LONGEST, OFFERS, Description, Seen, Wishes
from landfast.wire.stun import Kind, StunMessage

ID = bytes(range(12))
V4 = st.tuples(st.ip_addresses(v=4).map(str), st.integers(1, 65535))
V6 = st.tuples(st.ip_addresses(v=6).map(str), st.integers(1, 65535))


def parsed(data: bytes) -> StunMessage:
    message = stun.parse(data)
    assert message is not None
    return message


def test_a_request_to_be_answered_later_has_these_bytes() -> None:
    header = "000100 1c 2112a442".replace(" ", "") + ID.hex()
    assert reflector.later_request(ID, 20).hex() == header + "00260010" + "00" * 16 + "c0f50004" + "00004e20"


@given(st.floats(0, LONGEST))
def test_a_time_is_read_as_it_was_asked_to_a_millisecond(seconds: float) -> None:
    data = reflector.later_request(ID, seconds)
    after = reflector.wishes(data).after
    assert after == pytest.approx(seconds, abs=0.0005)
    assert parsed(data).is_request


@pytest.mark.parametrize("seconds", [-0.001, LONGEST + 0.1, float("nan"), float("inf")])
def test_a_time_that_nobody_waits_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="can be put off"):
        reflector.answer_after(seconds)


def test_a_time_beyond_the_longest_is_the_longest_and_a_malformed_one_is_none() -> None:
    def with_after(value: bytes) -> Wishes:
        return reflector.wishes(stun.binding_request(ID, attributes=struct.pack("!HH", 0xC0F5, len(value)) + value))

    assert with_after(b"\xff\xff\xff\xff") == Wishes(LONGEST)
    assert with_after(b"\x00\x00\x00\x00") == Wishes(0.0)
    assert with_after(b"\x00\x00\x4e\x20\x00\x00\x00\x00") == Wishes()
    assert with_after(b"") == Wishes()


def test_padding_is_a_wish() -> None:
    assert reflector.wishes(stun.binding_request(ID, padding=100)) == Wishes(None, True)
    assert reflector.wishes(stun.binding_request(ID, change_ip=True)) == Wishes()


@given(st.binary(max_size=200))
@example(stun.binding_request(ID) + b"\xc0\xf5\x00\x04\x00")
def test_wishes_read_anything_without_a_complaint(data: bytes) -> None:
    after = reflector.wishes(data).after
    assert after is None or 0 <= after <= LONGEST


@given(V4 | V6, st.none() | V4 | V6, st.none() | V4 | V6, st.integers(20, 1600), st.integers(0, 1600))
def test_an_answer_is_never_longer_than_allowed_and_says_as_much_as_fits(
    mapped: Endpoint, other: Endpoint | None, origin: Endpoint | None, most: int, padding: int
) -> None:
    request = parsed(stun.binding_request(ID))
    data = reflector.answer(request, mapped, most, other=other, origin=origin, padding=padding)
    assert len(data) <= most
    message = parsed(data)
    assert (message.kind, message.transaction_id) == (Kind.SUCCESS, ID)
    needed = 32 if "." in mapped[0] else 44
    assert message.xor_mapped_address == (mapped if most >= needed else None)
    if most >= 200:
        assert (message.other_address, message.response_origin) == (other, origin)
        assert message.mapped_address == mapped
        assert len(data) >= min(padding, most) - 7


def test_padding_fills_an_answer_to_the_very_length_of_the_request() -> None:
    request = stun.binding_request(ID, padding=1400)
    assert len(reflector.answer(parsed(request), ("192.0.2.1", 9), len(request), padding=len(request))) == len(request)


def test_who_cannot_answer_from_elsewhere_says_which_attribute_it_does_not_know() -> None:
    data = reflector.cannot_change(parsed(stun.binding_request(ID, change_ip=True)))
    assert data.hex() == "011100102112a442" + ID.hex() + "0009000400000414" + "000a000200030000"
    assert parsed(data).error_code == 420


@given(st.lists(V4, min_size=1, max_size=8), st.lists(V6, max_size=8), st.lists(st.sampled_from(sorted(OFFERS))))
def test_a_description_is_read_as_it_was_written(four: list[Endpoint], six: list[Endpoint], offers: list[str]) -> None:
    told = Description(tuple(four), tuple(six), tuple(offers))
    assert reflector.described(told.text()) == told


def test_what_a_later_reflector_offers_is_passed_over() -> None:
    text = '{"landfast_reflector": 1, "stun": ["192.0.2.1:3478"], "offers": ["nonce", "coffee"], "tea": 1}'
    assert reflector.described(text) == Description((("192.0.2.1", 3478),), (), ("nonce",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"landfast_reflector": 2, "stun": ["192.0.2.1:3478"]}',
        '{"landfast_reflector": 1}',
        '{"landfast_reflector": 1, "stun": []}',
        '{"landfast_reflector": 1, "stun": "192.0.2.1:3478"}',
        '{"landfast_reflector": 1, "stun": ["192.0.2.1"]}',
        '{"landfast_reflector": 1, "stun": ["[2001:db8::1]:3478"]}',
        '{"landfast_reflector": 1, "stun": ["192.0.2.1:3478"], "stun6": ["192.0.2.1:3478"]}',
        '{"landfast_reflector": 1, "stun": ["192.0.2.1:3478"], "offers": [1]}',
        '{"landfast_reflector": 1, "stun": ["192.0.2.1:%s"]}' % ("9" * 5000),
        "[" * 100_000,
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever is wrong with it
        reflector.described(text)


@given(st.integers(0, 1000), st.none() | V4 | V6)
def test_what_was_seen_is_read_as_it_was_written(count: int, origin: Endpoint | None) -> None:
    assert reflector.seen(Seen(count, origin).text()) == Seen(count, origin)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(JSON, JSON)
@example(True, None)
@example(1, "nowhere")
def test_what_was_seen_is_two_checked_values_or_an_error(count: object, origin: object) -> None:
    try:
        read = reflector.seen(json.dumps({"seen": count, "from": origin}))
    except ValueError:
        return
    assert read.count >= 0
    assert read.origin is None or 0 < read.origin[1] < 65536


@given(st.binary(max_size=100))
def test_no_bytes_of_a_control_raise_anything_but_value_error(data: bytes) -> None:
    for read in (reflector.described, reflector.seen):
        with pytest.raises(ValueError):  # noqa: PT011 -- whatever is wrong with it
            read(data)
