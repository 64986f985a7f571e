from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.model.policy import Policy

names = st.lists(st.text(max_size=20), max_size=4).map(tuple)
policies = st.builds(
    Policy,
    names,
    st.lists(st.sampled_from([4, 6]), unique=True).map(tuple),
    st.none() | st.floats(min_value=0.001, max_value=1e6),
    names,
)


@given(policies)
def test_what_is_written_is_read(policy: Policy) -> None:
    assert Policy.read(policy.text()) == policy


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        Policy.read(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 2},
        {"keepalive_s": 0},
        {"keepalive_s": "20"},
        {"families": [5]},
        {"interfaces": "wlan0"},
        {"relays": [1]},
    ],
)
def test_an_impossible_value_is_refused(changes: dict[str, object]) -> None:
    said = json.loads(Policy().text())
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        Policy.read(json.dumps({**said, **changes}))
