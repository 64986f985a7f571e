"""Change a host's files so that a crash at any moment leaves the old one or the new one, never half of it.

The temporary file has one fixed name beside the target, so whatever a crash left there the next change takes away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from landfast.errors import CapabilityMissing, WorldError


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a whole file; folders on the way are made. Raises CapabilityMissing when it may not be written, or
    WorldError.
    """
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text.encode(errors="surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _settle(path.parent)


def link(path: Path, target: str) -> None:
    """Make a symbolic link, in the place of whatever file or link was there. Raises as `replace` does."""
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(path)
        _settle(path.parent)


def remove(path: Path, *, folder: bool = False) -> None:
    """Remove a file or a link, if it is there; with `folder` its folder too, if nothing else is in it.

    Raises as `replace` does.
    """
    with _translated(path), suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
        _temporary(path).unlink(missing_ok=True)
        _settle(path.parent)
        if folder:
            with suppress(OSError):  # it is not empty, or not there
                path.parent.rmdir()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.landfast")


def _settle(folder: Path) -> None:
    """Make the change of a folder last (fsync(2): a file's own fsync says nothing about its name)."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as problem:
        raise CapabilityMissing(f"the right to write {path}", "root (sudo)", str(problem)) from None
    except OSError as problem:
        raise WorldError(f"{path}: {problem.strerror or problem}") from None
