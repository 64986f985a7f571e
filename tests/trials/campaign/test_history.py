from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.errors import RequestError
from landfast.trials.campaign.drawn import drawn
from landfast.trials.campaign.history import History, other, read


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_what_is_written_is_read(seed: int) -> None:
    assert read(drawn(seed).text()) == drawn(seed)


def test_what_is_as_usual_is_not_written() -> None:
    assert "mobility" not in History(seed=1, lasts=5).text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "Invalid JSON"),
        ('{"seed": 1}', "lasts: Field required"),
        ('{"seed": 1, "lasts": 2, "faults": [{"at": 1, "what": "rain", "on": "robot"}]}', "faults.0.what"),
        ('{"seed": 1, "lasts": 2, "robot": {"uplink": {"nat": 1}}}', "robot.uplink.nat: Extra"),
    ],
)
def test_what_is_no_history_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        read(text)


def test_each_side_has_the_other() -> None:
    assert (other("robot"), other("operator")) == ("operator", "robot")
