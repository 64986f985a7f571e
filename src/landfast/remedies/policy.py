"""The session's policy as a remedy: one file, written whole, undone exactly. It is for the sessions of this host, which
do not read it yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from landfast.errors import BadFile
from landfast.kernel import files
from landfast.kernel.host import Host
from landfast.model.policy import Policy
from landfast.model.remedies import Remedy, Remove, Step, Undo, Write

PATH = "/etc/landfast/session.json"
LARGEST = 1 << 16
"""Bytes; a policy has a few lines."""


@dataclass(frozen=True)
class Before:
    """The file as it was; `text` is None where there was none."""

    path: str
    text: str | None
    mode: int = 0o644


def look(host: Host, path: str = PATH) -> Before:
    """What is there now. Raises BadFile for what cannot be one."""
    there = host.root / path.lstrip("/")
    try:
        status = there.stat()
        if status.st_size > LARGEST:
            raise BadFile(path, None, "this is no policy of a session", "move it away")
        return Before(path, there.read_bytes().decode(errors="surrogateescape"), status.st_mode & 0o7777)
    except (FileNotFoundError, NotADirectoryError):
        return Before(path, None)
    except OSError as problem:
        raise BadFile(path, None, problem.strerror or str(problem)) from None


def read(host: Host, path: str = PATH) -> Policy:
    """The policy in force; the empty one where there is no file. Raises BadFile."""
    before = look(host, path)
    if before.text is None:
        return Policy()
    try:
        return Policy.read(before.text)
    except ValueError as problem:
        raise BadFile(path, None, str(problem), "correct it or move it away") from None


def propose(host: Host, policy: Policy, path: str = PATH) -> Remedy:
    """What would be written; no steps where it stands there already."""
    before, text = look(host, path), policy.text()
    steps: tuple[Step, ...] = () if before.text == text else (Write(path, text),)
    return Remedy(
        "policy",
        f"sessions on this host {'; '.join(_said(policy))}",
        f"{path}, which a session reads when it begins",
        "what the policy excludes is not tried, even where it would work again",
        steps,
        Undo("landfast fix --undo", (_back(before),) if steps else ()),
        tuple(text.splitlines()),
    )


def _said(policy: Policy) -> list[str]:
    said = []
    if policy.interfaces:
        said.append(f"gather candidates on {', '.join(policy.interfaces)} only")
    if policy.families:
        said.append(f"use IPv{' and IPv'.join(map(str, policy.families))} only")
    if policy.keepalive:
        said.append(f"are silent for {policy.keepalive:g} s at most")
    if policy.relays:
        said.append(f"try relays in this order: {', '.join(policy.relays)}")
    return said or ["do as they please"]


def _back(before: Before) -> Step:
    return Remove(before.path, folder=True) if before.text is None else Write(before.path, before.text, before.mode)


def write(host: Host, policy: Policy, path: str = PATH) -> None:
    """Write it; other sessions see the old one or the new one, never half. Raises CapabilityMissing."""
    files.replace(host.root / path.lstrip("/"), policy.text())


def restore(host: Host, before: Before) -> bool:
    """Put back what was there; whether anything had to be changed."""
    if look(host, before.path) == before:
        return False
    there = host.root / before.path.lstrip("/")
    if before.text is None:
        files.remove(there, folder=True)
    else:
        files.replace(there, before.text, before.mode)
    return True


def decoded(said: dict[str, Any]) -> Before:
    """A `Before` from its fields. Raises TypeError for anything else."""
    return Before(**said)
