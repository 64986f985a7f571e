from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from landfast.lab.verify.measured import NONE, Measured, Row

VALUES = st.one_of(st.booleans(), st.integers(0, 9), st.sampled_from(["paired", "arbitrary", NONE]))
ROWS = st.builds(
    Row,
    place=st.sampled_from(["home", "robot"]),
    axis=st.sampled_from(["nat.pool", "udp"]),
    declared=VALUES,
    observed=st.one_of(st.none(), VALUES),
    how=st.just("asked"),
)


def test_what_is_unknown_is_no_difference() -> None:
    unknown = Row("home", "nat.mapping", "endpoint-independent", None, "its budget does not allow it")
    assert unknown.agrees is None
    assert Measured("x", (unknown,)).ok


def test_a_difference_prints_both() -> None:
    row = Row("home", "nat.pool", 8, 1, "1 on wan")
    assert str(row) == "home: nat.pool is declared 8, observed 1 (1 on wan)"
    assert Measured("x", (row,)).differences == (row,)


def test_a_number_may_be_as_far_off_as_its_tolerance() -> None:
    assert Row("home", "link.delay_ms", 20.0, 21.0, "", tolerance=1.5).agrees
    assert not Row("home", "link.delay_ms", 20.0, 22.0, "", tolerance=1.5).agrees
    assert not Row("home", "link.rate_kbit", 500, NONE, "", tolerance=50).agrees
    assert not Row("home", "nat.udp_timeout", 20, "above 20.4", "", tolerance=1).agrees


def test_what_is_seen_later_fills_in_what_was_unknown() -> None:
    quick = Measured("x", (Row("home", "budget", NONE, None, "later"), Row("home", "udp", "open", "open", "asked")))
    deep = quick.and_then(
        [Row("home", "budget", NONE, NONE, "300 passed"), Row("home", "link.loss", 0.0, 0.0, "0 of 9")]
    )
    assert [(row.axis, row.observed) for row in deep.rows] == [("budget", NONE), ("udp", "open"), ("link.loss", 0.0)]
    assert deep.observed("home", "budget") == NONE
    assert deep.observed("home", "nothing") is None


@given(st.lists(ROWS), st.lists(ROWS))
def test_a_difference_is_never_forgotten(first: list[Row], later: list[Row]) -> None:
    unique = {(row.place, row.axis): row for row in first}
    before = Measured("x", tuple(unique.values()))
    after = before.and_then(later)
    assert set(before.differences) <= set(after.differences)
    assert before.ok or not after.ok
    known = {(row.place, row.axis) for row in before.rows if row.agrees is not None}
    assert known <= {(row.place, row.axis) for row in after.rows if row.agrees is not None}


def test_only_what_differs_twice_is_a_difference() -> None:
    late, wrong = Row("home", "udp", "open", "blocked", ""), Row("home", "nat.pool", 8, 1, "")
    first = Measured("x", (late, wrong, Row("home", "input", "drop", "drop", "")))
    second = Measured("x", (Row("home", "udp", "open", "open", ""), wrong, Row("home", "input", "drop", "accept", "")))
    assert first.seen_again(second).differences == (wrong,)
    assert first.seen_again(first) == first


@given(st.lists(ROWS, unique_by=lambda row: (row.place, row.axis)))
def test_its_json_has_declared_beside_observed(rows: list[Row]) -> None:
    said = json.loads(json.dumps(Measured("x", tuple(rows)).as_json()))
    assert set(said) == {"name", "ok", "declared", "observed", "how"}
    for row in rows:
        assert said["declared"][row.place][row.axis] == row.declared
        assert said["observed"][row.place][row.axis] == row.observed
    assert said["ok"] is all(row.agrees is not False for row in rows)
