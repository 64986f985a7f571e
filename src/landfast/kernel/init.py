"""The first process of a sandbox: PID 1 of its own PID, mount, network, UTS and IPC namespaces.

`Sandbox` (in `sandbox.py`, its counterpart outside) starts it and talks to it over one SOCK_SEQPACKET pair, a numbered
request and a numbered answer a packet. It makes network namespaces, calls functions and starts programs in them, and
reaps. When the other side goes away, however it goes, the packet socket reports its end, this process exits, and the
kernel kills whatever still runs in the PID namespace and frees every network namespace: nothing has to be swept up.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import termios
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from landfast.errors import CapabilityMissing, RequestError, WorldError
from landfast.kernel import namespaces

ROOT = Path("/dev/shm")  # every system has it; a tmpfs of the sandbox's own there also takes what guests leave behind
BIG = 1 << 20  # bytes; a packet is at most this long
DESCRIPTORS = 3  # a program's standard streams; no packet carries more
READY = 0  # the number of the answer that nobody asked for: the sandbox stands

Kind = Literal["value", "error", "ended"]


@dataclass(frozen=True)
class Spawn:
    """What `start` needs to know. With `user` (uid, gid) the program runs without the sandbox's privileges."""

    host: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: str | None
    user: tuple[int, int] | None


def pack(number: int, message: object) -> bytes:
    """One packet: four bytes of number, so that even an unreadable message belongs to somebody, and a pickle."""
    return number.to_bytes(4, "big") + pickle.dumps(message)


def unpack(packet: bytes) -> tuple[int, Callable[[], Any]]:
    """The number, and how to read the message."""
    return int.from_bytes(packet[:4], "big"), lambda: pickle.loads(packet[4:])


