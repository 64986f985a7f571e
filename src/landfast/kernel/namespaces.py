"""The system calls behind namespaces: unshare(2), setns(2), mount(2), prctl(2). Python 3.11 has none of them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# <linux/sched.h>
NEW_MOUNT, NEW_UTS, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
# <linux/mount.h>
BIND, RECURSIVE, PRIVATE, REMOUNT = 4096, 16384, 1 << 18, 32
NOSUID, NODEV, NOEXEC = 2, 4, 8
# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int = 0) -> None:
    """Enter the namespace that `fd` refers to."""
    _checked(_libc.setns(fd, flags), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _checked(result, f"mount {kind or source} on {target}")


def set_hostname(name: str) -> None:
    """sethostname(2), in the present UTS namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, len(encoded)), "sethostname")


def die_with_parent(signal: int) -> None:
    """Ask the kernel for `signal` when the parent thread ends (prctl(2), PR_SET_PDEATHSIG)."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")


def map_user(inside_uid: int, inside_gid: int, outside_uid: int, outside_gid: int) -> None:
    """After unshare(NEW_USER): map one user and one group, all that the unprivileged may map (user_namespaces(7))."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside_uid} {outside_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside_gid} {outside_gid} 1")


def new_network_namespace() -> int:
    """Make a network namespace, which lives as long as the descriptor returned; the caller stays where it is."""
    with staying_in_network():
        unshare(NEW_NET)
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def is_network_of_init() -> bool | None:
    """Whether this is the network namespace of process 1; None where that may not be looked at."""
    try:
        return Path("/proc/thread-self/ns/net").readlink() == Path("/proc/1/ns/net").readlink()
    except OSError:
        return None


@contextmanager
def staying_in_network() -> Iterator[None]:
    """Come back to the present network namespace at the end."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        setns(here, NEW_NET)
        os.close(here)


@contextmanager
def in_network(fd: int) -> Iterator[None]:
    """Be in another network namespace for a while. What is opened there stays there."""
    with staying_in_network():
        setns(fd, NEW_NET)
        yield
