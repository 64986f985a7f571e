from __future__ import annotations

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from landfast.wire import stun
from landfast.wire.stun import Kind, StunMessage

ID = bytes(range(12))

# RFC 5769, sections 2.1 to 2.3.
CHECK = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae80220010"
    "5354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36"
    "00060009 6576746a3a68367659202020 00080014"
    "9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
RESPONSE_V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RESPONSE_V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014"
    "a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def test_an_ice_check_is_a_binding_request_with_a_username() -> None:
    message = stun.parse(CHECK)
    assert message is not None
    assert (message.is_request, message.is_binding, message.username) == (True, True, "evtj:h6vY")
    assert message.transaction_id == bytes.fromhex("b7e7a701bc34d686fa87dfae")
    assert message.mapped is None


def test_the_mapped_addresses_of_the_rfc_are_read() -> None:
    for data, mapped in (
        (RESPONSE_V4, ("192.0.2.1", 32853)),
        (RESPONSE_V6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ):
        message = stun.parse(data)
        assert message is not None
        assert (message.kind, message.mapped, message.username) == (Kind.SUCCESS, mapped, None)


def test_a_flipped_bit_under_a_fingerprint_is_no_message() -> None:
    assert stun.parse(RESPONSE_V4[:30] + bytes([RESPONSE_V4[30] ^ 1]) + RESPONSE_V4[31:]) is None


def test_the_requests_of_rfc_5780_have_their_bytes() -> None:
    header = "0001%s2112a442" + ID.hex()
    assert stun.binding_request(ID).hex() == header % "0000"
    assert stun.binding_indication(ID).hex() == "0011" + (header % "0000")[4:]
    assert stun.binding_request(ID, change_ip=True, change_port=True).hex() == header % "0008" + "0003000400000006"
    assert stun.binding_request(ID, change_port=True).hex() == header % "0008" + "0003000400000002"
    assert stun.binding_request(ID, response_port=0xABCD).hex() == header % "0008" + "00270004abcd0000"
    assert stun.binding_request(ID, padding=5).hex() == header % "000c" + "00260005" + "00" * 8


@given(
    st.binary(min_size=12, max_size=12),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 65535),
    st.integers(0, 1500),
)
def test_a_request_is_read_as_it_was_asked(
    identity: bytes, ip: bool, port: bool, response: int | None, padding: int
) -> None:
    data = stun.binding_request(identity, change_ip=ip, change_port=port, response_port=response, padding=padding)
    assert stun.parse(data) == StunMessage(
        Kind.REQUEST, True, identity, change_ip=ip, change_port=port, response_port=response
    )


ENDPOINTS = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))


@given(ENDPOINTS, st.none() | ENDPOINTS, st.none() | ENDPOINTS)
def test_a_response_is_read_as_it_was_given(
    mapped: tuple[str, int], origin: tuple[str, int] | None, other: tuple[str, int] | None
) -> None:
    request = stun.parse(stun.binding_request(ID))
    assert request is not None
    assert stun.parse(stun.binding_response(request, mapped, origin=origin, other=other)) == StunMessage(
        Kind.SUCCESS, True, ID, xor_mapped_address=mapped, response_origin=origin, other_address=other
    )


def test_a_plain_mapped_address_counts_where_there_is_no_other() -> None:
    plain = struct.pack("!HHBBH4B", 0x0001, 8, 0, 1, 4021, 198, 51, 100, 7)
    message = stun.parse(struct.pack("!HHI12s", 0x0101, len(plain), 0x2112A442, ID) + plain)
    assert message is not None
    assert message.mapped == message.mapped_address == ("198.51.100.7", 4021)


def test_an_error_tells_its_code() -> None:
    error = struct.pack("!HHHBB", 0x0009, 4, 0, 4, 20)
    message = stun.parse(struct.pack("!HHI12s", 0x0111, len(error), 0x2112A442, ID) + error)
    assert message is not None
    assert (message.kind, message.error_code) == (Kind.ERROR, 420)


def test_what_shares_the_port_is_not_taken_for_stun() -> None:
    dtls, rtp, channel_data = b"\x16\xfe\xfd" + bytes(40), b"\x80\x60" + bytes(40), b"\x40\x00\x00\x10" + bytes(16)
    old_stun = stun.binding_request(ID).replace(b"\x21\x12\xa4\x42", b"\x21\x12\xa4\x43")
    assert [stun.parse(data) for data in (dtls, rtp, channel_data, old_stun, b"")] == [None] * 5


# What follows a good header: attributes of any type and length, and ends cut anywhere.
ATTRIBUTES = st.lists(
    st.tuples(st.integers(0, 0x30) | st.integers(0x8020, 0x8030) | st.integers(0, 65535), st.binary(max_size=24)).map(
        lambda pair: struct.pack("!HH", pair[0], len(pair[1])) + pair[1] + bytes(-len(pair[1]) % 4)
    ),
    max_size=6,
).map(b"".join)


@given(st.integers(0, 0x3FFF), ATTRIBUTES, st.integers(0, 8))
@example(0x0001, struct.pack("!HHB", 0x0003, 1, 0) + bytes(3), 0)
@example(0x0001, struct.pack("!HH", 0x0006, 2) + b"\xff\xfe\0\0", 0)
@example(0x0111, struct.pack("!HH", 0x0009, 3) + bytes(4), 0)
def test_no_datagram_raises(kind: int, attributes: bytes, cut: int) -> None:
    body = attributes[: len(attributes) - cut]
    message = stun.parse(struct.pack("!HHI12s", kind, len(body), 0x2112A442, ID) + body)
    assert message is None or message.transaction_id == ID


@given(st.binary(max_size=64))
def test_no_junk_is_a_message(data: bytes) -> None:
    assert stun.parse(data) is None or data[4:8] == b"\x21\x12\xa4\x42"


def test_a_message_is_cut_in_front_of_an_attribute() -> None:
    longer = stun.extended(stun.binding_request(ID), 0x8022, b"landfast")
    assert stun.before(stun.extended(longer, 0x0008, bytes(20)), 0x0008)[20:] == longer[20:]
    assert stun.before(longer, 0x0008) == longer
