from __future__ import annotations

from pathlib import Path

import pytest

from landfast.cli import kept
from landfast.errors import RequestError


def test_it_is_written_where_asked_and_replaces_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "report.html"
    kept.keep(path, "older, and longer", "report")
    kept.keep(path, "naïve", "report")
    assert path.read_bytes() == "naïve".encode()


def refused(tmp_path: Path) -> list[Path]:
    """A folder, something in what is a file, and a name that is too long for any file system."""
    (tmp_path / "file").touch()
    return [tmp_path, tmp_path / "file" / "report.html", tmp_path / ("r" * 300)]


@pytest.mark.parametrize("number", range(3))
def test_what_cannot_be_written_is_one_sentence_with_the_remedy(tmp_path: Path, number: int) -> None:
    path = refused(tmp_path)[number]
    with pytest.raises(RequestError, match=r"cannot write the report .*: .*; name another file"):
        kept.keep(path, "text", "report")


@pytest.mark.parametrize("number", range(3))
def test_it_is_known_before_the_work_that_it_cannot_be_written(tmp_path: Path, number: int) -> None:
    path = refused(tmp_path)[number]
    with pytest.raises(RequestError, match=r"cannot write the network .*; name another file"):
        kept.prepare(path, "network")


def test_before_the_work_nothing_is_written_but_the_folders(tmp_path: Path) -> None:
    kept.prepare(None, "report")
    kept.prepare(tmp_path / "new" / "report.html", "report")
    assert list(tmp_path.rglob("*")) == [tmp_path / "new"]
    (tmp_path / "older").write_text("text")
    kept.prepare(tmp_path / "older", "report")
    assert (tmp_path / "older").read_text() == "text"
