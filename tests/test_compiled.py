"""What the campaign plays can be compiled, and then plays the same: `make/compiled.py`, which `make proof` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from landfast.trials.campaign import campaign as many
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


def test_what_was_compiled_is_made_anew_only_when_a_source_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(compiled, "COMPILED", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "_compile", lambda: made.append("once"))
    assert compiled.compiled()
    assert compiled.compiled()
    assert made == ["once"]
    monkeypatch.setattr(compiled, "_key", lambda: "another")
    assert compiled.compiled()
    assert made == ["once", "once"]


@pytest.mark.proof
@pytest.mark.anyio
@pytest.mark.timeout(1800)
async def test_compiled_histories_go_as_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled.compiled():
        pytest.skip("it needs a C compiler and setuptools")
    assert list(compiled.COMPILED.rglob("play.*.so"))
    plain, native = [await _played(path, monkeypatch) for path in (compiled.SOURCES, compiled.COMPILED)]
    assert plain.histories == 60
    assert plain == native


async def _played(path: Path, monkeypatch: pytest.MonkeyPatch) -> Tally:
    """What workers tell that import from this folder."""
    monkeypatch.setenv("PYTHONPATH", str(path))
    tally = Tally()
    await many.campaign(90_000, 60, 1800, many.cores(), tally.merge)
    return tally
