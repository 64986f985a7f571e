"""Who would take our rules away, and who would not bring them back. `read` looks at files; `warnings` is pure.

Docker is not among them: it changes only chains of its own and flushes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from landfast.remedies.masquerade.options import Persistence

LARGEST = 1 << 20
"""Bytes that are read of a configuration file."""


@dataclass(frozen=True)
class Configuration:
    """What a host's files say. A field is False where there is no such service, or it is not started at boot."""

    nftables_flushes: bool = False
    """nftables.service is started, and its file begins with `flush ruleset` (as Debian ships it)."""
    firewalld_flushes_iptables: bool = False
    """firewalld is started, with its backend iptables: each reload flushes every table of iptables."""
    iptables_restored: bool = False
    """netfilter-persistent or iptables.service is started: `iptables-restore` without --noflush."""
    ufw_manages_builtins: bool = False
    """ufw is on, with MANAGE_BUILTINS=yes: it flushes the built-in chains."""
    systemd: bool = True
    """systemd is installed."""


def read(root: Path) -> Configuration:
    """Look at /etc below `root`; what cannot be read counts as absent."""
    etc = root / "etc"
    started = {link.name for link in etc.glob("systemd/system/*.wants/*.service")}

    def says(name: str, pattern: str) -> bool:
        return re.search(rf"^\s*{pattern}", _text(etc / name), re.MULTILINE) is not None

    return Configuration(
        nftables_flushes="nftables.service" in started and says("nftables.conf", r"flush\s+ruleset"),
        firewalld_flushes_iptables="firewalld.service" in started
        and says("firewalld/firewalld.conf", r"FirewallBackend\s*=\s*iptables"),
        iptables_restored=bool({"netfilter-persistent.service", "iptables.service"} & started),
        ufw_manages_builtins=says("ufw/ufw.conf", r"ENABLED\s*=\s*yes")
        and says("default/ufw", r"MANAGE_BUILTINS\s*=\s*[\"']?yes"),
        systemd=any((root / folder / "systemd/systemd").exists() for folder in ("usr/lib", "lib")),
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode(errors="replace")
    except OSError:
        return ""


def warnings(
    seen: Configuration, backend: Literal["nft", "iptables"], persistence: Persistence | None
) -> tuple[str, ...]:
    """A sentence for each that would remove rules of this backend, with what helps against it."""
    return tuple(_warnings(seen, backend, persistence))


# Who flushes what iptables keeps, and with it rules of ours that are there.
_IPTABLES = {
    "firewalld_flushes_iptables": "firewalld (FirewallBackend=iptables) flushes iptables at each reload",
    "iptables_restored": "netfilter-persistent or iptables.service replaces iptables' rules when it starts or reloads",
    "ufw_manages_builtins": "ufw (MANAGE_BUILTINS=yes) flushes the built-in chains when it starts or reloads",
}


def _warnings(
    seen: Configuration, backend: Literal["nft", "iptables"], persistence: Persistence | None
) -> Iterator[str]:
    if persistence == "systemd" and not seen.systemd:
        yield "systemd is not installed here, so nothing runs its unit at boot; --persist rc.local may"
    if seen.nftables_flushes and persistence != "systemd":  # iptables' rules too, where they are kept in nftables
        yield (
            "nftables.service flushes the whole ruleset when it starts, stops or reloads; "
            "with --persist systemd the rules come back after it"
        )
    for name, sentence in _IPTABLES.items():
        if backend == "iptables" and getattr(seen, name):
            yield f"{sentence}; the backend nft has a table of its own that this leaves alone"
