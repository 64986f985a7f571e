"""TOML → Network, with a file, a line and the allowed values in every error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from landfast.errors import BadFile, UnknownName
from landfast.lab import topology
from landfast.lab.network import Network

# A declaration is a page of text; more than this is not one of ours.
_MAX_BYTES = 1 << 18


def profiles() -> list[str]:
    """The names of the profiles that come with landfast."""
    files = resources.files("landfast.lab").joinpath("profiles").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def profile(name: str) -> Network:
    """A profile by its name. Raises UnknownName."""
    if name not in profiles():
        raise UnknownName("network", name, profiles())
    file = resources.files("landfast.lab").joinpath("profiles", f"{name}.toml")
    return parse(file.read_text("utf-8"), f"{name}.toml")


def read(path: Path) -> Network:
    """A network from a file. Raises BadFile."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise BadFile(path, None, f"has {size} bytes", f"a network has at most {_MAX_BYTES}")
        return parse(path.read_text("utf-8"), path)
    except OSError as problem:
        raise BadFile(path, None, problem.strerror or str(problem)) from None
    except UnicodeDecodeError as problem:
        raise BadFile(path, None, f"is not UTF-8 (byte {problem.start})") from None


def parse(text: str, path: Path | str) -> Network:
    """A network from TOML text; its name is the file's unless it says one. Raises BadFile."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"at line (\d+)", str(problem))
        raise BadFile(path, int(line[1]) if line else None, f"is not TOML: {problem}") from None
    except (RecursionError, ValueError) as problem:  # tomllib's limits: depth, and the digits of a number
        raise BadFile(path, None, f"cannot be read: {problem}") from None
    try:
        network = Network.model_validate(content)
        topology.plan(network)
    except ValidationError as problem:
        # An unknown key first: it is often the misspelt one that is then said to be missing.
        error = min(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
        where = [str(part) for part in error["loc"] if part != "[key]"]  # pydantic's mark that the name itself is wrong
        sentence = _sentence(error)
        raise _bad(path, text, where, sentence) from None
    except ValueError as problem:  # of the plan
        raise _bad(path, text, [], str(problem)) from None
    return network if network.name else network.but(name=Path(path).stem)


def _bad(path: Path | str, text: str, where: list[str], sentence: str) -> BadFile:
    if not where and (place := _PLACE.match(sentence)):  # what looks at the whole network names the place itself
        where, sentence = place[1].split("."), sentence[place.end() :]
    return BadFile(path, _line(text, where), f"{'.'.join(where) or 'network'}: {sentence}")


def _sentence(error: ErrorDetails) -> str:
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        allowed = _fields(error["loc"][:-1])
        return f"unknown key; allowed here: {', '.join(allowed)}"
    given = error.get("input")
    return f"{said}, not {given!r}" if isinstance(given, str | int | float | bool) else said


def _fields(location: Iterable[int | str]) -> list[str]:
    """The keys that may stand in the table at this place of a network."""
    kind: Any = Network
    for part in location:
        field = kind.model_fields.get(str(part)) if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        if field is not None:
            kind = field.annotation
        kind = _model_in(kind) if field is None or not _is_container(kind) else kind
    kind = _model_in(kind)
    return sorted(kind.model_fields) if kind else []


def _is_container(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (dict, list)


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The model inside `X`, `X | None`, `list[X]` or `dict[…, X]`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    for inner in getattr(kind, "__args__", ()):
        if found := _model_in(inner):
            return found
    return None


_PLACE = re.compile(r"((?:routers|hosts|events)(?:\.[\w-]+)*): ")
_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+?)\s*=")


def _line(text: str, where: list[str]) -> int:
    """The line of the key at this place, or of the nearest table around it: tomllib keeps no positions."""
    best = (0, 1)
    table: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = [part.strip(" \"'") for part in header[1].split(".")]
            if line.lstrip().startswith("[["):
                seen[header[1]] = seen.get(header[1], -1) + 1
                table.append(str(seen[header[1]]))
            here = table
        elif key := _KEY.match(line):
            here = table + [part.strip("\"'") for part in key[1].split(".")]
        else:
            continue
        # A table within this place stands for it too, and so does a neighbour for what is missing.
        depth = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, where, strict=False)))
        if depth > best[0]:
            best = (depth, number)
    return best[1]
