"""What hosts and sandboxes promise, one story a claim: told in this process, and by an ordinary user in hers.

Only landfast's kernel and the standard library are imported here, so that the user needs no more than these files.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import sys
import tempfile
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

from landfast.errors import CapabilityMissing, ProgramFailed, RequestError, WorldError
from landfast.kernel import namespaces
from landfast.kernel.host import INHERIT, Host, Program
from landfast.kernel.sandbox import KILLED, Sandbox, SandboxHost

Story = Callable[[], Coroutine[None, None, None]]
Teller = Callable[[str], Awaitable[None]]
OF_HOSTS: dict[str, Story] = {}
OF_SANDBOXES: dict[str, Story] = {}

_seconds = count(80000)


def of_any_host(story: Callable[[Host], Coroutine[None, None, None]]) -> None:
    """The same story of this machine and of a host in a sandbox."""

    async def in_sandbox() -> None:
        async with Sandbox() as sandbox:
            await story(await sandbox.host("robot"))

    OF_HOSTS[f"{story.__name__} here"] = partial(story, Host.here())
    OF_HOSTS[f"{story.__name__} in_a_sandbox"] = in_sandbox


def of_sandboxes(story: Story) -> None:
    OF_SANDBOXES[story.__name__] = story


def unique_sleep() -> list[str]:
    """A program that stays, with arguments that no other process has."""
    return ["sleep", f"{next(_seconds)}.{os.getpid()}"]


def running(argv: list[str]) -> list[str]:
    """Which processes of this machine have this command line."""
    line = b"\0".join(word.encode() for word in argv) + b"\0"
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            if process.read_bytes() == line:
                found.append(process.parent.name)
    return found


class Raised:
    problem: BaseException


@contextmanager
def raises(*kinds: type[BaseException]) -> Iterator[Raised]:
    """What is done in this context raises one of these."""
    raised = Raised()
    try:
        yield raised
    except kinds as problem:
        raised.problem = problem
    else:
        raise AssertionError(kinds)


async def readable(descriptor: int) -> None:
    """Wait for it."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    await event.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)


async def ended(pid: int) -> None:
    """Wait until a process, anybody's child, has ended (pidfd_open(2))."""
    with suppress(ProcessLookupError):
        await readable(os.pidfd_open(pid))


@types.coroutine
def given_up_at(wait: int, doing: Coroutine[Any, None, Program]) -> Generator[Any, None, Program]:
    """Do this; when it waits for the time of that number, counted from 0, cancel the task that does it."""
    problem: BaseException | None = None
    for number in count():
        try:
            waits_for = doing.throw(problem) if problem else doing.send(None)
        except StopIteration as done:
            return cast("Program", done.value)
        if number == wait:
            cast("asyncio.Task[Program]", asyncio.current_task()).cancel()
        problem = None
        try:
            yield waits_for
        except BaseException as why:  # noqa: BLE001 -- it goes on into what is done
            problem = why
    raise AssertionError


async def line(program: Program) -> str:
    """The next line that a program says."""
    assert program.stdout is not None
    return (await program.stdout.readline()).decode().strip()


# Hosts


@of_any_host
async def what_a_program_says_and_its_code_are_told(host: Host) -> None:
    done = await host.run(["sh", "-c", "cat; echo trouble >&2; exit 7"], given="hello")
    assert (done.code, done.stdout, done.stderr) == (7, "hello", "trouble\n")
    with raises(ProgramFailed):
        done.checked()


@of_any_host
async def more_than_a_pipe_holds_goes_through_it(host: Host) -> None:
    much = "0123456789abcdef" * 65536  # 1 MiB; a pipe holds 64 KiB
    assert (await host.run(["cat"], given=much)).stdout == much


@of_any_host
async def a_program_need_not_read_what_it_is_given(host: Host) -> None:
    assert (await host.run(["true"], given="x" * 500_000)).code == 0


@of_any_host
async def what_is_written_to_a_program_that_has_ended_is_lost(host: Host) -> None:
    program = await host.start(["true"])
    assert program.stdin is not None
    assert await program.wait() == 0
    program.stdin.write(b"too late")
    assert program.stdin.transport.is_closing()


@of_any_host
async def a_death_by_signal_is_a_negative_code(host: Host) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        program = await host.start(["cat"])
        assert program.code is None
        program.send_signal(number)
        assert await program.wait() == -number
        assert program.code == -number
        program.send_signal(number)  # nothing happens


@of_any_host
async def a_signal_reaches_what_the_program_started(host: Host) -> None:
    program = await host.start(["sh", "-c", "sleep 1000 & echo started; wait"])
    assert await line(program) == "started"
    program.send_signal(signal.SIGTERM)
    assert await program.wait() == -signal.SIGTERM
    assert await line(program) == ""  # the end: nobody has this pipe any more, `sleep` neither


