from __future__ import annotations

import os
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing, WorldError
from landfast.kernel import files


def test_a_file_is_written_with_its_mode_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c"
    files.replace(path, "text\udcff", 0o750)
    assert path.read_bytes() == b"text\xff"
    assert path.stat().st_mode & 0o7777 == 0o750
    files.replace(path, "other")
    assert (path.read_text(), path.stat().st_mode & 0o7777) == ("other", 0o644)
    assert [each.name for each in path.parent.iterdir()] == ["c"]


def test_a_link_replaces_a_file_and_a_link(tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.write_text("file")
    files.link(path, "../there")
    files.link(path, "../elsewhere")
    assert str(path.readlink()) == "../elsewhere"


def test_removing_takes_what_a_crash_left_too(tmp_path: Path) -> None:
    path = tmp_path / "own/file"
    files.replace(path, "text")
    (tmp_path / "own/.file.landfast").write_text("half")
    files.remove(path, folder=True)
    assert list(tmp_path.iterdir()) == []
    files.remove(path, folder=True)  # once more


def test_a_folder_with_something_else_in_it_stays(tmp_path: Path) -> None:
    files.replace(tmp_path / "own/file", "text")
    files.replace(tmp_path / "own/other", "text")
    files.remove(tmp_path / "own/file", folder=True)
    assert [each.name for each in (tmp_path / "own").iterdir()] == ["other"]


def test_until_the_end_the_old_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.replace(path, "old")
    seen = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(path.read_text())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.replace(path, "new")
    assert seen == ["old", "new"]  # the contents last before the name changes, and the name lasts after


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WorldError, match="file/below"):
        files.replace(tmp_path / "file/below", "text")
    files.remove(tmp_path / "file/below")  # nothing can be there


def test_without_the_right_the_capability_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # as the kernel says it to anybody but root

    monkeypatch.setattr(os, "fchmod", refused)
    with pytest.raises(CapabilityMissing, match="right to write"):
        files.replace(tmp_path / "file", "text")
    assert not (tmp_path / "file").exists()
