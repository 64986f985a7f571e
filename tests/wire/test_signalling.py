from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from landfast.wire import signalling
from landfast.wire.signalling import (
    MAX_KEPT,
    AreYouThere,
    Bye,
    Conversation,
    Frame,
    Heard,
    Place,
    Room,
    Said,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.builds(Said, st.integers(min_value=1), JSON)
    | st.builds(Heard, st.integers(min_value=0))
    | st.sampled_from([AreYouThere(), Bye()])
)
def test_a_frame_is_read_as_it_was_written(frame: Frame) -> None:
    assert signalling.read(signalling.write(frame)) == frame


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", '{"number":0,"say":1}', '{"number":true,"say":1}', '{"number":1}', '{"heard":-1}', "[" * 100_000],
)
def test_what_is_no_frame_is_none(text: str) -> None:
    assert signalling.read(text) is None


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_no_text_raises(text: str | bytes) -> None:
    assert signalling.read(text) in (None, AreYouThere(), Bye())


NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)


@given(
    st.builds(Place, NAMES.filter(lambda n: n not in (".", "..")), NAMES, NAMES, st.integers(0, 999999999), st.text())
)
def test_a_place_is_found_by_its_address(place: Place) -> None:
    address = place.address("ws://198.51.100.5:8080/some/path/")
    assert address.startswith("ws://198.51.100.5:8080/some/path/")
    assert signalling.place(address.removeprefix("ws://198.51.100.5:8080")) == place


@pytest.mark.parametrize(
    "target", ["/", "/room", "/room?seat=robot", "/r%20m?seat=a&me=b", "/r?seat=a&me=b&heard=-1", "//"]
)
def test_a_target_without_a_place_is_none(target: str) -> None:
    assert signalling.place(target) is None


def test_a_room_has_two_seats_and_each_one_owner() -> None:
    room = Room()
    assert room.sit("robot", "a") is None
    assert room.sit("robot", "a") is None
    assert room.sit("robot", "b") == "the seat is taken: every conversation needs a room of its own"
    assert room.sit("operator", "b") is None
    assert room.sit("third", "c") == "the room is full"


def test_a_room_is_done_when_both_have_left() -> None:
    room = Room()
    room.sit("robot", "a")
    assert not room.leave("robot")  # the operator may still come
    room.sit("operator", "b")
    room.sit("robot", "a")
    assert not room.leave("operator")
    assert room.leave("robot")


def test_a_room_is_bounded_and_has_no_gaps() -> None:
    room = Room()
    room.sit("robot", "a")
    assert room.hear("robot", Said(2, "x")) == "message 1 is missing"
    assert room.hear("robot", Said(1, "x" * (MAX_KEPT - 100))) is None
    assert room.hear("robot", Said(2, "x" * 100)) == "too much was said"
    assert room.hear("robot", Said(1, "x")) is None
    assert room.heard("robot") == Heard(1)


class Talk(RuleBasedStateMachine):
    """Two peers and a server over connections that lose what is on its way when they break."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()
        self.peers = {"robot": Conversation(), "operator": Conversation()}
        self.said: dict[str, list[int]] = {"robot": [], "operator": []}
        self.got: dict[str, list[Any]] = {"robot": [], "operator": []}
        self.up: dict[str, list[Frame]] = {}
        self.down: dict[str, list[Frame]] = {}
        self.told: dict[str, int] = {}
        for name in self.peers:
            self.cut(name)

    @rule(name=st.sampled_from(["robot", "operator"]))
    def cut(self, name: str) -> None:
        """The connection breaks and another is made."""
        assert self.room.sit(name, name) is None
        self.told[name] = self.peers[name].heard
        self.down[name] = [self.room.heard(name)]
        self.up[name] = list(self.peers[name].unheard())

    @rule(name=st.sampled_from(["robot", "operator"]))
    def say(self, name: str) -> None:
        self.said[name].append(len(self.said[name]))
        self.up[name].append(self.peers[name].say(self.said[name][-1]))

    @rule(name=st.sampled_from(["robot", "operator"]), frames=st.integers(0, 4))
    def server_reads(self, name: str, frames: int) -> None:
        for frame in self.up[name][:frames]:
            assert isinstance(frame, Said)
            assert self.room.hear(name, frame) is None
            self.down[name].append(self.room.heard(name))
        del self.up[name][:frames]

    @rule(name=st.sampled_from(["robot", "operator"]), frames=st.integers(0, 4))
    def peer_reads(self, name: str, frames: int) -> None:
        for said in self.room.for_seat(name, self.told[name]):
            self.down[name].append(said)
            self.told[name] = said.number
        for frame in self.down[name][:frames]:
            self.got[name] += self.peers[name].receive(frame)
        del self.down[name][:frames]

    @invariant()
    def nothing_is_lost_repeated_or_out_of_order(self) -> None:
        for name, other in (("robot", "operator"), ("operator", "robot")):
            assert self.got[name] == self.said[other][: len(self.got[name])]

    def teardown(self) -> None:
        for name in self.peers:
            self.cut(name)
        for name in self.peers:
            self.server_reads(name, len(self.up[name]))
        for name, other in (("robot", "operator"), ("operator", "robot")):
            self.peer_reads(name, 10**9)
            assert self.got[name] == self.said[other]
            assert self.peers[name].unheard() == []


TestTalk = Talk.TestCase
