"""Progress on standard error while questions are asked: on a terminal a live list, elsewhere a line for each answer."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from landfast import clock
from landfast.cli.printable import printable
from landfast.walk import Began, Ended, News, Told, uplink_of

if TYPE_CHECKING:
    from rich.console import Console

    from landfast.probes.questions import Question


class Live:
    """Hears a walk's news."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live as RichLive

        self._console = console
        self._facts: dict[Question, int] = {}
        self._began: dict[Question, float] = {}
        self._ended: dict[Question, Ended] = {}
        self._live = RichLive(get_renderable=self._render, console=console, refresh_per_second=8, transient=True)

    def hear(self, news: News) -> None:
        """Something happened."""
        match news:
            case Began(question):
                self._began[question], self._facts[question] = clock.monotonic(), 0
                self._ended.pop(question, None)
            case Told(question):
                self._facts[question] += 1
            case Ended(question):
                self._ended[question] = news
                if not self._console.is_terminal:
                    self._console.print(self._line(question), highlight=False, markup=False, soft_wrap=True)

    def _line(self, question: Question) -> str:
        name = f"{question.name} {uplink_of(question)}".strip()
        ended = self._ended.get(question)
        if ended is None:
            return f"  {name}: asking, {clock.monotonic() - self._began[question]:.1f} s"
        if ended.problem:
            return printable(f"  {name}: not asked: {ended.problem}")
        return f"  {name}: {_count(self._facts[question])}, {ended.seconds:.1f} s"

    def _render(self) -> str:
        from rich.markup import escape

        return "\n".join(escape(self._line(question)) for question in self._began)

    def __enter__(self) -> Live:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


def _count(facts: int) -> str:
    return "1 fact" if facts == 1 else f"{facts} facts"
