from __future__ import annotations

import json

from landfast.trials.truth.declared import Truth
from landfast.trials.truth.matrix import NOTHING, Matrix, Run, as_json


def run(must: str, found: str, may: str = "", **more: object) -> Run:
    codes = [frozenset(text.split()) for text in (must, may, found)]
    return Run("net", 0.0, Truth(codes[0], codes[1]), codes[2], **more)  # type: ignore[arg-type]


def test_a_cause_is_named_missed_or_said_wrongly() -> None:
    matrix = Matrix(0.0, (run("a b", "a"), run("", "c"), run("", ""), run("a", "a d", "d")))
    assert matrix.cells == {("a", "a"): 2, ("b", NOTHING): 1, (NOTHING, "c"): 1, (NOTHING, NOTHING): 1}
    assert (matrix.causes, matrix.named, matrix.wrong) == (3, 1 - 1 / 3, 1)
    assert matrix.rows() == [("a", 2, 2, 0), ("b", 1, 0, 0), ("c", 0, 0, 1)]


def test_it_passes_when_nothing_is_wrong_and_enough_was_named() -> None:
    assert Matrix(0.0, (run("a", "a"), run("", ""))).passed(1.0)
    assert not Matrix(0.0, (run("a", "a"), run("", "b"))).passed(0.0)
    named, missed = run("a", "a"), run("a", "")
    assert Matrix(0.1, (*[named] * 19, missed)).passed(0.95)
    assert not Matrix(0.1, (*[named] * 18, missed, missed)).passed(0.95)
    assert not Matrix(0.0, (run("", "", problem="it broke"),)).passed(0.0)


def test_every_run_is_in_the_document() -> None:
    matrix = Matrix(0.0, (run("a", "b", seconds=1.5),))
    said = json.loads(json.dumps(as_json([matrix], [7], 2)))
    assert said["seeds"] == [7]
    assert said["finished"] is False
    assert as_json([matrix], [7], 1)["finished"] is True
    assert said["matrices"][0]["runs"][0]["missed"] == ["a"]
    assert said["matrices"][0]["runs"][0]["wrong"] == ["b"]
