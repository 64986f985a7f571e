from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile, RequestError
from landfast.journal import file
from landfast.journal.file import Journal, Recording, read

RECORDS = st.lists(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=3), max_size=4)


def written(path: Path, records: list[dict[str, Any]]) -> None:
    with Journal.create(path, {"plan": 1}) as journal:
        for record in records:
            journal.append(record)


def recording(path: Path) -> Recording:
    found = read(path)
    assert found is not None
    return found


@given(RECORDS)
def test_what_was_appended_is_read_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "trial.jsonl"
    written(path, records)
    found = recording(path)
    assert found.header == {"schema_version": file.SCHEMA_VERSION, "plan": 1}
    assert found.records == tuple(enumerate(records, start=2))
    assert not found.torn


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "j", {}) as journal:
        journal.append({"a": 1})
        assert recording(tmp_path / "j").records == ((2, {"a": 1}),)


@given(st.data())
def test_a_journal_torn_anywhere_is_read_and_continued_with_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "trial.jsonl"
    written(path, [{"attempt": 1}, {"attempt": 2}])
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    kept = path.read_bytes().count(b"\n")

    found = read(path)
    assert (found is None) == (kept == 0), "without its header it is no journal yet"
    if found:
        assert len(found.records) == kept - 1
        assert found.torn == (not path.read_bytes().endswith(b"\n"))
        with Journal.resume(path) as journal:
            journal.append({"attempt": 9})
        assert recording(path).records == (*found.records, (kept + 1, {"attempt": 9}))


@pytest.mark.parametrize("line", ["", "{", "[]", "1", '{"a": NaN]', "\x00", "[" * 100_000])
def test_a_broken_line_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j"
    written(path, [{"attempt": 1}])
    path.write_text(path.read_text() + line + "\n" + json.dumps({"attempt": 2}) + "\n")
    for use in (read, Journal.resume):
        with pytest.raises(BadFile) as caught:
            use(path)
        assert (caught.value.path, caught.value.line) == (path, 3)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_LINE", 100)
    (tmp_path / "j").write_bytes(b"x" * 200)
    with pytest.raises(BadFile, match="longer than 100 bytes"):
        read(tmp_path / "j")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"schema_version": 99}\n')
    with pytest.raises(BadFile, match="schema_version 99"):
        read(tmp_path / "j")


def test_a_new_journal_keeps_the_old_one_beside_it(tmp_path: Path) -> None:
    written(tmp_path / "j", [{"attempt": 1}])
    written(tmp_path / "j", [])
    assert recording(tmp_path / "j~").records == ((2, {"attempt": 1}),)
    assert recording(tmp_path / "j").records == ()


def test_one_journal_has_one_writer(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "j", {}) as journal:
        for use in (Journal.resume, lambda path: Journal.create(path, {})):
            with pytest.raises(RequestError, match="written by another"):
                use(tmp_path / "j")
        journal.append({"attempt": 1})
    assert len(recording(tmp_path / "j").records) == 1


def test_a_place_that_cannot_be_written_is_the_callers_fault(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(RequestError, match="cannot write the journal"):
        Journal.create(tmp_path / "folder", {})


def test_a_journal_that_is_not_there_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        read(tmp_path / "none")
