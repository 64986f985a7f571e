from __future__ import annotations

import os

import pytest

from landfast.kernel.pipes import INHERIT, Pipes

pytestmark = pytest.mark.anyio


async def test_what_the_program_writes_is_read_until_it_closes_its_end() -> None:
    pipes = await Pipes.open((None, None, None))
    assert pipes.stdin is not None
    assert pipes.stdout is not None
    stdin, stdout, _ = pipes.theirs
    pipes.stdin.write(b"question")
    await pipes.stdin.drain()
    assert os.read(stdin, 100) == b"question"
    os.write(stdout, b"answer")
    assert await pipes.stdout.read(100) == b"answer"
    assert not pipes.closed
    pipes.given()  # no program: so these were the only ends
    assert await pipes.stdout.read() == b""
    pipes.close()
    assert pipes.closed


async def test_streams_that_are_no_pipes_are_passed_on() -> None:
    pipes = await Pipes.open((INHERIT, 7, INHERIT))
    assert pipes.theirs == [0, 7, 2]
    assert (pipes.stdin, pipes.stdout, pipes.stderr) == (None, None, None)
    pipes.given()
    assert pipes.closed


async def test_closing_does_not_wait_for_who_does_not_read() -> None:
    pipes = await Pipes.open((None, INHERIT, INHERIT))
    assert pipes.stdin is not None
    pipes.stdin.write(b"x" * 1_000_000)  # a pipe holds 64 KiB
    pipes.close()
    assert pipes.closed
    pipes.given()


async def test_when_the_program_has_ended_only_what_it_wrote_is_left() -> None:
    pipes = await Pipes.open((None, None, INHERIT))
    assert pipes.stdin is not None
    assert pipes.stdout is not None
    os.write(pipes.theirs[1], b"last words")
    pipes.given()
    pipes.ended()
    assert pipes.stdin.transport.is_closing()
    assert await pipes.stdout.read() == b"last words"


async def test_a_pipe_that_cannot_be_made_leaves_no_other_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    pipe = os.pipe

    def scarce() -> tuple[int, int]:
        if made:
            raise OSError(24, "Too many open files")
        made.extend(pipe())
        return made[0], made[1]

    monkeypatch.setattr(os, "pipe", scarce)
    with pytest.raises(OSError, match="Too many open files"):
        await Pipes.open((None, None, None))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(made[0])
