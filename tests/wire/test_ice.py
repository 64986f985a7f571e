from __future__ import annotations

import hmac
import struct

from aioice import stun as codec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from landfast.wire import ice, stun
from landfast.wire.ice import Answer, Check, Code

ID = bytes(range(12))
PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"

# RFC 5769, section 2.1.
SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae80220010"
    "5354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36"
    "00060009 6576746a3a68367659202020 00080014"
    "9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)


def asked(data: bytes) -> Check:
    read = ice.parse(data)
    assert isinstance(read, Check)
    return read


def answered(data: bytes) -> Answer:
    read = ice.parse(data)
    assert isinstance(read, Answer)
    return read


def sample(*, use_candidate: bool = False, nomination: int | None = None) -> bytes:
    return ice.check(
        ID,
        to="them",
        by="us12",
        password=PASSWORD,
        priority=1 << 24,
        controlling=True,
        tie_breaker=7,
        use_candidate=use_candidate,
        nomination=nomination,
    )


def test_the_check_of_the_rfc_is_read() -> None:
    check = asked(SAMPLE)
    assert (check.to, check.by, check.priority) == ("evtj", "h6vY", 0x6E0001FF)
    assert (check.controlling, check.tie_breaker, check.use_candidate) == (False, 0x932FF9B151263B36, False)
    assert check.signed_with(PASSWORD)
    assert not check.signed_with(PASSWORD + "x")


@given(
    st.binary(min_size=12, max_size=12),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.none() | st.integers(0, 2**32 - 1),
)
def test_a_check_is_read_as_it_was_asked(
    identity: bytes, priority: int, controlling: bool, tie: int, use: bool, nomination: int | None
) -> None:
    data = ice.check(
        identity,
        to="them",
        by="us12",
        password=PASSWORD,
        priority=priority,
        controlling=controlling,
        tie_breaker=tie,
        use_candidate=use,
        nomination=nomination,
    )
    check = asked(data)
    assert (check.transaction_id, check.to, check.by, check.priority) == (identity, "them", "us12", priority)
    assert (check.controlling, check.tie_breaker) == (controlling, tie)
    assert (check.use_candidate, check.nomination) == (use, nomination)
    assert check.signed_with(PASSWORD)


def test_answers_are_read_as_they_were_given() -> None:
    for mapped in (("192.0.2.1", 32853), ("2001:db8::1", 9)):
        yes = answered(ice.success(asked(sample()), mapped, PASSWORD))
        assert (yes.transaction_id, yes.mapped, yes.code, yes.signed_with(PASSWORD)) == (ID, mapped, None, True)
    for code in Code:
        no = answered(ice.refusal(asked(sample()), code, PASSWORD))
        assert (no.transaction_id, no.mapped, no.code, no.signed_with(PASSWORD)) == (ID, None, code, True)


def test_an_answer_without_a_signature_is_signed_by_nobody() -> None:
    request = stun.parse(stun.binding_request(ID))
    assert request is not None
    assert not answered(stun.binding_response(request, ("192.0.2.1", 9))).signed_with(PASSWORD)


def test_what_stands_behind_the_signature_is_not_read() -> None:
    data = sample()
    unsigned = data[:-8]  # without the fingerprint, which covers all
    for kind, value in ((ice.NOMINATION, struct.pack("!I", 9)), (0x0025, b"")):
        check = asked(stun.extended(unsigned, kind, value))
        assert (check.use_candidate, check.nomination) == (False, None)
        assert check.signed_with(PASSWORD)


def test_what_is_no_check_is_nothing() -> None:
    keepalive = struct.pack("!HHI12s", 0x0011, 0, 0x2112A442, ID)
    allocate = struct.pack("!HHI12s", 0x0003, 0, 0x2112A442, ID)
    for data in (b"", b"\x16\xfe\xfd" + bytes(40), keepalive, allocate, stun.binding_request(ID)):
        assert ice.parse(data) is None


