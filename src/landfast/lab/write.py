"""Network → TOML that `parse.py` reads back: what is not the default, and comments. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from landfast.lab.network import Network

_WIDTH = 118  # characters of a comment's line


def toml(network: Network, comments: Iterable[str] = ()) -> str:
    """The network as text, the comments above it, each on lines of its own. Its name is the file's, so it says none."""
    said = network.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    return "\n".join([*_commented(comments), *_lines(said)]) + "\n"


def _commented(comments: Iterable[str]) -> Iterator[str]:
    for comment in comments:
        line = "#"
        for word in "".join(each if each.isprintable() else " " for each in comment).split():
            if len(line) + len(word) >= _WIDTH:
                yield line
                line = "#  "
            line += f" {word}"
        yield line
    yield ""


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key} = {_value(said[key])}" for key in ("title", "observed_on"))
    for name, router in said.get("routers", {}).items():
        yield from _table(f"routers.{name}", router)
    for name, host in said["hosts"].items():
        if own := {key: each for key, each in host.items() if not isinstance(each, dict)}:
            yield from _table(f"hosts.{name}", own)
        for part in ("interfaces", "bridges"):
            if host.get(part):
                yield from _table(f"hosts.{name}.{part}", host[part])
    for event in said.get("events", ()):
        yield from _table("events", event, "[[{}]]")


def _table(name: str, said: Mapping[str, Any], brackets: str = "[{}]") -> Iterator[str]:
    yield ""
    yield brackets.format(name)
    yield from (f"{key} = {_value(value)}" for key, value in said.items())


def _value(value: Any) -> str:
    match value:
        case None:
            return "false"  # TOML has no None; what may be None takes false for it
        case bool() | int() | float():
            return json.dumps(value)
        case dict():
            return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }" if value else "{}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
    # JSON's strings are TOML's, but for DEL, and for what no file can hold.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f").encode(errors="replace").decode()
