"""What the tree promises besides its layers: maps at each door, a test for each module, no address of a download."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "landfast"
TESTS = ROOT / "tests"
MODULES = sorted(path.relative_to(SRC) for path in SRC.rglob("*.py"))

# Modules without a test file of their own, and what tests them instead.
TESTED_ELSEWHERE = {
    "__main__.py": "tests/cli/test_main.py starts it",
    "clock.py": "two calls of the standard library",
    **dict.fromkeys(
        (f"model/facts/{name}.py" for name in ("host", "network", "relay", "watch")),
        "fields without a decision; tests/model/test_facts.py carries every one of them over",
    ),
    "kernel/init.py": "the other side of kernel/sandbox.py; tests/kernel/test_sandbox.py",
    **dict.fromkeys(
        (f"session/ice/{name}.py" for name in ("events", "settings")),
        "fields without a decision; the tests of the agent beside them read every one",
    ),
    "session/ice/ground/footing.py": "fields without a decision; tests/session/ice/ground/test_relays.py",
    "kernel/namespaces.py": "system calls without a decision; tests/kernel/test_sandbox.py",
}

# Made here, copied from elsewhere or empty: not written for readers.
IGNORED = {
    ".git",
    ".venv",
    "build",
    "dist",
    "__pycache__",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
}

# Where packages and images are downloaded from is configured on each machine and written nowhere here.
REGISTRIES = re.compile(
    r"pypi\.(?:org|io)|pythonhosted|npmjs|yarnpkg|crates\.io|(?:deb|ftp)\.debian|archive\.ubuntu|docker\.io|ghcr|quay\.io"
    r"|artifact-?registry|--(?:extra-)?index-url[ =]\S",
    re.IGNORECASE,
)


def files() -> list[Path]:
    """Every file that is written for readers."""
    return [p for p in sorted(ROOT.rglob("*")) if p.is_file() and not IGNORED & set(p.relative_to(ROOT).parts)]


def documentation(path: Path) -> str:
    return ast.get_docstring(ast.parse((SRC / path).read_text())) or ""


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_says_what_it_is(module: Path) -> None:
    assert documentation(module)


@pytest.mark.parametrize("package", sorted({module.parent for module in MODULES}), ids=str)
def test_a_package_has_a_map_of_its_parts(package: Path) -> None:
    """The docstring of `__init__` names each module and each folder in it."""
    folder = SRC / package
    parts = {path.name for path in folder.glob("*.py")} | {f"{path.parent.name}/" for path in folder.glob("*/*.py")}
    named = documentation(package / "__init__.py")
    assert {part for part in parts - {"__init__.py"} if part not in named} == set()


@pytest.mark.parametrize("folder", ["src", "tests", "bench", "make"])
def test_no_module_is_too_long_to_read(folder: str) -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert {path: number for path, number in lines.items() if number > 600} == {}


@pytest.mark.parametrize("module", [m for m in MODULES if m.name != "__init__.py"], ids=str)
def test_a_module_has_its_test(module: Path) -> None:
    test = TESTS / module.parent / f"test_{module.name}"
    assert test.exists() is (str(module) not in TESTED_ELSEWHERE)


def test_only_modules_that_exist_are_excused() -> None:
    assert set(TESTED_ELSEWHERE) <= {str(module) for module in MODULES}


@pytest.mark.parametrize(
    "test", [p.relative_to(TESTS) for p in sorted(TESTS.rglob("*/test_*.py")) if "__pycache__" not in p.parts], ids=str
)
def test_a_test_stands_where_its_module_stands(test: Path) -> None:
    module = SRC / test.parent / test.name.removeprefix("test_")
    assert module.exists() or module.with_suffix("").is_dir()


@pytest.mark.parametrize("test", sorted(p.relative_to(TESTS) for p in TESTS.rglob("*.py")), ids=str)
def test_a_test_does_not_sleep(test: Path) -> None:
    """It waits for the event itself. `sleep(0)` gives others their turn and is no waiting."""
    for node in ast.walk(ast.parse((TESTS / test).read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "sleep":
            assert ast.unparse(node.args[0]) == "0", f"line {node.lineno}"


@pytest.mark.parametrize("file", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_names_no_registry(file: Path) -> None:
    if file == Path(__file__):  # has the pattern
        return
    found = REGISTRIES.search(file.read_bytes().decode(errors="replace"))
    assert found is None, found


def test_the_lock_has_versions_and_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    lines = [
        line for line in lock.replace("\\\n", "").splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    assert "://" not in lock


def test_the_lock_of_other_stacks_has_versions_and_hashes_and_no_address() -> None:
    text = (ROOT / "bench" / "stacks" / "package-lock.json").read_text()
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert packages
    for each in packages.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", each["version"])
        assert each["integrity"].startswith("sha512-")
    assert "://" not in text
