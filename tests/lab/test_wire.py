from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from landfast.kernel import sysctl
from landfast.kernel.host import INHERIT, Host, Program
from landfast.kernel.sandbox import Sandbox
from landfast.lab import wire

pytestmark = pytest.mark.anyio
FRAME = bytes.fromhex("020000000002 020000000001 88b5")


async def started(host: Host, cuts: list[list[Any]]) -> Program:
    program = await host.start([sys.executable, "-m", wire.__name__, json.dumps(cuts)], stderr=INHERIT)
    assert await told(program) == {"ready": True}
    return program


async def told(program: Program) -> dict[str, Any]:
    assert program.stdout
    said: dict[str, Any] = json.loads(await program.stdout.readline())
    return said


async def asked(program: Program) -> dict[str, Any]:
    assert program.stdin
    program.stdin.write(b"\n")
    return await told(program)


@asynccontextmanager
async def cut(delay: float, room: int) -> AsyncIterator[tuple[socket.socket, socket.socket, Program]]:
    """A raw socket on each side of a wire, and the wire."""
    async with Sandbox() as sandbox:
        host = await sandbox.host("wires")
        await sysctl.write(host, {"ipv6/conf/default/disable_ipv6": "1"})  # the kernel has nothing to say here
        lines = [f"link add {end}0 type veth peer name {end}1" for end in ("near", "far")]
        lines += [f"link set {end}{side} up" for end in ("near", "far") for side in (0, 1)]
        (await host.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()
        program = await started(host, [["near1", "far1", delay, 0, 0, room]])
        near = await host.socket(socket.AF_PACKET, socket.SOCK_RAW)
        far = await host.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with near, far:
            for opened, end in ((near, "near0"), (far, "far0")):
                opened.bind((end, 0x88B5))
            yield near, far, program


async def test_it_ends_with_its_stdin() -> None:
    program = await started(Host.here(), [])
    assert program.stdin
    program.stdin.close()
    assert await program.wait() == 0


async def test_each_question_has_its_answer() -> None:
    program = await started(Host.here(), [])
    assert program.stdin
    program.stdin.write(b"\n\n")
    assert [await told(program), await told(program)] == [{"frames": 0, "lost": 0}] * 2
    program.stdin.close()
    await program.wait()


@pytest.mark.lab
async def test_frames_of_every_length_cross_both_ways_unchanged() -> None:
    loop = asyncio.get_running_loop()
    frames = [FRAME + bytes([length % 256]) * (length - 14) for length in (15, 60, 1000, 1514)]
    async with cut(delay=0.001, room=100) as (near, far, program):
        for sender, receiver in ((near, far), (far, near)):
            for frame in frames:
                sender.send(frame)
            assert [await loop.sock_recv(receiver, 2000) for _ in frames] == frames
        assert await asked(program) == {"frames": 2 * len(frames), "lost": 0}


@pytest.mark.lab
async def test_what_finds_no_room_is_told() -> None:
    async with cut(delay=60, room=3) as (near, _, program):
        for _ in range(10):
            near.send(FRAME + bytes(46))
        while (said := await asked(program))["frames"] < 10:  # it has not read them all yet
            pass
        assert said == {"frames": 10, "lost": 7}
