"""What makes the remedy again after a reboot: a script of its own, and who runs it. Pure but for `read`.

    systemd    a unit that runs the script before the network is configured, and again when nftables or firewalld reload
    rc.local   three marked lines before the last `exit 0`; the file is made if there is none
    docker     nothing but the script: it is the entry point of a container (`masquerade.sh run COMMAND…`)

The script needs nothing of landfast, which may not be there early at boot, or not at all. What is changed can be undone
exactly: what was there before is written into the marks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from landfast.errors import BadFile
from landfast.remedies.masquerade.options import Persistence
from landfast.remedies.masquerade.state import Entry, Regular, Symlink

SERVICE = "landfast-masquerade.service"
SCRIPT = "/etc/landfast/masquerade.sh"
UNIT = f"/etc/systemd/system/{SERVICE}"
WANTED = f"/etc/systemd/system/multi-user.target.wants/{SERVICE}"
RC_LOCAL = "/etc/rc.local"
UNITS = (UNIT, WANTED)

LARGEST = 1 << 20
"""Bytes. Nobody's rc.local is larger; a file that is was not meant to be read into memory."""

_OPEN, _CLOSE = "# >>> landfast masquerade", "# <<< landfast masquerade"
_CALL = f"[ ! -x {SCRIPT} ] || {SCRIPT} enable || :"
_ABSENT, _MODE, _NO_NEWLINE = "was absent", "was mode ", "had no last newline"
EXECUTABLE = 0o755


def read(root: Path) -> dict[str, Entry]:
    """What is at every path that could be ours. Raises BadFile for what is neither a file nor a link."""
    return {path: _entry(root, path) for path in (SCRIPT, UNIT, WANTED, _followed(root, RC_LOCAL))}


def _followed(root: Path, path: str) -> str:
    """Where a link leads, one step: Fedora has /etc/rc.local -> rc.d/rc.local."""
    there = root / path[1:]
    if not there.is_symlink():
        return path
    return os.path.normpath(Path(path).parent / there.readlink())


def _entry(root: Path, path: str) -> Entry:
    there = root / path[1:]
    try:
        status = there.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return Symlink(str(there.readlink()))
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        raise BadFile(path, None, "this is no file that could be changed", "move it away")
    return Regular(there.read_bytes().decode(errors="surrogateescape"), stat.S_IMODE(status.st_mode))


def wanted(now: Mapping[str, Entry], persistence: Persistence | None, script: str, unit: str) -> dict[str, Entry]:
    """What shall be at each path; None as `persistence` means that nothing of ours stays."""
    rc_local = next(path for path in now if path not in {SCRIPT, UNIT, WANTED})
    plain = without_call(now[rc_local])
    return {
        SCRIPT: Regular(script, EXECUTABLE) if persistence else None,
        UNIT: Regular(unit, 0o644) if persistence == "systemd" else None,
        WANTED: Symlink(f"../{SERVICE}") if persistence == "systemd" else None,
        rc_local: with_call(plain) if persistence == "rc.local" else plain,
    }


def found(now: Mapping[str, Entry]) -> Persistence | None:
    """Which way is in place. The script alone is Docker's."""
    if now.get(WANTED) and now.get(UNIT):
        return "systemd"
    if any(isinstance(entry, Regular) and path != SCRIPT and _CALL in entry.text for path, entry in now.items()):
        return "rc.local"
    return "docker" if now.get(SCRIPT) else None


def with_call(plain: Entry) -> Regular:
    """rc.local with our call before its last `exit 0`, or at its end; executable, for else systemd does not run it."""
    if not isinstance(plain, Regular):
        text, mode, was = "#!/bin/sh\nexit 0\n", EXECUTABLE, [_ABSENT]
    else:
        text, mode, was = plain.text, plain.mode | 0o111, []
        if mode != plain.mode:
            was.append(f"{_MODE}{plain.mode:o}")
        if text and not text.endswith("\n"):
            text += "\n"
            was.append(_NO_NEWLINE)
    lines = [f"{line}\n" for line in text.split("\n")[:-1]]
    place = _last_exit(lines)
    block = [f"{_OPEN}{''.join(f', {each}' for each in was)}\n", f"{_CALL}\n", f"{_CLOSE}\n"]
    return Regular("".join([*lines[:place], *block, *lines[place:]]), mode)


def _last_exit(lines: list[str]) -> int:
    """The index of the last `exit 0` if only blank lines and comments follow; else the end."""
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if line == "exit 0":
            return index
        if line and not line.startswith("#"):
            break
    return len(lines)


def without_call(entry: Entry) -> Entry:
    """rc.local as it was before `with_call`. Each of our lines is known by itself: a damaged block goes too."""
    if not isinstance(entry, Regular):
        return entry
    lines = entry.text.split("\n")
    kept = [line for line in lines if not line.startswith((_OPEN, _CLOSE)) and line != _CALL]
    was = "".join(line for line in lines if line.startswith(_OPEN))
    text, mode = "\n".join(kept), entry.mode
    if _ABSENT in was and text == "#!/bin/sh\nexit 0\n":
        return None
    if _MODE in was:
        mode = int(was.partition(_MODE)[2].partition(",")[0], 8)
    if _NO_NEWLINE in was:
        text = text.removesuffix("\n")
    return Regular(text, mode)


# Before the network is configured, so that no packet leaves before the rule stands; after those that load rulesets
# then, since nftables.service begins with `flush ruleset`. Docker starts later, flushes nothing, and no container runs
# before the rule.
_BEFORE_NETWORK = """\
After=nftables.service iptables.service netfilter-persistent.service firewalld.service ufw.service
Before=network-pre.target
Wants=network-pre.target
"""
# One rule per address: the addresses must be there.
_AFTER_NETWORK = """\
After=nftables.service iptables.service netfilter-persistent.service firewalld.service ufw.service
After=network-online.target docker.service
Wants=network-online.target
"""


def unit(*, needs_addresses: bool = False) -> str:
    """The systemd unit. `needs_addresses`: the rules name addresses, so the network must be up first."""
    return f"""\
# Written by `landfast masquerade enable --persist systemd`; `landfast masquerade disable` removes it.
[Unit]
Description=landfast masquerade: no packet leaves with a foreign source
{_AFTER_NETWORK if needs_addresses else _BEFORE_NETWORK}\
# Their restart and their reload take our rules away; these bring them back.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT} enable
ExecReload={SCRIPT} enable
ExecStop={SCRIPT} disable

[Install]
WantedBy=multi-user.target
"""
