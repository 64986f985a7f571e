from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import CapabilityMissing, RequestError, UnknownName
from landfast.kernel.host import Host, Program
from landfast.kernel.sandbox import SandboxHost
from landfast.lab import guests
from landfast.lab.guests import Guest, split
from landfast.lab.lab import Lab
from tests.heeding import heeding

pytestmark = pytest.mark.anyio
lab = pytest.mark.lab

Line = tuple[str, int, bytes]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("npm test", [Guest("robot", ("npm", "test"))]),
        ("a --on operator -- b", [Guest("robot", ("a",)), Guest("operator", ("b",))]),
        ("a --on -- b", [Guest("robot", ("a", "--on", "--", "b"))]),
        ("a --on b c", [Guest("robot", ("a", "--on", "b", "c"))]),
        ("a -- b", [Guest("robot", ("a", "--", "b"))]),
    ],
)
def test_words_are_split_into_guests(words: str, expected: list[Guest]) -> None:
    assert split(words.split(), "robot") == expected


argvs = st.lists(st.text().filter(lambda word: word not in ("--on", "--")), min_size=1, max_size=4).map(tuple)
chosen = st.lists(st.builds(Guest, st.sampled_from(["robot", "operator", "server"]), argvs), min_size=1, max_size=4)


@given(chosen)
def test_what_is_written_is_what_is_read(written: list[Guest]) -> None:
    words = [word for guest in written for word in ("--on", guest.host, "--", *guest.argv)]
    assert split(words[3:], words[1]) == written


@pytest.mark.parametrize("words", ["", "--on operator -- b", "a --on operator --"])
def test_a_guest_without_a_command_is_an_error(words: str) -> None:
    with pytest.raises(RequestError, match=r"nothing to run on (robot|operator): write -- COMMAND"):
        split(words.split(), "robot")


@pytest.mark.parametrize(("code", "said"), [(0, 0), (7, 7), (255, 255), (-9, 137), (-15, 143)])
def test_a_code_is_said_as_shells_say_it(code: int, said: int) -> None:
    assert guests.shell_code(code) == said


class Told:
    """What several guests write. `line` waits for one."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._news = asyncio.Event()

    def write(self, host: str, stream: int, line: bytes) -> None:
        self.lines.append((host, stream, line))
        self._news.set()

    async def line(self, wanted: Line) -> None:
        while wanted not in self.lines:
            await self.more()

    async def more(self) -> None:
        self._news.clear()
        await self._news.wait()


def nowhere(*line: object) -> None:
    pytest.fail(f"a guest that is alone has our own streams, but {line} came")


def shell(host: str, *scripts: str) -> list[Guest]:
    return [Guest(host, ("sh", "-c", script)) for script in scripts]


@lab
async def test_the_code_of_one_guest_is_its_own() -> None:
    codes = {"exit 7": 7, "kill -9 $$": 137, "kill -TERM $$": 143, "true": 0}
    async with Lab("open", verified=False, served=False) as built:
        assert {script: await guests.run(built, shell("robot", script), nowhere) for script in codes} == codes


@lab
async def test_a_guest_is_the_user_on_the_host_with_the_files_of_the_laboratory(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with Lab("open", verified=False) as built:
        look = "id -u; hostname; getent hosts server operator; grep -c . /etc/resolv.conf; echo $LANDFAST_STUN"
        await guests.run(built, shell("robot", look), nowhere)
    out = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert out == [
        [str(os.getuid())],
        ["robot"],
        ["198.51.100.5", "server"],
        ["192.0.2.21", "operator"],
        ["1"],
        ["stun:198.51.100.5:3478"],
    ]


@lab
async def test_of_several_guests_the_last_one_decides_and_each_line_has_its_writer(tmp_path: Path) -> None:
    told = Told()
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    async with Lab("open", verified=False, served=False) as built:
        chosen = [
            Guest("operator", tuple(heeding(signal.SIGTERM, f"open({str(ready)!r}, 'w').close()"))),
            *shell("robot", f"cat {ready}; printf 'one\\ntwo'; echo bad >&2; exit 3"),
        ]
        assert await guests.run(built, chosen, told.write) == 3
    assert sorted(told.lines) == [
        ("operator", 1, b"heard"),
        ("operator", 1, b"ready"),
        ("robot", 1, b"one"),
        ("robot", 1, b"two"),
        ("robot", 2, b"bad"),
    ]


@lab
async def test_a_line_may_be_long_and_not_be_text() -> None:
    told = Told()
    script = "head -c 200000 /dev/zero; echo; printf '\\377\\n'"
    async with Lab("open", verified=False, served=False) as built:
        assert await guests.run(built, shell("robot", "true", script), told.write) == 0
    assert b"".join(line for _, _, line in told.lines[:-1]) == bytes(200000)
    assert told.lines[-1] == ("robot", 1, b"\xff")


@lab
async def test_who_does_not_listen_to_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "GRACE", 0.1)
    told = Told()
    async with Lab("open", verified=False, served=False) as built:
        stubborn = shell("operator", "trap '' TERM; echo ready; while :; do sleep 1000; done")
        after = shell("robot", "read line")
        reading, writing = os.pipe()
        saved = os.dup(0)
        os.dup2(reading, 0)
        try:
            running = asyncio.create_task(guests.run(built, stubborn + after, told.write))
            await told.line(("operator", 1, b"ready"))
            os.write(writing, b"end\n")
            assert await running == 0
        finally:
            os.dup2(saved, 0)
            for each in (reading, writing, saved):
                os.close(each)


@lab
async def test_what_a_guest_leaves_behind_does_not_keep_us() -> None:
    """A process with a session of its own is out of every signal's reach, and holds the pipe."""
    told = Told()
    async with Lab("open", verified=False, served=False) as built:
        assert await guests.run(built, shell("robot", "setsid sleep 1000 & true", "echo done"), told.write) == 0
    assert told.lines == [("robot", 1, b"done")]


