"""What a sandbox is to its hosts, and how it answers."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import tempfile
from pathlib import Path

from landfast.errors import RequestError, WorldError
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox, SandboxHost
from tests.kernel.stories.telling import Shelf, divided, line, raises, read

STORIES = Shelf()


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
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


class Crowded(Sandbox):
    """Knows when the way into it is full."""

    def __init__(self) -> None:
        super().__init__()
        self.full = asyncio.Event()

    async def _writable(self) -> None:
        self.full.set()
        await super()._writable()


@STORIES.of_sandboxes
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


@STORIES.of_sandboxes
async def an_error_tells_where_over_there_it_happened() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        with raises(WorldError) as raised:
            await robot.call(trouble)
        assert str(raised.problem) == "over there"
        assert "trouble" in raised.problem.__notes__[0]