@of_any_host
async def a_cancelled_run_ends_its_program(host: Host) -> None:
    argv = unique_sleep()
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/started")
        started = os.open(f"{folder}/started", os.O_RDONLY | os.O_NONBLOCK)
        runner = asyncio.ensure_future(host.run(["sh", "-c", f"echo > {folder}/started; exec {' '.join(argv)}"]))
        await readable(started)
        runner.cancel()
        with raises(asyncio.CancelledError):
            await runner
    assert running(argv) == []


@of_any_host
async def streams_may_be_ours(host: Host) -> None:
    reading, writing = os.pipe()
    program = await host.start(["echo", "hello"], stdin=INHERIT, stdout=writing, stderr=INHERIT)
    os.close(writing)
    assert (program.stdin, program.stdout, program.stderr) == (None, None, None)
    assert await program.wait() == 0
    assert os.read(reading, 100) == b"hello\n"
    os.close(reading)


@of_any_host
async def environment_and_folder_are_the_programs(host: Host) -> None:
    program = await host.start(["sh", "-c", "echo $ANSWER; pwd"], environment={"ANSWER": "42"}, folder=Path("/usr"))
    assert [await line(program), await line(program), await program.wait()] == ["42", "/usr", 0]


@of_any_host
async def a_program_that_is_not_there_is_a_missing_capability(host: Host) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "closed").mkdir(mode=0)  # exec(3) would say "permission denied" because of it
        path = {"PATH": f"{folder}/closed:{os.environ['PATH']}"}
        for argv in (["nft-of-nobody"], ["/nowhere/nft-of-nobody"]):
            with raises(CapabilityMissing) as raised:
                await host.start(argv, environment=path)
            assert argv[0] in str(raised.problem)


@of_any_host
async def what_cannot_be_started_is_an_error_of_the_world(host: Host) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nonsense = Path(folder, "nonsense")
        nonsense.write_text("neither a script nor a program")
        nonsense.chmod(0o755)
        for argv, where in (([str(nonsense)], Path("/")), (["true"], Path("/nowhere"))):
            with raises(WorldError) as raised:
                await host.start(argv, folder=where)
            assert argv[0] in str(raised.problem)


@of_any_host
async def many_programs_run_at_once(host: Host) -> None:
    done = await asyncio.gather(*(host.run(["echo", str(n)]) for n in range(40)))
    assert [int(one.stdout) for one in done] == list(range(40))


@of_any_host
async def a_function_is_called_there(host: Host) -> None:
    assert await host.call(divided, 12, 4) == 3
    with raises(ZeroDivisionError):
        await host.call(divided, 1, 0)


def divided(one: int, other: int) -> float:
    return one / other


@of_any_host
async def a_port_that_is_taken_is_not_bound_again(host: Host) -> None:
    with await host.udp() as first, raises(OSError):
        await host.udp(port=first.getsockname()[1])


# Sandboxes


@of_sandboxes
async def a_host_has_its_own_network_name_and_processes() -> None:
    async with Sandbox() as sandbox:
        robot, router = await sandbox.host("robot"), await sandbox.host("router")
        for host in (robot, router):
            assert (await host.run(["uname", "-n"])).stdout == f"{host.name}\n"
            assert [row.split()[0] for row in (await host.run(["ip", "-br", "link"])).stdout.splitlines()] == ["lo"]
        assert await robot.call(network) != await router.call(network) != network()
        pids = (await robot.run(["sh", "-c", "echo /proc/[0-9]*"])).stdout.split()
        assert "/proc/1" in pids
        assert len(pids) <= 3


def network() -> str:
    return str(Path("/proc/thread-self/ns/net").readlink())


async def joined(sandbox: Sandbox) -> tuple[SandboxHost, SandboxHost]:
    """Two hosts, 10.0.0.1 and 10.0.0.2, on one cable."""
    one, two = await sandbox.host("one"), await sandbox.host("two")
    lines = f"link add cable type veth peer name cable netns {two.network}\n"
    for host, address in ((one, "10.0.0.1/24"), (two, "10.0.0.2/24")):
        lines += f"link set lo up\nlink set cable up\naddress add {address} dev cable\n"
        (await host.run(["ip", "-batch", "-"], given=lines)).checked()
        lines = ""
    return one, two


