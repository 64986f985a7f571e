from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.session.aiortc.candidates import RTCIceCandidate, candidate_from_sdp, candidate_to_sdp, read, told
from landfast.session.ice.candidate import Candidate, Type

ENDPOINTS = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))
CANDIDATES = st.builds(
    Candidate,
    type=st.sampled_from(Type),
    endpoint=ENDPOINTS,
    priority=st.integers(1, 2**31 - 1),
    foundation=st.text("abc123", min_size=1, max_size=8),
    related=st.none() | ENDPOINTS,
    tcp_type=st.none() | st.sampled_from(["active", "passive"]),
    ufrag=st.none() | st.text("abcXYZ+/", min_size=4, max_size=8),
)


@given(CANDIDATES)
def test_what_is_told_is_read_as_it_was(candidate: Candidate) -> None:
    assert read(told(candidate)) == candidate


@given(CANDIDATES)
def test_a_line_carries_all_of_it(candidate: Candidate) -> None:
    line = candidate_to_sdp(told(candidate))
    assert candidate_from_sdp(line) == candidate_from_sdp(f"a=candidate:{line}") == told(candidate)


def test_chromiums_line_is_read_with_its_fragment() -> None:
    line = "candidate:842163049 1 udp 1677729535 192.0.2.9 46154 typ srflx raddr 10.0.0.1 rport 46154"
    candidate = candidate_from_sdp(f"{line} generation 0 ufrag EEtu network-id 1")
    assert (candidate.usernameFragment, candidate.ip, candidate.relatedAddress) == ("EEtu", "192.0.2.9", "10.0.0.1")


@pytest.mark.parametrize("line", ["", "candidate:1 1 udp 1 192.0.2.9 70000 typ host", "1 1 udp 1 192.0.2.9 9 typ x"])
def test_what_is_no_candidate_is_refused_in_a_sentence(line: str) -> None:
    with pytest.raises(ValueError, match="candidate"):
        candidate_from_sdp(line)


def test_a_type_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="bogus"):
        read(RTCIceCandidate(1, "0", "192.0.2.9", 1, 1, "udp", "bogus"))
