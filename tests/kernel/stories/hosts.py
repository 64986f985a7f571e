"""What any host promises, this machine as well as one in a sandbox."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path

from landfast.errors import CapabilityMissing, ProgramFailed, WorldError
from landfast.kernel.host import INHERIT, Host
from tests.kernel.stories.telling import Shelf, divided, line, raises, readable, running, unique_sleep

STORIES = Shelf()


@STORIES.of_any_host
async def what_a_program_says_and_its_code_are_told(host: Host) -> None:
    done = await host.run(["sh", "-c", "cat; echo trouble >&2; exit 7"], given="hello")
    assert (done.code, done.stdout, done.stderr) == (7, "hello", "trouble\n")
    with raises(ProgramFailed):
        done.checked()


@STORIES.of_any_host
async def more_than_a_pipe_holds_goes_through_it(host: Host) -> None:
    much = "0123456789abcdef" * 65536  # 1 MiB; a pipe holds 64 KiB
    assert (await host.run(["cat"], given=much)).stdout == much


@STORIES.of_any_host
async def a_program_need_not_read_what_it_is_given(host: Host) -> None:
    assert (await host.run(["true"], given="x" * 500_000)).code == 0


@STORIES.of_any_host
async def what_is_written_to_a_program_that_has_ended_is_lost(host: Host) -> None:
    program = await host.start(["true"])
    assert program.stdin is not None
    assert await program.wait() == 0
    program.stdin.write(b"too late")
    assert program.stdin.transport.is_closing()


@STORIES.of_any_host
async def a_death_by_signal_is_a_negative_code(host: Host) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        program = await host.start(["cat"])
        assert program.code is None
        program.send_signal(number)
        assert await program.wait() == -number
        assert program.code == -number
        program.send_signal(number)  # nothing happens


@STORIES.of_any_host
async def a_signal_reaches_what_the_program_started(host: Host) -> None:
    program = await host.start(["sh", "-c", "sleep 1000 & echo started; wait"])
    assert await line(program) == "started"
    program.send_signal(signal.SIGTERM)
    assert await program.wait() == -signal.SIGTERM
    assert await line(program) == ""  # the end: nobody has this pipe any more, `sleep` neither


@STORIES.of_any_host
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


@STORIES.of_any_host
async def streams_may_be_ours(host: Host) -> None:
    reading, writing = os.pipe()
    program = await host.start(["echo", "hello"], stdin=INHERIT, stdout=writing, stderr=INHERIT)
    os.close(writing)
    assert (program.stdin, program.stdout, program.stderr) == (None, None, None)
    assert await program.wait() == 0
    assert os.read(reading, 100) == b"hello\n"
    os.close(reading)


@STORIES.of_any_host
async def environment_and_folder_are_the_programs(host: Host) -> None:
    program = await host.start(["sh", "-c", "echo $ANSWER; pwd"], environment={"ANSWER": "42"}, folder=Path("/usr"))
    assert [await line(program), await line(program), await program.wait()] == ["42", "/usr", 0]


@STORIES.of_any_host
async def a_program_that_is_not_there_is_a_missing_capability(host: Host) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "closed").mkdir(mode=0)  # exec(3) would say "permission denied" because of it
        path = {"PATH": f"{folder}/closed:{os.environ['PATH']}"}
        for argv in (["nft-of-nobody"], ["/nowhere/nft-of-nobody"]):
            with raises(CapabilityMissing) as raised:
                await host.start(argv, environment=path)
            assert argv[0] in str(raised.problem)


@STORIES.of_any_host
async def what_cannot_be_started_is_an_error_of_the_world(host: Host) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nonsense = Path(folder, "nonsense")
        nonsense.write_text("neither a script nor a program")
        nonsense.chmod(0o755)
        for argv, where in (([str(nonsense)], Path("/")), (["true"], Path("/nowhere"))):
            with raises(WorldError) as raised:
                await host.start(argv, folder=where)
            assert argv[0] in str(raised.problem)


@STORIES.of_any_host
async def many_programs_run_at_once(host: Host) -> None:
    done = await asyncio.gather(*(host.run(["echo", str(n)]) for n in range(40)))
    assert [int(one.stdout) for one in done] == list(range(40))


@STORIES.of_any_host
async def a_function_is_called_there(host: Host) -> None:
    assert await host.call(divided, 12, 4) == 3
    with raises(ZeroDivisionError):
        await host.call(divided, 1, 0)


@STORIES.of_any_host
async def a_port_that_is_taken_is_not_bound_again(host: Host) -> None:
    with await host.udp() as first, raises(OSError):
        await host.udp(port=first.getsockname()[1])
