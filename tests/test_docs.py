"""The pages tell the truth: what they name exists, what exists is named, and blocks marked as runnable run.

A block's first line says what it is:

    ```sh run              runs, in an empty folder
    ```sh run lab          runs, and builds a laboratory
    ```python file NAME    is a file, which is in the folder of those below it on its page
    ```text output         is what the block before it printed
    ```toml network        is a network
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from bench.__main__ import BENCHES
from landfast import errors
from landfast.app.doctor import Examination
from landfast.app.fix import Fixing
from landfast.cli import main as front
from landfast.errors import LandfastError
from landfast.kernel.host import Host
from landfast.lab import network, parse
from landfast.lab.network import Occasion
from landfast.lab.services import Services
from landfast.probes import plan as questions
from landfast.trials.arms import ARMS
from landfast.trials.document import document
from landfast.trials.plan import plan
from landfast.trials.result import Trial

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
IMAGES = sorted(DOCS.rglob("images/*"))
REFERENCE = DOCS / "reference"
LARGEST_IMAGE = 200_000  # bytes: a page shall open on a robot's own link

_FENCE = re.compile(r"^```(?P<kind>\w*) ?(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    words: tuple[str, ...]
    text: str
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> list[Block]:
    found: list[Block] = []
    for page in PAGES:
        text = page.read_text()
        for fence in _FENCE.finditer(text):
            words = tuple(fence["words"].split())
            if words == ("output",):
                before = found.pop()
                found.append(Block(before.page, before.line, before.kind, before.words, before.text, fence["text"]))
                continue
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(page, line, fence["kind"], words, fence["text"]))
    return found


BLOCKS = blocks()
RUN = [block for block in BLOCKS if block.words[:1] == ("run",)]
NETWORKS = [block for block in BLOCKS if block.words == ("network",)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text())


def section(page: Path, title: str) -> str:
    """The text below a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", prose(page), re.MULTILINE | re.DOTALL)
    assert found, f"{name(page)} has no heading {title!r}"
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """A table's rows by the code in their first cell; a first cell with several of them counts for each."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("|"):
            first, *others = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), others)
    return found


def anchors(page: Path) -> set[str]:
    """What a page's headings are linked by."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


# What is named


def test_the_table_of_profiles_has_each_with_its_title_and_where_it_was_seen() -> None:
    table = rows(section(REFERENCE / "networks.md", "Profiles"))
    told = {profile: cells for profile, cells in table.items() if profile in parse.profiles()}
    known = {profile: parse.profile(profile) for profile in parse.profiles()}
    assert told == {profile: [its.title, "; ".join(its.observed_on)] for profile, its in known.items()}


PARTS = [
    network.Network,
    network.Router,
    network.Nat,
    network.Budget,
    network.Gateway,
    network.Host,
    network.Interface,
    network.Bridge,
    network.Link,
    network.Event,
]


def test_every_part_of_a_network_has_its_section() -> None:
    models = {
        its for its in vars(network).values() if isinstance(its, type) and issubclass(its, BaseModel) and its.__doc__
    }
    assert {its for its in models if its.__module__ == network.__name__ and not its.__name__.startswith("_")} == set(
        PARTS
    )


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_axis_is_documented_with_its_default(part: type[BaseModel]) -> None:
    table = rows(section(REFERENCE / "networks.md", part.__name__))
    told = {key: cells[0].strip("`") for key, cells in table.items() if key in part.model_fields}
    assert set(told) == set(part.model_fields)
    for key, field in part.model_fields.items():
        if field.is_required():
            assert told[key] == "required", key
        elif isinstance(field.default, bool | int | float | str) and field.default != "":
            assert told[key] == str(field.default).lower(), key
        elif isinstance(field.default, BaseModel):
            assert told[key].startswith("see ["), key
        else:  # none at all, or told in words
            assert told[key], key


def test_every_event_is_documented() -> None:
    assert set(Occasion) <= set(rows(section(REFERENCE / "networks.md", "Event")))


def test_every_variable_of_a_guest_is_documented() -> None:
    services = Services(("a", 1), ("b", 2), ("turn:a",), "user", "password", "ws://a", "/ca.pem")
    assert set(services.environment) <= set(rows(section(REFERENCE / "networks.md", "What is always there")))


def commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command of typer's and all below it, by the words that call them."""
    yield path, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands(f"{path} {word}", below)


def everything() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for noun in front.NOUNS:
        found += commands(f"landfast {noun}", get_command(import_module(f"landfast.cli.{noun}").app))
    return found


@pytest.mark.parametrize(("path", "command"), everything(), ids=[path for path, _ in everything()])
def test_every_command_and_option_is_in_the_reference(path: str, command: Any) -> None:
    text = section(REFERENCE / "cli.md", path)
    everywhere = {"--help", "-h", "--install-completion", "--show-completion"}
    options = {word for parameter in command.params for word in parameter.opts if word.startswith("-")} - everywhere
    told = {word for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"(?<!\S)--?[a-z][\w-]*", code)}
    assert options - told == set()