@lab
async def test_a_cancelled_run_ends_its_guests() -> None:
    told = Told()
    async with Lab("open", verified=False, served=False) as built:
        chosen = [Guest("robot", tuple(heeding(signal.SIGTERM)))] * 2
        running = asyncio.create_task(guests.run(built, chosen, told.write))
        while told.lines.count(("robot", 1, b"ready")) < 2:
            await told.more()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert told.lines.count(("robot", 1, b"heard")) == 2


@lab
async def test_a_guest_that_cannot_start_ends_those_that_have() -> None:
    told = Told()
    async with Lab("open", verified=False, served=False) as built:
        waiting = Guest("operator", ("sleep", "1000"))
        with pytest.raises(CapabilityMissing, match="program no-such-program"):
            await guests.run(built, [waiting, Guest("robot", ("no-such-program",))], told.write)
        with pytest.raises(UnknownName, match="no host is called 'nobody'"):
            await guests.run(built, [waiting, Guest("nobody", ("true",))], told.write)
        assert "sleep" not in (await ps(built.host("robot")))


async def ps(host: Host) -> str:
    return (await host.run(["ps", "-A", "-o", "comm"])).checked().stdout


@lab
async def test_signals_to_us_are_for_the_guests() -> None:
    async with Lab("open", verified=False, served=False) as built:
        for number in guests.FORWARDED:
            told = Told()
            chosen = [*shell("robot", "true"), Guest("robot", tuple(heeding(number)))]
            running = asyncio.create_task(guests.run(built, chosen, told.write))
            await told.line(("robot", 1, b"ready"))
            os.kill(os.getpid(), number)
            assert await running == 4, number


@lab
async def test_a_signal_before_a_guest_has_started_is_for_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told, heard = Told(), asyncio.Event()
    start, forward = SandboxHost.start, guests._Party.forward

    async def interrupted(self: SandboxHost, argv: Sequence[str], **options: Any) -> Program:
        if argv != ("true",):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(heard.wait(), 10)
        return await start(self, argv, **options)

    def hear(self: guests._Party, number: int) -> None:
        forward(self, number)
        heard.set()

    async with Lab("open", verified=False, served=False) as built:
        monkeypatch.setattr(SandboxHost, "start", interrupted)
        monkeypatch.setattr(guests._Party, "forward", hear)
        # It would sleep for long, had it not been interrupted before it began.
        chosen = [Guest("robot", ("true",)), Guest("robot", ("sleep", "1000"))]
        assert await guests.run(built, chosen, told.write) == 128 + signal.SIGINT