class Init:
    """Answers requests until the other side is gone."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.networks: dict[str, int] = {}
        self.running: dict[int, subprocess.Popen[bytes]] = {}  # by the number of the request that started it

    def serve(self) -> None:
        """Loop: requests from the control socket, ends of children from SIGCHLD."""
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.control:
                        packet, descriptors, _, _ = socket.recv_fds(self.control, BIG, DESCRIPTORS)
                        if not packet:
                            return
                        self._answer(packet, descriptors)
                    else:
                        os.read(woken, 4096)
                        self._reap()

    def _answer(self, packet: bytes, descriptors: list[int]) -> None:
        number, read = unpack(packet)
        give: list[int] = []
        try:
            value = self._do(number, read(), descriptors)
            if isinstance(value, socket.socket):
                give, value = [value.detach()], None
            self.say(number, "value", value, give)
        except Exception as problem:  # whatever it is belongs to the asker
            self.say(number, "error", _portable(problem))
        finally:
            for descriptor in [*give, *descriptors]:
                os.close(descriptor)

    def say(self, number: int, kind: Kind, value: object, descriptors: Sequence[int] = ()) -> None:
        """Send an answer, or the news that the program of request `number` has ended."""
        socket.send_fds(self.control, [pack(number, (kind, value))], list(descriptors))

    def _do(self, number: int, request: tuple[Any, ...], descriptors: Sequence[int]) -> object:
        match request:
            case "network", host:
                return self._network(host)
            case "call", host, function, given:
                return self._call(host, function, given)
            case "start", spawn:
                return self._start(number, spawn, descriptors)
            case "signal", started, signal_number:
                self._signal(started, signal_number)
                return None
        raise WorldError(f"a sandbox does not understand {request}")

    def _network(self, host: str) -> int:
        """Make a network namespace and its root folder; the descriptor's number, for /proc/1/fd/N."""
        if host in self.networks:
            raise RequestError(f"there is a host {host} in this sandbox already")
        (ROOT / host / "etc").mkdir(parents=True)
        self.networks[host] = namespaces.new_network_namespace()
        return self.networks[host]

    def _call(self, host: str, function: Callable[..., object], arguments: tuple[object, ...]) -> object:
        """Call a function in a host's network namespace."""
        with namespaces.in_network(self.networks[host]):
            return function(*arguments)

    def _start(self, number: int, spawn: Spawn, descriptors: Sequence[int]) -> int:
        """Start a program on a host; its PID in here."""
        stdin, stdout, stderr = descriptors
        told, telling = os.pipe2(os.O_CLOEXEC)
        try:
            process = subprocess.Popen(
                spawn.argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=spawn.environment,
                cwd=spawn.folder,
                start_new_session=True,
                preexec_fn=lambda: self._enter(spawn, telling),  # this process has one thread
            )
        except subprocess.SubprocessError:  # says only that _enter failed; the pipe says why
            raise WorldError(f"cannot enter {spawn.host}: {os.read(told, 4096).decode()}") from None
        finally:
            os.close(told)
            os.close(telling)
        self.running[number] = process
        return process.pid

    def _enter(self, spawn: Spawn, telling: int) -> None:
        """In the child, before the program: the host's network, its name and its own /etc files."""
        try:
            if os.isatty(0):  # one that was made for this program becomes its session's own
                with suppress(OSError):
                    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            namespaces.setns(self.networks[spawn.host], namespaces.NEW_NET)
            namespaces.unshare(namespaces.NEW_MOUNT | namespaces.NEW_UTS)
            namespaces.set_hostname(spawn.host)
            for own in (ROOT / spawn.host / "etc").iterdir():
                if own.is_file() and Path("/etc", own.name).exists():
                    namespaces.mount(str(own), f"/etc/{own.name}", flags=namespaces.BIND)
            if spawn.user and spawn.user[0]:
                namespaces.unshare(namespaces.NEW_USER)
                namespaces.map_user(*spawn.user, 0, 0)
        except OSError as problem:
            os.write(telling, str(problem).encode())
            raise

    def _signal(self, started: int, number: int) -> None:
        """Signal a program's process group, so that what it started hears it too."""
        if process := self.running.get(started):
            os.killpg(process.pid, number)

    def _reap(self) -> None:
        """Hear of every end, also of orphans: they are PID 1's children now."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for number, process in list(self.running.items()):
                if process.pid == pid:
                    del self.running[number]
                    process.returncode = os.waitstatus_to_exitcode(status)
                    self.say(number, "ended", process.returncode)


def _portable(problem: Exception) -> Exception:
    """The problem with its traceback as a note; one that would not survive the journey becomes a WorldError."""
    try:
        travelled: Exception = pickle.loads(pickle.dumps(problem))
    except Exception:  # its own constructor may raise anything
        travelled = WorldError(f"{type(problem).__name__}: {problem}")
    travelled.add_note("In the sandbox:\n" + "".join(traceback.format_tb(problem.__traceback__)))
    return travelled


@contextmanager
def _needs(capability: str, provided_by: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise CapabilityMissing(capability, provided_by, problem.strerror or "") from None


def _unshare() -> None:
    """New namespaces, in a new user namespace unless we are root."""
    everything = (
        namespaces.NEW_MOUNT | namespaces.NEW_PID | namespaces.NEW_NET | namespaces.NEW_UTS | namespaces.NEW_IPC
    )
    uid, gid = os.geteuid(), os.getegid()
    if uid:
        with _needs(
            "user namespaces",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), kernel.unprivileged_userns_clone=1 (old "
            "Debian), user.max_user_namespaces above 0; --security-opt seccomp=unconfined (Docker); or root",
        ):
            namespaces.unshare(namespaces.NEW_USER)
            namespaces.map_user(0, 0, uid, gid)
            namespaces.unshare(everything)  # AppArmor lets the first pass and refuses here
    else:
        with _needs("namespaces", "CAP_SYS_ADMIN (Docker: --privileged)"):
            namespaces.unshare(everything)


def _mount() -> None:
    """A /proc that knows this PID namespace, and a tmpfs of our own; nothing of it is seen outside."""
    namespaces.mount("none", "/", flags=namespaces.RECURSIVE | namespaces.PRIVATE)
    with _needs(
        "a /proc of its own in a new PID namespace", "an unmasked /proc (Docker: --security-opt systempaths=unconfined)"
    ):
        namespaces.mount("proc", "/proc", "proc", namespaces.NOSUID | namespaces.NODEV | namespaces.NOEXEC)
    namespaces.mount("tmpfs", str(ROOT), "tmpfs", namespaces.NOSUID | namespaces.NODEV)


def main(descriptor: int) -> int:
    """Stage one, outside: make the namespaces, become the parent of PID 1, live as long as it does."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    init = Init(control)
    os.setsid()  # the terminal's Ctrl-C is for the one who started us
    try:
        _unshare()
        # The end of the control socket is enough, unless a call is running at that moment.
        namespaces.die_with_parent(signal.SIGKILL)
        if child := os.fork():
            control.close()
            _, status = os.waitpid(child, 0)
            return os.waitstatus_to_exitcode(status) & 0x7F
        namespaces.die_with_parent(signal.SIGKILL)
        pid_outside = int(Path("/proc/self").readlink().name)  # as long as /proc is still the outer one
        _mount()
    except Exception as problem:  # the one who started us shall know
        init.say(READY, "error", _portable(problem))
        return 1
    with suppress(BrokenPipeError, ConnectionResetError):  # the other side went away between a question and its answer
        init.say(READY, "value", pid_outside)
        init.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
