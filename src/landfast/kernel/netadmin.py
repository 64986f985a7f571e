"""Run a program that reads or changes the kernel's network, and name the capability when the kernel refuses it."""

from __future__ import annotations

from collections.abc import Sequence

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel.host import Completed, Host

# What nft, iptables, conntrack and ip write for EPERM and EACCES.
_REFUSALS = ("operation not permitted", "permission denied", "you must be root")


async def attempt(host: Host, argv: Sequence[str], given: str = "") -> Completed:
    """Run it to its end, whatever its code. Raises CapabilityMissing for no such program and for no right to it."""
    completed = await host.run(argv, given=given)
    if completed.code and any(words in completed.stderr.lower() for words in _REFUSALS):
        raise CapabilityMissing(
            "CAP_NET_ADMIN",
            "root (sudo), or `--cap-add NET_ADMIN` (Docker)",
            completed.stderr.strip().partition("\n")[0],
        )
    return completed


async def run(host: Host, argv: Sequence[str], given: str = "") -> Completed:
    """As `attempt`, but also raises ProgramFailed, which carries `given`, for a code other than 0."""
    completed = await attempt(host, argv, given)
    if completed.code:
        raise ProgramFailed(completed.argv, completed.code, completed.stderr, given)
    return completed
