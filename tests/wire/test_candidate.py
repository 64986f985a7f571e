from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast.wire import candidate
from landfast.wire.candidate import Line

CHROMIUM = (
    "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.0.2.1 rport 40000"
    " generation 0 ufrag 4ZcD network-id 1 network-cost 10"
)


def test_a_line_of_chromium_is_read_with_its_fragment() -> None:
    assert candidate.parse(CHROMIUM) == Line(
        foundation="842163049",
        component=1,
        transport="udp",
        priority=1677729535,
        endpoint=("203.0.113.7", 46154),
        type="srflx",
        related=("192.0.2.1", 40000),
        ufrag="4ZcD",
    )


def test_names_and_tcp_are_read_as_they_are() -> None:
    name = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
    assert candidate.parse(f"a=candidate:1 1 UDP 2113937151 {name} 54596 typ host").endpoint == (name, 54596)
    tcp = candidate.parse("1 1 TCP 1518280447 192.0.2.1 9 typ host tcptype active")
    assert (tcp.transport, tcp.tcp_type) == ("tcp", "active")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "no candidate"),
        ("1 1 udp 1 192.0.2.1 9", "no candidate"),
        ("1 x udp 1 192.0.2.1 9 typ host", "no candidate"),
        ("1 1 udp 1 192.0.2.1 9 typ host generation x", "no candidate"),
        ("1 0 udp 1 192.0.2.1 9 typ host", "component"),
        ("1 1 udp 4294967296 192.0.2.1 9 typ host", "priority"),
        ("1 1 udp 1 192.0.2.1;rm 9 typ host", "address"),
        ("1 1 udp 1 192.0.2.1 65536 typ host", "port"),
        ("1 1 udp 1 192.0.2.1 9 typ cloud", "type"),
        ("1 1 udp 1 192.0.2.1 9 kind host", "type"),
        ("1 1 udp 1 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport 70000", "related port"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        candidate.parse(line)


def test_a_complaint_is_not_as_long_as_what_it_is_about() -> None:
    with pytest.raises(ValueError, match="no candidate") as caught:
        candidate.parse("x" * 5000)
    assert len(str(caught.value)) < 200


PORTS = st.integers(0, 65535)


@given(
    st.builds(
        Line,
        foundation=st.from_regex(r"[A-Za-z0-9+/]{1,32}", fullmatch=True),
        component=st.integers(1, 256),
        transport=st.sampled_from(["udp", "tcp"]),
        priority=st.integers(0, 2**32 - 1),
        endpoint=st.tuples(st.ip_addresses().map(str), PORTS),
        type=st.sampled_from(["host", "srflx", "prflx", "relay"]),
        related=st.none() | st.tuples(st.ip_addresses().map(str), PORTS),
        tcp_type=st.sampled_from([None, "active", "passive", "so"]),
        ufrag=st.none() | st.from_regex(r"[A-Za-z0-9+/]{4,32}", fullmatch=True),
    )
)
def test_a_line_is_read_as_it_was_written(line: Line) -> None:
    assert candidate.parse(f"candidate:{candidate.written(line)}") == line


@given(st.text(max_size=120))
@example("1 1 udp 1 192.0.2.1 9 typ host rport x")
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        candidate.parse(text)