@settings(max_examples=1000)
@given(st.integers(20, 200), st.integers(0, 255))
def test_no_change_of_a_byte_keeps_the_signature(place: int, value: int) -> None:
    data = bytearray(sample(use_candidate=True, nomination=3)[:-8])  # the fingerprint would notice it before
    data[2:4] = struct.pack("!H", len(data) - 20)
    place = 20 + (place - 20) % (len(data) - 20)
    assume(place - len(data) not in (-22, -21))  # the signature's own length: it signs what stands before it
    same = data[place] == value
    data[place] = value
    read = ice.parse(bytes(data))
    assert read is None or read.signed_with(PASSWORD) is same


@given(st.text("abcdefgh+/0123", min_size=22, max_size=256), st.binary(max_size=300))
def test_a_password_of_any_length_signs_as_in_rfc_2104(password: str, body: bytes) -> None:
    whole = stun.extended(struct.pack("!HHI12s", 0x0001, 0, 0x2112A442, ID), 0x0006, b"them:us")
    whole = stun.extended(whole, 0x7FFF, body)
    sized = whole[:2] + struct.pack("!H", len(whole) - 20 + 24) + whole[4:]
    right = hmac.digest(password.encode(), sized, "sha1")
    assert asked(stun.extended(whole, 0x0008, right)).signed_with(password)
    assert not asked(stun.extended(whole, 0x0008, right[:-1] + bytes([right[-1] ^ 1]))).signed_with(password)


@given(st.integers(0, 0x3FFF), st.binary(max_size=80))
def test_no_datagram_raises(kind: int, body: bytes) -> None:
    read = ice.parse(struct.pack("!HHI12s", kind, len(body), 0x2112A442, ID) + body)
    assert read is None or not read.signed_with(PASSWORD)


@given(
    st.binary(min_size=12, max_size=12),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.booleans(),
    st.ip_addresses().map(str),
    st.integers(0, 0xFFFF),
)
def test_messages_are_those_of_aioices_codec(
    identity: bytes, number: int, controlling: bool, use: bool, address: str, port: int
) -> None:
    def signed(kind: codec.Class, attributes: dict[str, object]) -> bytes:
        message = codec.Message(codec.Method.BINDING, kind, identity, attributes)
        message.add_message_integrity(PASSWORD.encode())
        return bytes(message)

    role = "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"
    said = {"USERNAME": "them:us123", "PRIORITY": number, role: number} | ({"USE-CANDIDATE": None} if use else {})
    data = ice.check(
        identity,
        to="them",
        by="us123",
        password=PASSWORD,
        priority=number,
        controlling=controlling,
        tie_breaker=number,
        use_candidate=use,
    )
    assert data == signed(codec.Class.REQUEST, said)
    yes = ice.success(asked(data), (address, port), PASSWORD)
    assert yes == signed(codec.Class.RESPONSE, {"XOR-MAPPED-ADDRESS": (address, port)})
    assert answered(yes).mapped == (address, port)
    no = signed(codec.Class.ERROR, {"ERROR-CODE": (487, "Role Conflict")})
    assert ice.refusal(asked(data), Code.ROLE_CONFLICT, PASSWORD) == no


def test_a_broken_attribute_or_a_wrong_print_is_no_message() -> None:
    data = sample(use_candidate=True)[:-8]
    bare = data[:-24]  # without signature and fingerprint
    for kind, value in ((0x0024, bytes(5)), (0x802A, b"1"), (ice.NOMINATION, b""), (0x0006, b"\xff:")):
        assert ice.parse(stun.extended(data[:20], kind, value)) is None
    assert isinstance(ice.parse(_sized(bare)), Check)
    assert ice.parse(_sized(bare + b"\x00\x06\x00\x09abcd")) is None  # an attribute that ends behind the message
    assert ice.parse(data) is None  # a header that counts what is missing
    assert ice.parse(sample()[:-1] + bytes([sample()[-1] ^ 1])) is None


@given(st.binary(max_size=20))
def test_an_answer_without_an_address_is_none(value: bytes) -> None:
    data = stun.extended(struct.pack("!HHI12s", 0x0101, 0, 0x2112A442, ID), 0x0020, value)
    whole = (len(value), value[1:2]) in ((8, b"\1"), (20, b"\2"))
    assert (ice.parse(data) is not None) is whole


def _sized(data: bytes) -> bytes:
    return data[:2] + struct.pack("!H", len(data) - 20) + data[4:]
