"""A file that somebody wants kept of what was found: asked for before the work, written after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landfast.errors import RequestError


def prepare(path: Path | None, what: str) -> None:
    """Find out, before work that may be long, whether `keep` will be able to write there. Folders on the way are made,
    an older file stays as it is. Raises RequestError.
    """
    if path is None:
        return
    with _told(path, what):
        path.parent.mkdir(parents=True, exist_ok=True)
        missing = not path.exists()
        path.open("ab").close()
        if missing:
            path.unlink()


def keep(path: Path, text: str, what: str) -> None:
    """Write the `what` as UTF-8; folders on the way are made, an older file is replaced. Raises RequestError."""
    with _told(path, what):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise RequestError(f"cannot write the {what} {path}: {problem.strerror}; name another file") from None
