"""The tree tells the truth: imports point down, what is pure stays pure, each outside power has one door."""

from __future__ import annotations

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "landfast"
SRC = ROOT / "src" / PACKAGE

# Top to bottom; an import may only point down. Names on one line are siblings and never import each other.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"app"},
    {"web", "trials"},
    {"walk"},
    {"probes", "remedies", "logs", "journal", "fleet"},
    {"peers"},
    {"session", "lab", "gate"},
    {"servers"},
    {"kernel"},
    {"diagnose", "wire"},
    {"model"},
    {"errors", "clock"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# What decides and therefore never waits: whole folders, and modules of these names wherever they stand.
PURE_FOLDERS = ("model/", "wire/", "diagnose/", "session/ice/", "lab/sim/")
PURE_MODULES = {"plan", "ruleset", "diff", "machine", "fold", "topology", "network", "gateway", "impair", "delayline"}
WAITS = {"asyncio", "multiprocessing", "select", "selectors", "signal", "socket", "subprocess", "threading", "time"}

# A power of the outside world → the only places that may import it.
DOORS = {
    "aioice": ("wire/", "peers/agent.py"),  # its STUN codec, its agent
    "aiortc": ("peers/aiortc.py", "session/aiortc/"),
    "ctypes": ("kernel/namespaces.py",),
    "multiprocessing": (),
    "playwright": ("peers/",),
    "subprocess": ("kernel/",),
    "time": ("clock.py",),
}
# Calls that would go around a door → where they are right.
CALLS = {
    "__import__": (),
    "asyncio.create_subprocess_exec": ("kernel/",),
    "asyncio.create_subprocess_shell": (),
    "import_module": ("cli/main.py", "walk.py"),  # nouns and probes, when they are first needed
    "importlib.import_module": (),
    "os.execv": (),
    "os.execvp": (),
    "os.fork": ("kernel/init.py",),
    "os.popen": (),
    "os.posix_spawn": (),
    "os.system": (),
}
# A window only looks: nothing that it may know can change the host.
ONLY = {"web": {"web", "journal", "model", "diagnose", "errors", "clock"}}


def imports(place: str, tree: ast.Module) -> Iterator[str]:
    """Absolute dotted names of everything that a module imports, relative imports resolved."""
    folders = (PACKAGE, *Path(place).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(folders[: len(folders) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def is_pure(place: str) -> bool:
    """Whether the module at this place, below the package, belongs to what decides."""
    return place.startswith(PURE_FOLDERS) or Path(place).stem in PURE_MODULES


def place_of(name: str) -> str:
    """`landfast.lab.plan.Plan` → `lab/plan.py`; a name that is no module belongs to its package."""
    parts = name.split(".")[1:]
    for length in range(len(parts), 0, -1):
        path = Path(*parts[:length])
        if (SRC / path).with_suffix(".py").exists():
            return str(path.with_suffix(".py"))
        if (SRC / path).is_dir():
            return str(path / "__init__.py")
    return "__init__.py"


@functools.cache
def _uses(place: str) -> tuple[bool, frozenset[str]]:
    """Whether a module itself imports what waits; and the package's modules that it imports."""
    names = list(imports(place, ast.parse((SRC / place).read_text())))
    own = frozenset(place_of(name) for name in names if name.startswith(f"{PACKAGE}."))
    return any(name.split(".")[0] in WAITS for name in names), own - {place}


@functools.cache
def waits(place: str) -> bool:
    """Whether a module, or any of the package's that it imports, however far, uses what waits."""
    seen, left = {place}, [place]
    while left:
        itself, others = _uses(left.pop())
        if itself:
            return True
        left += others - seen
        seen |= others
    return False


def complaints(place: str, source: str) -> list[str]:
    """What is wrong with a module at this place below the package."""
    tree = ast.parse(source)
    here = Path(place).parts[0].removesuffix(".py")
    if here not in RANK and here != "__init__":
        return [f"{here} stands in no layer"]
    said = []
    for name in imports(place, tree):
        top, *rest = name.split(".")
        if top == PACKAGE and rest and here != "__init__":
            there = rest[0]
            if there == "__version__":
                continue
            if there != here and RANK.get(there, -1) <= RANK[here]:
                said.append(f"{here} imports {there}, which does not stand below it")
            if there not in ONLY.get(here, {there}):
                said.append(f"{here} only looks and may not know {there}")
            if is_pure(place) and waits(place_of(name)):
                said.append(f"{place} is pure, yet imports {place_of(name)}, which is not")
        if top in DOORS and not place.startswith(DOORS[top] or "nowhere"):
            said.append(f"{top} is imported only in {DOORS[top]}")
        if top in WAITS and is_pure(place):
            said.append(f"{place} is pure, yet imports {top}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            if call in CALLS and not place.startswith(CALLS[call] or "nowhere"):
                said.append(f"{call} is called only in {CALLS[call]}")
    return said


def places() -> list[str]:
    return sorted(str(path.relative_to(SRC)) for path in SRC.rglob("*.py"))


@pytest.mark.parametrize("place", places())
def test_a_module_keeps_the_rules(place: str) -> None:
    assert complaints(place, (SRC / place).read_text()) == []


@pytest.mark.parametrize(
    ("place", "source", "complaint"),
    [
        ("kernel/x.py", "import landfast.lab.build", "kernel imports lab"),
        ("kernel/x.py", "from landfast import lab", "kernel imports lab"),
        ("lab/x.py", "from ..peers import aiortc", "lab imports peers"),
        ("lab/x.py", "from .. import trials", "lab imports trials"),
        ("remedies/masquerade/x.py", "from ...journal import file", "remedies imports journal"),
        ("probes/x.py", "def f():\n    import landfast.remedies.masquerade", "probes imports remedies"),
        ("lab/x.py", "if TYPE_CHECKING:\n    from landfast.gate import order", "lab imports gate"),
        ("errors.py", "from landfast import clock", "errors imports clock"),
        ("helpers/x.py", "", "helpers stands in no layer"),
        ("helpers.py", "", "helpers stands in no layer"),
        ("lab/x.py", "from landfast.helpers import y", "lab imports helpers"),
        ("web/x.py", "from landfast.kernel import nft", "web only looks"),
        ("web/x.py", "from landfast import remedies", "web only looks"),
        ("diagnose/nat.py", "import asyncio", "is pure, yet imports asyncio"),
        ("model/facts.py", "from time import monotonic", "is pure, yet imports time"),
        ("lab/topology.py", "import socket", "is pure, yet imports socket"),
        ("remedies/masquerade/diff.py", "from threading import Lock", "is pure, yet imports threading"),
        ("session/machine.py", "def f():\n    import asyncio", "is pure, yet imports asyncio"),
        ("lab/ruleset.py", "from landfast.kernel.host import Host", "is pure, yet imports kernel/host.py"),
        ("lab/plan.py", "from ..clock import monotonic", "is pure, yet imports clock.py"),
        ("trials/x.py", "import aiortc", "aiortc is imported only in"),
        ("session/x.py", "from aiortc.rtcdtlstransport import RTCDtlsTransport", "aiortc is imported only in"),
        ("peers/aiortc.py", "from aioice import stun", "aioice is imported only in"),
        ("lab/x.py", "import subprocess", "subprocess is imported only in"),
        ("kernel/x.py", "from multiprocessing import Process", "multiprocessing is imported only in"),
        ("kernel/host.py", "import ctypes", "ctypes is imported only in"),
        ("lab/x.py", "import time", "time is imported only in"),
        (
            "lab/x.py",
            "async def f():\n    await asyncio.create_subprocess_exec('ip')",
            "create_subprocess_exec is called",
        ),
        ("kernel/x.py", "os.system('ip')", "os.system is called"),
        ("lab/x.py", "importlib.import_module('aiortc')", "import_module is called"),
    ],
)
def test_a_broken_rule_is_found(place: str, source: str, complaint: str) -> None:
    """The checker itself can fail: each of these sources has exactly one thing wrong."""
    assert any(complaint in said for said in complaints(place, source))


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("lab/build.py", "from landfast.kernel.host import Host\nfrom . import topology\nimport asyncio, socket"),
        ("cli/lab.py", "import landfast\nfrom landfast.lab.lab import Lab"),
        (
            "lab/topology.py",
            "from landfast.errors import BadFile\nfrom landfast.model.nat import Mapping\nimport ipaddress",
        ),
        ("peers/aiortc.py", "import aiortc"),
        ("clock.py", "import time"),
        ("web/page.py", "from landfast.journal import file\nfrom landfast.model import facts"),
        ("__init__.py", "__version__ = '1'"),
    ],
)
def test_what_is_right_is_not_complained_of(place: str, source: str) -> None:
    assert complaints(place, source) == []


def test_every_foreign_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {re.split(r"[^a-z0-9-]", line)[0] for line in [*project["dependencies"], *extras]}
    # pytest loads our plugin; the other two are parts of jinja2 and pydantic with names of their own.
    known = {*sys.stdlib_module_names, PACKAGE, "pytest", "markupsafe", "pydantic_core"}
    foreign = {
        name.split(".")[0] for place in places() for name in imports(place, ast.parse((SRC / place).read_text()))
    } - known
    assert foreign - declared == set()