def test_no_option_is_told_that_does_not_exist() -> None:
    real = {word for _, command in everything() for parameter in command.params for word in parameter.opts}
    real |= {"--help", "-h", "--version", "--install-completion", "--show-completion"}
    told = rows(prose(REFERENCE / "cli.md"))
    words = {word for first in told for word in re.findall(r"(?<!\S)--?[a-z][\w-]*", first)}
    assert words - real == set()


def test_every_exit_code_is_documented() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LandfastError)]
    codes = {kind.exit_code for kind in kinds} | {0, 1, front.INTERNAL, front.INTERRUPTED, front.READER_GONE}
    table = section(REFERENCE / "cli.md", "Exit codes")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == codes


def test_every_arm_of_a_trial_is_documented() -> None:
    assert set(ARMS) <= set(rows(section(REFERENCE / "cli.md", "landfast trial")))


def test_every_key_of_a_trial_as_json_is_documented() -> None:
    asked = {"network": "x", "arms": ["off"], "groups": 1, "attempts": len(plan(["off"], 1, 1))}
    told = re.findall(r"`([^`]+)`", section(REFERENCE / "cli.md", "JSON of a trial"))
    assert set(document(Trial(asked, (), ()))) <= {word.removesuffix("[]") for word in told}


def test_every_question_of_doctor_is_documented() -> None:
    assert set(questions.NAMES) <= set(rows(section(REFERENCE / "cli.md", "landfast doctor")))


def test_every_key_of_doctor_as_json_is_documented() -> None:
    told = re.findall(r"`([^`]+)`", section(REFERENCE / "cli.md", "JSON of doctor"))
    said = Examination().as_json()
    assert {*said, *said["cost"]} <= {word.removesuffix("[]") for word in told}


def test_every_key_of_a_fix_as_json_is_documented() -> None:
    told = re.findall(r"`([^`]+)`", section(REFERENCE / "cli.md", "landfast fix"))
    assert set(Fixing().as_json()) - {"schema_version"} <= set(told)


def test_every_bench_is_documented() -> None:
    assert set(BENCHES) <= set(rows(section(REFERENCE / "benchmarks.md", "Benchmarks")))


# What can be followed


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_link_leads_to_a_heading_that_is_there(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        file, _, anchor = target.partition("#")
        if "://" not in target and anchor:
            assert anchor in anchors((page.parent / file).resolve() if file else page), target


def test_every_page_and_picture_is_reached_from_the_readme() -> None:
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        if page.suffix == ".md":
            files = [link.partition("#")[0] for link in _LINK.findall(page.read_text()) if "://" not in link]
            left += {(page.parent / file).resolve() for file in files if file} - reached
    assert {*DOCS.rglob("*.md"), *IMAGES} - reached == set()


@pytest.mark.parametrize("image", IMAGES, ids=name)
def test_a_picture_is_small(image: Path) -> None:
    assert image.stat().st_size <= LARGEST_IMAGE


# What can be done


@pytest.mark.parametrize("block", NETWORKS, ids=str)
def test_a_network_in_a_page_is_one(block: Block) -> None:
    assert parse.parse(block.text, block.page).hosts


@pytest.fixture
def landfast(tmp_path: Path) -> dict[str, str]:
    """An environment in which `landfast`, `python` and `pytest` are these."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program, words in (("landfast", "-m landfast"), ("pytest", "-m pytest"), ("python", "")):
        (programs / program).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / program).chmod(0o755)
    return {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(ROOT / "src")}


async def run(block: Block, environment: dict[str, str], folder: Path) -> None:
    (folder / "work").mkdir()
    for file in BLOCKS:
        if file.words[:1] == ("file",) and file.page == block.page and file.line < block.line:
            (folder / "work" / file.words[1]).write_text(file.text)
    interpreter = {"sh": ["sh", "-euc"], "python": [sys.executable, "-c"]}[block.kind]
    script = f"cd {folder / 'work'}\n{block.text}" if block.kind == "sh" else block.text
    done = (await Host.here().run([*interpreter, script], environment=environment)).checked()
    if block.output is not None:
        assert done.stdout == block.output


@pytest.mark.anyio
@pytest.mark.parametrize("block", [block for block in RUN if "lab" not in block.words], ids=str)
async def test_a_block_runs(block: Block, landfast: dict[str, str], tmp_path: Path) -> None:
    await run(block, landfast, tmp_path)


@pytest.mark.lab
@pytest.mark.anyio
@pytest.mark.parametrize("block", [block for block in RUN if "lab" in block.words], ids=str)
async def test_a_block_runs_in_a_laboratory(block: Block, landfast: dict[str, str], tmp_path: Path) -> None:
    await run(block, landfast, tmp_path)
