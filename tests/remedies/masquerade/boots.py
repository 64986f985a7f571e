"""Boot a real Debian with systemd in a container, and ask it which rules are in force when it is up."""

from __future__ import annotations

import asyncio
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landfast.kernel.host import Host

CACHE = Path(__file__).parents[3] / "build" / "boot"
PACKAGES = "systemd,systemd-sysv,nftables,iptables,iproute2"
LONGEST = 90
"""Seconds for a boot and a shutdown; it takes 1 to 5."""

_ASK = """\
[Unit]
After=multi-user.target rc-local.service

[Service]
Type=oneshot
ExecStart=/bin/sh /ask.sh
"""
# Each question is asked when no job waits any more: `systemctl reload` returns before what it propagates to has run.
_SCRIPT = """\
settled() { while [ -n "$(systemctl list-jobs --no-legend | grep -v ask.service)" ]; do :; done; }
answer() { settled; nft -j list ruleset >"/answers/$1"; }
answer boot
systemctl reload nftables && answer reload
systemctl restart nftables && answer restart
systemctl list-units --failed --no-legend --plain >/answers/failed
systemctl --no-block poweroff
"""


@dataclass(frozen=True)
class Answers:
    """nftables' rulesets after the boot, and after nftables.service was reloaded and restarted; units that failed."""

    boot: list[dict[str, Any]]
    reload: list[dict[str, Any]]
    restart: list[dict[str, Any]]
    failed: str


async def debian(folder: Path) -> Path:
    """A new Debian below the folder. It is downloaded once, and kept as build/boot/debian.tar."""
    kept = CACHE / "debian.tar"
    here = Host.here()
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = CACHE / "unfinished.tar"
        suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")  # whose keys are here
        argv = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", suite, str(made)]
        (await here.run(argv)).checked()
        made.rename(kept)
    root = folder / "debian"
    root.mkdir()
    (await here.run(["tar", "--extract", f"--file={kept}", f"--directory={root}"])).checked()
    (root / "answers").mkdir()
    (root / "ask.sh").write_text(_SCRIPT)
    units = root / "etc/systemd/system"
    (units / "ask.service").write_text(_ASK)
    for target, unit in (
        ("multi-user", "/etc/systemd/system/ask.service"),
        ("sysinit", "/lib/systemd/system/nftables.service"),
    ):
        link = units / f"{target}.target.wants" / Path(unit).name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(unit)
    return root


async def boot(root: Path) -> Answers:
    """Start it, let it ask itself, wait for its end."""
    for old in (root / "answers").iterdir():
        old.unlink()
    argv = ["systemd-nspawn", "--quiet", f"--directory={root}", "--boot", "--private-network"]
    async with asyncio.timeout(LONGEST):
        await Host.here().run([*argv, "--register=no", "--keep-unit", "--console=pipe"])
    said = {path.name: path.read_text() for path in (root / "answers").iterdir()}
    rulesets = [json.loads(said[name])["nftables"] for name in ("boot", "reload", "restart")]
    return Answers(rulesets[0], rulesets[1], rulesets[2], said["failed"])
