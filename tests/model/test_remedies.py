from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.model.remedies import Link, Remove, Run, Step, Write, shell

pytestmark = pytest.mark.anyio


async def carried_out(steps: list[Step]) -> str:
    """What a shell says when it is given the steps."""
    completed = await Host.here().run(["sh", "-eu"], given=shell(steps))
    return completed.checked().stdout


async def test_the_shell_does_the_steps(tmp_path: Path) -> None:
    folder = tmp_path / "it's new"
    file, link = f"{folder}/a file", f"{folder}/link"
    steps: list[Step] = [
        Write(file, "one\nEND\n$HOME `two`\n", 0o750),
        Link(link, "a file"),
        Run(("cat", "-", link), given="given\nEND\n"),
        Run(("false",), may_fail=True),
        Run(("cat",), given="no newline"),
    ]
    assert await carried_out(steps) == "given\nEND\none\nEND\n$HOME `two`\nno newline\n"
    assert (folder / "a file").stat().st_mode & 0o7777 == 0o750
    await carried_out([Remove(link), Remove(file, folder=True), Remove(file, folder=True)])
    assert not folder.exists()


async def test_a_program_reads_nothing_that_was_not_given() -> None:
    assert await carried_out([Run(("cat",)), Run(("echo", "done"))]) == "done\n"


@example(["E\x80", "END", "EN", "FND\x80"])
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_words_and_texts_are_never_taken_for_the_shell_s(words: list[str]) -> None:
    import asyncio

    text = "".join(f"{word}\n" for word in words).replace("\r", "")
    told = asyncio.run(carried_out([Run(("printf", "%s\\n", *words)), Run(("cat",), given=text)]))
    assert told == "".join(f"{word}\n" for word in words) + text