@of_sandboxes
async def a_socket_stays_in_its_namespace() -> None:
    async with Sandbox() as sandbox:
        one, two = await joined(sandbox)
        with await one.udp("10.0.0.1", 4000) as first, await two.udp("10.0.0.2", 4000) as second:
            assert not first.getblocking()
            first.sendto(b"hello", ("10.0.0.2", 4000))
            received, sender = await asyncio.get_running_loop().sock_recvfrom(second, 100)
            assert (received, sender) == (b"hello", ("10.0.0.1", 4000))
        with await one.socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
            assert (stream.family, stream.type) == (socket.AF_INET6, socket.SOCK_STREAM)


@of_sandboxes
async def a_setting_of_the_kernel_is_one_hosts_own() -> None:
    async with Sandbox() as sandbox:
        robot, router = await sandbox.host("robot"), await sandbox.host("router")
        here = forwards()
        assert await router.call(forwards) == "0"
        await router.call(forward)
        assert [await router.call(forwards), await robot.call(forwards), forwards()] == ["1", "0", here]


FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def forward() -> None:
    FORWARD.write_text("1")


def forwards() -> str:
    return FORWARD.read_text().strip()


@of_sandboxes
async def a_file_of_a_host_lies_over_the_real_one_for_its_programs_only() -> None:
    real = Path("/etc/hosts").read_text()
    async with Sandbox() as sandbox:
        robot, router = await sandbox.host("robot"), await sandbox.host("router")
        (robot.root / "etc/hosts").write_text("192.0.2.7 nowhere\n")
        (robot.root / "etc/landfast-was-here").write_text("")
        assert (await robot.run(["cat", "/etc/hosts"])).stdout == "192.0.2.7 nowhere\n"
        assert (await router.run(["cat", "/etc/hosts"])).stdout == real
    assert Path("/etc/hosts").read_text() == real
    assert not Path("/etc/landfast-was-here").exists()


@of_sandboxes
async def a_guest_is_the_user_herself_and_has_no_power() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        guest = await robot.start(
            ["sh", "-c", "id -u; id -g; ip link set lo up && echo done || echo refused"], as_user=True
        )
        refused = "refused" if os.getuid() else "done"
        assert [await line(guest), await line(guest), await line(guest)] == [
            str(os.getuid()),
            str(os.getgid()),
            refused,
        ]
        assert await guest.wait() == 0
        assert (await robot.run(["id", "-u"])).stdout == "0\n"


@of_sandboxes
async def a_name_is_taken_once() -> None:
    async with Sandbox() as sandbox:
        await sandbox.host("robot")
        with raises(RequestError):
            await sandbox.host("robot")


class Unreadable:
    """Can be pickled, and never be read."""

    def __reduce__(self) -> tuple[object, ...]:
        return eval, ("1 / 0",)


def unreadable() -> Unreadable:
    return Unreadable()


def unspeakable() -> object:
    return lambda: None


