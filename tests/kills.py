"""`kill -9` at random moments, and what is left over: nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from landfast import clock
from landfast.kernel.host import Host, Program
from landfast.kernel.sandbox import Sandbox, SandboxHost, SandboxProgram
from tests import landfast

PATIENCE = 30
"""Seconds within which the kernel must have freed everything, on a machine that is busy."""


async def killed(argv: Sequence[str], up: bytes, times: int, before: tuple[str, ...] = ()) -> None:
    """Start `landfast ARGV`, kill it at a random moment before or after it says `up`; each time nothing is left.

    All happens in a sandbox, whose processes, files and rules are only ours to see and to make.
    """
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it with a failure
    chance = random.Random(seed)
    async with Sandbox() as sandbox:
        host = await sandbox.host("machine")
        (await host.run(["ip", "link", "set", "lo", "up"])).checked()
        outside = Path(f"/proc/{sandbox.pid}/root")
        nothing = await _state(host, outside)
        began = clock.monotonic()
        program = await _started(host, outside, argv, before)
        assert program.stdout
        while up not in (line := await program.stdout.readline()):
            assert line, "it ended by itself"
        took = clock.monotonic() - began
        for number in range(times):
            if number:
                program = await _started(host, outside, argv, before)
                moment = chance.uniform(0, 1.3 * took)
                print(f"{number}: killed after {moment:.3f} s of {took:.3f} s")  # noqa: T201 -- likewise
                with suppress(TimeoutError):
                    await asyncio.wait_for(program.wait(), moment)
                assert program.code is None, "it ended by itself"
            await _kill(host, program)
            left = await _settled(host, outside, nothing)
            assert left == nothing, left


async def _started(host: Host, outside: Path, argv: Sequence[str], before: tuple[str, ...]) -> Program:
    for name in ("home", "tmp"):
        (outside / "dev/shm" / name).mkdir(exist_ok=True)
    own = landfast.environment({"HOME": "/dev/shm/home", "TMPDIR": "/dev/shm/tmp"})
    return await host.start([*before, *landfast.ARGV, *argv], environment=own)


async def _kill(host: SandboxHost, program: Program) -> None:
    """Only the program itself: what it started must end by itself."""
    assert isinstance(program, SandboxProgram)
    (await host.run(["kill", "-9", str(program.pid)])).checked()
    await program.wait()


async def _settled(host: Host, outside: Path, wanted: dict[str, object]) -> dict[str, object]:
    """The state when it is as wanted, or at the end of our patience."""
    state = await _state(host, outside)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while state != wanted:
                state = await _state(host, outside)
    return state


async def _state(host: Host, outside: Path) -> dict[str, object]:
    looks = {
        "rules": ["nft", "list", "ruleset"],
        "links": ["ip", "-oneline", "address"],
        "routes": ["ip", "rule"],
        "namespaces": ["ip", "netns", "list"],
    }
    seen: dict[str, object] = {name: (await host.run(argv)).stdout for name, argv in looks.items()}
    seen["mounts"] = (outside / "proc/1/mountinfo").read_text()
    seen["sockets"] = (await host.run(["cat", "/proc/net/unix"])).stdout.count("landfast")
    seen["files"] = sorted(
        str(path.relative_to(outside)) for path in (outside / "dev/shm").rglob("*") if path.is_file()
    )
    # Last: the programs that looked are gone by now.
    seen["processes"] = {p.name: _name(p) for p in (outside / "proc").iterdir() if p.name.isdigit()}
    return seen


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return "gone"
