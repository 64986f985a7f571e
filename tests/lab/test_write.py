from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.lab import parse, write
from landfast.lab.network import Network


def back(text: str, name: str = "") -> Network:
    return parse.parse(text, "x.toml").but(name=name)


@pytest.mark.parametrize("name", parse.profiles())
def test_every_profile_is_read_back_as_it_was(name: str) -> None:
    network = parse.profile(name)
    assert back(write.toml(network), name) == network


def test_what_toml_has_no_word_for_is_said_as_false() -> None:
    mifi = parse.profile("mifi")
    carrier = mifi.routers["carrier"]
    assert carrier.gateway
    endless = carrier.but(gateway=carrier.gateway.but(period=None).model_dump())
    plain = mifi.but(routers={**mifi.routers, "carrier": endless.model_dump(), "office": {"nat": None}})
    assert back(write.toml(plain), plain.name) == plain


def test_events_are_read_back() -> None:
    happening = parse.profile("home").but(events=[{"what": "flush", "on": "home", "at": 2.5}])
    assert back(write.toml(happening), happening.name) == happening


@given(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1, max_size=3), st.lists(st.text(), max_size=3))
def test_no_text_breaks_the_file(title: str, seen: list[str], comments: list[str]) -> None:
    home = parse.profile("home")
    text = write.toml(home.but(title=title, observed_on=seen), comments)
    read = back(text)
    assert (read.title, read.observed_on) == (title, seen)
    assert text.encode()


def test_comments_are_lines_above_it() -> None:
    text = write.toml(parse.profile("home"), ["short", " ".join(["word"] * 60), "evil\nnat = false\r# x"])
    head = text.split("\n\n")[0].split("\n")
    assert all(line.startswith("# ") and len(line) < 120 for line in head)
    assert head[0] == "# short"
    assert len(head) == 5
