from __future__ import annotations

from landfast.trials.truth.declared import Truth
from landfast.trials.truth.matrix import Matrix, Run
from landfast.trials.truth.page import render


def test_every_run_is_on_the_page_and_nothing_of_it_is_markup() -> None:
    run = Run("<i>net</i>", 0.1, Truth(frozenset("a"), frozenset()), frozenset({"<b>"}), 1.5, problem="it broke")
    page = render([Matrix(0.1, (run,))], [7, 8], 1)
    assert "&lt;i&gt;net" in page
    assert "&lt;b&gt;" in page
    assert "<b>," not in page
    assert "it broke" in page
    assert "10 % of the packets" in page
    assert "7, 8" in page
    assert "Partial" not in page


def test_an_interrupted_one_says_of_how_many_runs_it_is() -> None:
    run = Run("net", 0.0, Truth(frozenset(), frozenset()))
    assert "Partial: 1 of 3 runs were made." in render([Matrix(0.0, (run,))], [], 3)
