"""The truth table as one HTML page that asks the network for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from landfast.trials.truth.matrix import Matrix, made

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def render(matrices: Sequence[Matrix], seeds: Sequence[int], planned: int) -> str:
    """The page of so many runs that were planned. Everything in it is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        matrices=matrices, seeds=seeds, made=made(matrices), planned=planned
    )
