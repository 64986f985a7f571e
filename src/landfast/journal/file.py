"""A journal: one header line, then one line for each record, appended when it is finished and never changed.

A record is on the disk when `append` returns. What a crash can leave behind is one torn last line, which is dropped
with a notice.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from landfast.errors import BadFile, RequestError

SCHEMA_VERSION = 1
MAX_LINE = 4 << 20
"""Bytes. An attempt with ten thousand foreign packets takes 0.2 MB; a longer line is no journal's."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """What a journal holds. `records` are (line number, record); `torn` tells that a last line was not finished and
    left out."""

    header: Record
    records: tuple[tuple[int, Record], ...]
    torn: bool


def read(path: Path) -> Recording | None:
    """Read a journal; None when not even its header was finished. Raises BadFile, with the line, for anything but a
    torn end."""
    try:
        with path.open("rb") as file:
            lines, torn, _ = _read(path, file)
    except OSError as problem:
        raise BadFile(path, None, problem.strerror or str(problem)) from None
    if not lines:
        return None
    header = lines[0][1]
    if header.get("schema_version") != SCHEMA_VERSION:
        raise BadFile(path, 1, f"schema_version {header.get('schema_version')!r}, readable here is {SCHEMA_VERSION}")
    return Recording(header, tuple(lines[1:]), torn)


def _read(path: Path, file: IO[bytes]) -> tuple[list[tuple[int, Record]], bool, int]:
    """The records, whether a torn line follows them, and where the last whole line ends (bytes)."""
    records: list[tuple[int, Record]] = []
    end = 0
    for number, line in enumerate(_lines(path, file), start=1):
        if not line.endswith(b"\n"):
            return records, True, end
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("it is not an object")
        except (ValueError, RecursionError) as problem:
            raise BadFile(path, number, f"not a journal's line: {problem}") from None
        records.append((number, record))
        end += len(line)
    return records, False, end


def _lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
        if len(line) > MAX_LINE:
            raise BadFile(path, number, f"a line longer than {MAX_LINE} bytes")
        yield line


class Journal:
    """A journal that is being written. Only one process may have it open: `with Journal.create(path, header) as
    journal`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Begin a new journal. One that is there becomes `PATH~`, as editors do, so that nothing measured is lost at
        once."""
        if path.exists():
            _open(path).close()  # refuses while somebody writes it
            path.replace(path.with_name(path.name + "~"))
        journal = cls(path, _open(path))
        journal.append({"schema_version": SCHEMA_VERSION, **header})
        return journal

    @classmethod
    def resume(cls, path: Path) -> Journal:
        """Go on with a journal; a torn last line is cut off."""
        file = _open(path)
        try:
            _, _, end = _read(path, file)
        except BadFile:
            file.close()
            raise
        file.truncate(end)
        file.seek(end)
        return cls(path, file)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record; it is on the disk when this returns."""
        self._file.write(json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let it go. Idempotent."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        file = path.open("r+b")
    except OSError as problem:
        raise RequestError(f"cannot write the journal {path}: {problem.strerror}; name another file") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise RequestError(f"the journal {path} is being written by another trial") from None
    return file
