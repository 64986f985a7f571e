from __future__ import annotations

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.model.flow import Direction, Flow
from landfast.wire import netfilter

A, B = ip_address("10.42.0.1"), ip_address("198.51.100.5")
UDP = "src=10.42.0.1 dst=198.51.100.5 sport=1 dport=2 {} src=198.51.100.5 dst=10.42.0.1 sport=2 dport=1 {}"
BOTH = (Direction(A, B, 1, 2), Direction(B, A, 2, 1))


@pytest.mark.parametrize(
    ("line", "flow"),
    [
        (
            "udp      17 29 " + UDP.format("[UNREPLIED]", "mark=0 use=1"),
            Flow("udp", 17, *BOTH, 29, None, frozenset({"UNREPLIED"})),
        ),
        (
            "ipv4     2 tcp      6 431999 ESTABLISHED " + UDP.format("", "[ASSURED] mark=7 zone=1 use=1"),
            Flow("tcp", 6, *BOTH, 431999, "ESTABLISHED", frozenset({"ASSURED"}), 7),
        ),
        (
            "tcp      6 " + UDP.format("packets=3 bytes=180", "packets=1 bytes=60 [OFFLOAD] mark=0 use=2"),
            Flow("tcp", 6, *BOTH, None, None, frozenset({"OFFLOAD"})),
        ),
        (
            "icmp 1 29 src=10.42.0.1 dst=198.51.100.5 type=8 code=0 id=7 src=198.51.100.5 dst=10.42.0.1 type=0 use=1",
            Flow("icmp", 1, Direction(A, B), Direction(B, A), 29),
        ),
        (
            "unknown  2 597 src=10.42.0.1 dst=198.51.100.5 [UNREPLIED] src=198.51.100.5 dst=10.42.0.1 use=1",
            Flow("unknown", 2, Direction(A, B), Direction(B, A), 597, None, frozenset({"UNREPLIED"})),
        ),
    ],
    ids=["udp", "extended-tcp", "offloaded", "icmp", "unknown"],
)
def test_a_line_of_conntrack_is_read(line: str, flow: Flow) -> None:
    assert netfilter.conntrack_flow(line) == flow


@pytest.mark.parametrize(
    "line", ["", "udp", "udp 17 29", "udp 17 29 src=1.2.3.4 dst=5.6.7.8", "udp x " + UDP, "conntrack v1.4.7: 1 entries"]
)
def test_another_line_is_no_flow(line: str) -> None:
    assert netfilter.conntrack_flow(line) is None


@given(
    st.text()
    | st.lists(st.sampled_from([*UDP.split(), "udp", "17", "-1", "[", "]", "=", "src=", "mark=x"])).map(" ".join)
)
def test_no_line_can_raise(line: str) -> None:
    netfilter.conntrack_flow(line)


ports = st.integers(0, 65535)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    ip = st.ip_addresses(v=draw(st.sampled_from([4, 6])))
    directions = [Direction(draw(ip), draw(ip), draw(ports), draw(ports)) for _ in range(2)]
    state = draw(st.sampled_from([None, "ESTABLISHED", "TIME_WAIT"]))
    flags = draw(st.frozensets(st.sampled_from(["UNREPLIED", "ASSURED", "OFFLOAD"])))
    seconds = draw(st.none() | st.integers(0, 1 << 31))
    return Flow("tcp", 6, directions[0], directions[1], seconds, state, flags, draw(ports))


@given(flows())
def test_what_conntrack_would_write_is_read_back(flow: Flow) -> None:
    sides = [
        f"src={d.source} dst={d.destination} sport={d.source_port} dport={d.destination_port}"
        for d in (flow.original, flow.reply)
    ]
    head = [flow.protocol, str(flow.number), *([str(flow.seconds)] if flow.seconds is not None else [])]
    line = " ".join([*head, *([flow.state] if flow.state else []), *sides, *(f"[{f}]" for f in flow.flags)])
    assert netfilter.conntrack_flow(f"{line} mark={flow.mark} use=1") == flow


def test_commands_stand_one_a_line() -> None:
    commands = [{"add": {"table": {"family": "ip", "name": "x"}}}, {"delete": {"table": {"family": "ip", "name": "y"}}}]
    said = netfilter.nft_document(commands)
    assert json.loads(said) == {"nftables": commands}
    assert [json.loads(line.rstrip(",")) for line in said.splitlines()[1:-1]] == commands


@pytest.mark.parametrize(
    ("said", "objects"),
    [
        ("", ()),
        ('{"nftables": [{"metainfo": {"version": "1.0.6"}}]}', ()),
        ('{"nftables": [{"metainfo": {}}, {"table": {"name": "x"}}]}', ({"table": {"name": "x"}},)),
    ],
)
def test_a_listing_has_no_metainfo(said: str, objects: tuple[object, ...]) -> None:
    assert netfilter.nft_objects(said) == objects


def test_a_comment_is_one_word_and_a_broken_line_has_none() -> None:
    line = '-A POSTROUTING -m comment --comment "two words" -j X'
    assert netfilter.iptables_words(line)[4:6] == ("--comment", "two words")
    assert netfilter.iptables_words('-A X --comment "open') == ()


def test_deleting_names_as_much_as_is_said() -> None:
    assert netfilter.conntrack_deletion(A)[2:] == ("-f", "ipv4", "--orig-src", "10.42.0.1")
    six = netfilter.conntrack_deletion(ip_address("::1"), ip_address("::2"), only_untranslated=True)
    assert six[2:] == ("-f", "ipv6", "--orig-src", "::1", "--orig-dst", "::2", "--reply-dst", "::1")


@pytest.mark.parametrize("counters", ["-c 3 240 ", ""])
def test_a_line_of_iptables_is_the_same_without_its_counters(counters: str) -> None:
    line = f"-A LANDFAST -o wlan0 {counters}-j MASQUERADE"
    assert netfilter.iptables_uncounted(line) == ("-A", "LANDFAST", "-o", "wlan0", "-j", "MASQUERADE")