class Stubborn(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def stubborn() -> None:
    raise Stubborn(1, 2)


def sulky() -> None:
    problem = ValueError("sulky")
    problem.reason = lambda: None  # type: ignore[attr-defined]
    raise problem


@of_sandboxes
async def what_cannot_be_said_is_an_error_and_the_sandbox_goes_on() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        with raises(ZeroDivisionError):
            await robot.call(id, Unreadable())
        with raises(WorldError):
            await robot.call(unreadable)
        with raises(pickle.PicklingError, AttributeError):
            await robot.call(unspeakable)
        with raises(WorldError):
            await robot.call(stubborn)
        with raises(WorldError) as raised:
            await robot.call(sulky)
        assert "ValueError: sulky" in str(raised.problem)
        with raises(WorldError):
            await sandbox.ask("dance")
        assert await robot.call(divided, 4, 2) == 2


def trouble() -> None:
    raise WorldError("over there")


def read(path: str) -> bytes:
    return Path(path).read_bytes()


class Crowded(Sandbox):
    """Knows when the way into it is full."""

    def __init__(self) -> None:
        super().__init__()
        self.full = asyncio.Event()

    async def _writable(self) -> None:
        self.full.set()
        await super()._writable()


@of_sandboxes
async def requests_wait_until_there_is_room_for_them() -> None:
    environment = {"PADDING": "x" * 60_000}  # 60 of them are more than the way into a sandbox holds, 2 MiB
    sandbox = Crowded()
    async with sandbox:
        robot = await sandbox.host("robot")
        with tempfile.TemporaryDirectory() as folder:
            os.mkfifo(f"{folder}/go")
            busy = asyncio.ensure_future(robot.call(read, f"{folder}/go"))
            many = asyncio.gather(*(robot.run(["echo", str(n)], environment=environment) for n in range(60)))
            await sandbox.full.wait()
            await Host.here().run(["sh", "-c", f"echo go > {folder}/go"])
            assert await busy == b"go\n"
            assert [int(one.stdout) for one in await many] == list(range(60))


@of_sandboxes
async def an_error_tells_where_over_there_it_happened() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        with raises(WorldError) as raised:
            await robot.call(trouble)
        assert str(raised.problem) == "over there"
        assert "trouble" in raised.problem.__notes__[0]


@of_sandboxes
async def leaving_ends_every_process() -> None:
    argv = unique_sleep()
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        talker = await robot.start(["yes"])  # fills a pipe that nobody reads
        sleeper = await robot.start(argv)
        orphan = await robot.start(["sh", "-c", f"setsid {' '.join(argv)} & echo $!"])
        await line(orphan)
        pid = sandbox.pid
        assert Path(f"/proc/{pid}").exists()
    assert [talker.code, sleeper.code] == [KILLED, KILLED]
    assert running(argv) == []
    assert not Path(f"/proc/{pid}").exists()
    with raises(WorldError):
        await robot.run(["true"])


def stay(path: str) -> None:
    Path(path).write_text("begun")
    signal.pause()


async def staying(robot: Host) -> asyncio.Future[None]:
    """A call that has begun over there and never returns."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/begun")
        asking = asyncio.ensure_future(robot.call(stay, f"{folder}/begun"))
        await asyncio.to_thread(read, f"{folder}/begun")
    return asking


@of_sandboxes
async def leaving_does_not_wait_for_a_call_that_never_returns() -> None:
    async with Sandbox() as sandbox:
        asking = await staying(await sandbox.host("robot"))
    with raises(WorldError):
        await asking


@of_sandboxes
async def when_the_sandbox_dies_everyone_who_waits_hears_it() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        program = await robot.start(["cat"])
        asking = await staying(robot)
        os.kill(sandbox.pid, signal.SIGKILL)
        assert await program.wait() == KILLED
        with raises(WorldError) as raised:
            await asking
        assert "sandbox ended" in str(raised.problem)


@of_sandboxes
async def a_start_that_is_given_up_leaves_no_program() -> None:
    argv = unique_sleep()
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        waited, program = 0, None
        while not program:
            try:
                program = await asyncio.ensure_future(given_up_at(waited, robot.start(argv)))
            except asyncio.CancelledError:
                assert running(argv) == []
                waited += 1
        assert waited > 0
        assert len(running(argv)) == 1
        program.send_signal(signal.SIGKILL)
        await program.wait()
        assert await robot.call(divided, 4, 2) == 2


async def _hold(*, calling: bool) -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        await robot.start(sys.argv[2:])
        sys.stdout.write(f"{sandbox.pid}\n")
        sys.stdout.flush()
        if calling:
            await robot.call(signal.pause)
        await asyncio.Event().wait()


async def _killed_holder(kind: str) -> None:
    argv = unique_sleep()
    holder = await Host.here().start([sys.executable, "-m", __name__, kind, *argv])
    pid = int(await line(holder))
    inside = running(argv)
    assert len(inside) == 1
    holder.send_signal(signal.SIGKILL)
    await ended(pid)
    await ended(int(inside[0]))
    assert running(argv) == []
    assert await holder.wait() == -signal.SIGKILL


@of_sandboxes
async def killing_the_holder_leaves_nothing() -> None:
    await _killed_holder("hold")


@of_sandboxes
async def killing_the_holder_during_a_call_leaves_nothing() -> None:
    await _killed_holder("hold-calling")


def _nest() -> None:
    """Use up what user_namespaces(7) allows: 32 levels."""
    uid, gid = os.getuid(), os.getgid()
    with suppress(OSError):
        while True:
            namespaces.unshare(namespaces.NEW_USER)
            namespaces.map_user(1000, 1000, uid, gid)
            uid, gid = 1000, 1000


@of_sandboxes
async def without_user_namespaces_the_error_says_what_provides_them() -> None:
    done = await Host.here().run([sys.executable, "-m", __name__, "nested"])
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("missing capability: user namespaces (unshare: ")
    assert "apparmor_restrict_unprivileged_userns=0" in done.stdout


async def _refused() -> None:
    with raises(CapabilityMissing) as raised:
        await Sandbox().__aenter__()
    sys.stdout.write(str(raised.problem))


def tell(name: str) -> None:
    """Tell a story; it is true when nothing is raised."""
    asyncio.run((OF_HOSTS | OF_SANDBOXES)[name]())


if __name__ == "__main__":  # the other process of a story
    match sys.argv[1]:
        case "hold":
            asyncio.run(_hold(calling=False))
        case "hold-calling":
            asyncio.run(_hold(calling=True))
        case "nested":
            _nest()
            asyncio.run(_refused())
