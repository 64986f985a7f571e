"""What a probe tells, kept for a test to look at."""

from __future__ import annotations

from typing import TypeVar

from landfast.model.facts import Fact

F = TypeVar("F")


class Told(list[Fact]):
    """Facts in the order in which they came: `tell = Told()`, then `ask(host, question, tell)`."""

    def __call__(self, fact: Fact) -> None:
        self.append(fact)

    def of(self, kind: type[F]) -> list[F]:
        """Those of one kind."""
        return [fact for fact in self if isinstance(fact, kind)]
