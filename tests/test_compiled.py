"""What the campaign plays can be compiled, and then plays the same: `make/compiled.py`, which `make proof` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from landfast.trials.campaign.tally import Tally
from make import compiled


def test_only_sources_that_are_there_are_compiled() -> None:
    assert all((compiled.SOURCES / module).is_file() for module in compiled.modules())
    assert {Path(module).stem for module in compiled.modules()} & {*compiled.PLAIN} == set()


def test_without_a_compiler_nothing_is_there_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise SystemExit("error: command 'gcc' failed")

    monkeypatch.setattr(compiled, "COMPILED", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "_compile", fail)
    assert not compiled.compiled()
    assert not (tmp_path / "compiled").exists()
    assert "plain Python: error: command 'gcc' failed" in capsys.readouterr().err


def test_constants_are_final_and_stay_in_their_lines() -> None:
    source = """from __future__ import annotations

ONE, _TWO = 1, (
    2,
)
MANY: dict[str, int] = {}  # with a comment
Alias = tuple[int, int]
LOW, HIGH = sorted((2, 1))
last = 3
"""
    assert compiled.final(source).splitlines() == [
        "from __future__ import annotations; from typing import Final",
        "",
        "ONE: Final = 1; _TWO: Final = (2,)",
        *["", ""],
        "MANY: Final[dict[str, int]] = {}",
        "Alias = tuple[int, int]",
        "LOW, HIGH = sorted((2, 1))",
        "last = 3",
    ]


def test_every_module_can_have_final_constants() -> None:
    for module in compiled.modules():
        source = (compiled.SOURCES / module).read_text()
        made = compiled.final(source)
        compile(made, module, "exec")
        assert made.count("\n") == source.count("\n")


def test_what_was_compiled_is_made_anew_only_when_a_source_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(compiled, "COMPILED", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "_compile", lambda: made.append("once"))
    monkeypatch.setattr(compiled, "_compare", _well)
    assert compiled.compiled()
    assert compiled.compiled()
    assert made == ["once"]
    monkeypatch.setattr(compiled, "_key", lambda: "another")
    assert compiled.compiled()
    assert made == ["once", "once"]


def test_what_plays_otherwise_than_its_sources_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def played(sources: Path) -> Tally:
        return Tally(packets=1 if sources == compiled.SOURCES else 2)

    monkeypatch.setattr(compiled, "COMPILED", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "_compile", lambda: None)
    monkeypatch.setattr(compiled, "_played", played)
    assert not compiled.compiled()
    assert not (tmp_path / "compiled").exists()
    assert "plain Python: other than its sources" in capsys.readouterr().err


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_what_is_compiled_plays_as_its_sources_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("setuptools", reason="mypyc drives the compiler by it")
    monkeypatch.setenv("PYTHONPATH", "")  # so that it is as before afterwards
    assert compiled.compiled()
    assert list(compiled.COMPILED.rglob("play.*.so"))


async def _well() -> None:
    """It plays as its sources do."""
