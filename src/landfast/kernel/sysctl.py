"""The door to sysctls: /proc/sys/net of a Host's network namespace. Keys are paths below net/, as `ipv4/ip_forward`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host

NET = Path("/proc/sys/net")


async def write(host: Host, values: Mapping[str, str], *, absent_ok: bool = False) -> None:
    """Set values, in order. Raises CapabilityMissing where the kernel refuses or lacks the key (unless `absent_ok`)."""
    await host.call(_write, dict(values), absent_ok)


def _write(values: Mapping[str, str], absent_ok: bool) -> None:
    for key, value in values.items():
        try:
            (NET / key).write_text(value)
        except FileNotFoundError:
            if not absent_ok:
                raise CapabilityMissing(f"sysctl net/{key}", "a kernel that has it") from None
        except OSError as problem:
            raise CapabilityMissing(
                f"writing sysctl net/{key}", "a writable /proc/sys (in a container: privileged, or root)", str(problem)
            ) from None


async def read(host: Host, key: str) -> str | None:
    """A value without its line end; None when the kernel has no such key."""
    return await host.call(_read, key)


def _read(key: str) -> str | None:
    try:
        return (NET / key).read_text().strip()
    except FileNotFoundError:
        return None
