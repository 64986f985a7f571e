from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.peers import report
from landfast.peers.report import (
    Began,
    ChecksStarted,
    Closed,
    Connected,
    Echoes,
    Event,
    GatheringFinished,
    GatheringStarted,
    Outcome,
    Ready,
    Reason,
    StateChanged,
)

AT = st.floats(allow_nan=False, allow_infinity=False)
EVENTS = st.one_of(
    *(st.builds(kind, AT) for kind in (Ready, Began, GatheringStarted, ChecksStarted, Connected)),
    st.builds(GatheringFinished, AT, st.lists(st.text()).map(tuple)),
    st.builds(StateChanged, AT, st.text(), st.text()),
    st.builds(Echoes, AT, st.integers(), st.integers(), AT, AT),
    st.builds(Closed, AT, st.sampled_from(Reason), st.text()),
)


@given(EVENTS)
def test_a_line_is_read_as_it_was_written(event: Event) -> None:
    line = report.encode(event)
    assert "\n" not in line
    assert report.decode(line) == report.decode(line.encode()) == event


@given(st.text() | st.binary() | st.dictionaries(st.sampled_from(["event", "at", "reason"]), st.text()).map(json.dumps))
def test_a_line_of_somebody_else_is_an_error(line: str | bytes) -> None:
    with pytest.raises(ValueError, match="not a peer's event"):
        report.decode(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"Ready"}',
        '{"event":"Ready","at":1,"more":2}',
        '{"event":"Closed","at":1,"reason":"bored","detail":""}',
        '["event"]',
        "[" * 100_000,
    ],
)
def test_a_wrong_event_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="not a peer's event"):
        report.decode(line)


def test_the_outcome_holds_each_moment_once() -> None:
    echoes, closed = Echoes(9, 3, 2, 8.5, 0.5), Closed(9.5, Reason.HELD)
    life: list[Event] = [
        Ready(1),
        Began(2),
        GatheringStarted(3),
        GatheringFinished(4, ("host 10.0.0.1",)),
        ChecksStarted(5),
        StateChanged(5, "ice", "checking"),
        ChecksStarted(6),
        Connected(7),
        echoes,
        closed,
    ]
    assert report.fold(life) == Outcome(1, 2, 3, 4, 5, 7, echoes, closed)
    assert report.fold(life).held
    assert not report.fold(life[:-1]).held
    assert not report.fold([Closed(1, Reason.LOST)]).held
    assert report.fold([]) == Outcome()


def test_candidates_are_told_by_type_and_address() -> None:
    sdp = (
        "v=0\r\n"
        "a=candidate:1 1 udp 2130706431 192.168.1.10 40000 typ host\r\n"
        "a=candidate:1 2 udp 2130706430 192.168.1.10 40001 typ host\r\n"
        "a=candidate:2 1 udp 1694498815 203.0.113.10 40000 typ srflx raddr 192.168.1.10 rport 40000\r\n"
        "a=candidate:broken\r\n"
    )
    assert report.candidates(sdp) == ("host 192.168.1.10", "srflx 203.0.113.10")
