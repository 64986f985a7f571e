"""Undone unless confirmed: the operator may be cutting the branch she sits on.

Before the rules change, `arm` leaves a file below /run/landfast that holds the way back as a shell script, and starts a
shell of its own session (in a scope of its own where systemd runs, so that no logout kills it) that waits and then runs
it. Whoever renames the file first has decided: `confirm` or the shell. A reboot loses the file and the rules alike.

The shell gets the folder as its standard input, so that it finds it in whatever mount namespace it runs.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from landfast.errors import RequestError, WorldError
from landfast.kernel import files
from landfast.kernel.host import Host
from landfast.model.remedies import Step, shell
from landfast.remedies.masquerade.options import Options

FOLDER = "run/landfast"
_PREFIX, _CLAIMED = "masquerade-undo-", "claimed-"

# $1 seconds, $2 the file. `mv` is the claim: it fails when `confirm` was first.
_WAIT = """\
cd /proc/self/fd/0 && exec </dev/null >/dev/null 2>&1 || exit
sleep "$1"
mv "$2" "claimed-$2" && sh "./claimed-$2"
rm -f "claimed-$2"
"""


@dataclass(frozen=True)
class Pending:
    """A change that waits for its confirmation. `until` is on the machine's monotonic clock."""

    path: Path
    options: Options
    until: float


def pending(host: Host) -> Pending | None:
    """What waits, if anything does. A file that is not ours to read counts as none."""
    for path in sorted((host.root / FOLDER).glob(f"{_PREFIX}*.sh")):
        try:
            said = json.loads(path.read_text().partition("\n")[0].removeprefix("# "))
            return Pending(path, Options.decoded(said["options"]), float(said["until"]))
        except (OSError, ValueError, LookupError, TypeError, RequestError):
            continue
    return None


async def arm(host: Host, options: Options, undo: tuple[Step, ...], now: float, *, systemd_runs: bool) -> Pending:
    """Leave the way back and start its shell; returns when it runs."""
    assert options.confirm_within is not None
    until = now + options.confirm_within
    head = json.dumps({"until": until, "options": options.encoded()})
    path = host.root / FOLDER / f"{_PREFIX}{secrets.token_hex(4)}.sh"
    files.replace(path, f"# {head}\n{shell(undo)}", 0o600)
    scope = ["systemd-run", "--quiet", "--collect", "--scope"] if systemd_runs else []
    waiting = ["setsid", "--fork", "sh", "-c", _WAIT, "landfast-undo", f"{options.confirm_within:g}", path.name]
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    null = os.open(os.devnull, os.O_RDWR)
    try:
        program = await host.start([*scope, *waiting], stdin=folder, stdout=null, stderr=null)
        code = await program.wait()
    except BaseException:
        files.remove(path)
        raise
    finally:
        os.close(folder)
        os.close(null)
    if code:
        files.remove(path)
        raise WorldError(f"`{waiting[0]}` ended with {code}: nobody would undo the change")
    return Pending(path, options, until)


def claim(waiting: Pending) -> bool:
    """Decide: nobody else will undo it now. False when the shell was first."""
    claimed = waiting.path.with_name(f"{_CLAIMED}{waiting.path.name}")
    try:
        waiting.path.rename(claimed)
    except FileNotFoundError:
        return False
    files.remove(claimed)
    return True
