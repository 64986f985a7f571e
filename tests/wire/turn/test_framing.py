from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.wire import stun
from landfast.wire.turn import framing
from landfast.wire.turn.framing import CHANNELS, Cutter, channel_data, padded, read_channel_data

MESSAGES = st.one_of(
    st.builds(channel_data, st.sampled_from(CHANNELS), st.binary(max_size=50)),
    st.builds(stun.binding_request, st.binary(min_size=12, max_size=12), padding=st.integers(0, 30)),
)


def test_channel_data_has_these_bytes() -> None:
    assert channel_data(0x4001, b"hello") == b"\x40\x01\x00\x05hello"
    assert padded(channel_data(0x4001, b"hello")) == b"\x40\x01\x00\x05hello\0\0\0"
    with pytest.raises(ValueError, match="65536"):
        channel_data(0x4001, bytes(65536))


@pytest.mark.parametrize("padding", [b"", b"\0\0\0", b"abc"])
def test_padding_is_not_data(padding: bytes) -> None:
    assert read_channel_data(b"\x40\x01\x00\x05hello" + padding) == (0x4001, b"hello")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x40\x01\x00", b"\x40\x01\x00\x05hell", b"\x50\x00\x00\x00", b"\x80\x60\x00\x00", b"\x3f\xff\x00\x00"],
)
def test_what_is_no_channel_data_is_none(data: bytes) -> None:
    assert read_channel_data(data) is None


@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(1, 60), max_size=40))
def test_a_stream_is_cut_into_what_was_sent_however_it_comes(messages: list[bytes], pieces: list[int]) -> None:
    stream = b"".join(padded(message) for message in messages)
    cutter, found, at = Cutter(), [], 0
    for length in (*pieces, len(stream)):
        found += cutter.feed(stream[at : at + length])
        at += length
    assert found == [padded(message) for message in messages]
    assert not cutter.broken


@given(st.lists(st.binary(max_size=70_000), max_size=6))
def test_no_stream_raises_or_fills_the_memory(pieces: list[bytes]) -> None:
    cutter = Cutter()
    for piece in pieces:
        cutter.feed(piece)
        assert len(cutter._rest) < 20 + 65536 + framing._CHANNEL_HEADER


@pytest.mark.parametrize(
    "other",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",  # a web server
        b"\x15\x03\x03\x00\x02\x02\x46\0",  # a TLS alert
        b"\x00\x01\x00\x00\x21\x12\xa4\x43" + bytes(12),  # STUN before RFC 5389
        b"\x00\x01\x00\x03\x21\x12\xa4\x42" + bytes(15),
    ],
)
def test_another_protocol_breaks_it_for_good(other: bytes) -> None:
    cutter = Cutter((0x4000).__eq__)
    assert cutter.feed(padded(channel_data(0x4000, b"a")) + other) == [padded(channel_data(0x4000, b"a"))]
    assert cutter.broken
    assert cutter.feed(padded(channel_data(0x4000, b"a"))) == []
