"""The undo record: how everything was that a fix changes, on the disk before the first change.

One file, replaced whole and synced (kernel/files.py), so that a crash leaves the old one or the new one. It keeps for
each remedy the state before the *first* fix: fixing twice and undoing once leads back to the beginning. It is removed
when everything is as it was; until then undoing can be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from landfast.errors import BadFile
from landfast.kernel import files
from landfast.kernel.host import Host
from landfast.remedies.masquerade import State
from landfast.remedies.policy import Before, decoded

PATH = "/var/lib/landfast/undo.json"
SCHEMA_VERSION = 1
LARGEST = 4 << 20
"""Bytes. It holds our own rules and files of ours, each of at most 1 MiB (`masquerade.persist.LARGEST`)."""


@dataclass(frozen=True)
class Record:
    """What was there; None: that remedy was not applied."""

    masquerade: State | None = None
    policy: Before | None = None

    def with_older(self, older: Record) -> Record:
        """With the older of both states, where there are two."""
        return replace(
            self,
            masquerade=older.masquerade if older.masquerade is not None else self.masquerade,
            policy=older.policy if older.policy is not None else self.policy,
        )


def read(host: Host, path: str = PATH) -> Record | None:
    """What was kept; None: nothing is to be undone. Raises BadFile for what cannot be one."""
    there = host.root / path.lstrip("/")
    try:
        with there.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError("it is too long")
        return _decoded(json.loads(data))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise BadFile(path, None, problem.strerror or str(problem)) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise BadFile(path, None, f"no undo record: {problem!r}") from None


def _decoded(said: Mapping[str, Any]) -> Record:
    if said["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema_version {said['schema_version']!r}, readable here is {SCHEMA_VERSION}")
    masquerade, policy = said["masquerade"], said["policy"]
    return Record(
        None if masquerade is None else State.decoded(masquerade), None if policy is None else decoded(policy)
    )


def keep(host: Host, record: Record, path: str = PATH) -> None:
    """Write it; it is on the disk when this returns. What an older record has of a remedy stays."""
    whole = record.with_older(read(host, path) or Record())
    said = {
        "schema_version": SCHEMA_VERSION,
        "masquerade": None if whole.masquerade is None else whole.masquerade.encoded(),
        "policy": None if whole.policy is None else asdict(whole.policy),
    }
    files.replace(host.root / path.lstrip("/"), json.dumps(said) + "\n", 0o600)


def forget(host: Host, path: str = PATH) -> None:
    """All is as it was."""
    files.remove(host.root / path.lstrip("/"), folder=True)
