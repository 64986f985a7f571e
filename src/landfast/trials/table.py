"""The trial as a table in a terminal: while it runs, and at its end in the source document's shape (a flag at each
changed address).

Nothing here depends on colour, and everything fits 80 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import TYPE_CHECKING

from landfast.trials.plan import Slot
from landfast.trials.result import Attempt
from landfast.trials.statistics import Proportion, Summary, Verdict

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import TaskID

WIDTH = 80
_CELL = 9  # columns of one attempt: a flag, a tick and "0.34s", with a space before each
_ROW_HEAD = 26  # columns of group and arm; the longest arm is "default-route-only"


@dataclass(frozen=True)
class Symbols:
    """What stands for what; a terminal without Unicode gets letters."""

    flag: str
    yes: str
    no: str
    dash: str
    dot: str


UNICODE = Symbols("⚑", "✓", "✗", "–", "·")
ASCII = Symbols("F", "y", "n", "-", ".")


def symbols(encoding: str | None) -> Symbols:
    """Those that a terminal of this encoding can show."""
    return UNICODE if "utf" in (encoding or "").lower() else ASCII


def cell(attempt: Attempt | None, signs: Symbols) -> str:
    """One attempt: flag for a changed address, tick for a connection, and the time that it took."""
    if attempt is None:
        return signs.dot
    flag = signs.flag if attempt.address_changed else " "
    if not attempt.connected:
        return f"{flag} {signs.no}"
    fell = attempt.held is False
    return f"{flag} {signs.yes} " + ("fell" if fell else f"{attempt.time_to_connect_s or 0:.2f}s")


def percent(proportion: Proportion, signs: Symbols = UNICODE) -> str:
    """The 95 % interval in whole per cent."""
    return f"{proportion.low * 100:.0f}{signs.dash}{proportion.high * 100:.0f} %"


def attempts_table(slots: Sequence[Slot], attempts: Sequence[Attempt], signs: Symbols = UNICODE) -> RenderableType:
    """A row for each group, a column for each attempt; long groups take several rows."""
    from rich import box
    from rich.table import Table

    done = {attempt.number: attempt for attempt in attempts}
    columns = min(max(slot.attempt for slot in slots), (WIDTH - _ROW_HEAD) // (_CELL + 1))
    table = Table(box=box.SIMPLE_HEAD if signs is UNICODE else box.ASCII2, padding=0, show_edge=False)
    table.add_column("group", justify="right")
    table.add_column("arm", overflow="fold", max_width=18)
    for number in range(columns):
        table.add_column(str(number + 1), min_width=_CELL)
    for group in sorted({slot.group for slot in slots}):
        row = [slot for slot in slots if slot.group == group]
        for start in range(0, len(row), columns):
            part = row[start : start + columns]
            head = [str(group), row[0].arm] if not start else ["", ""]
            table.add_row(*head, *(_styled(done.get(slot.number), signs) for slot in part), end_section=False)
    return table


def _styled(attempt: Attempt | None, signs: Symbols) -> RenderableType:
    from rich.text import Text

    if attempt is None:
        return Text(cell(None, signs), style="dim")
    good = attempt.connected and attempt.held is not False and not attempt.address_changed
    return Text(cell(attempt, signs), style="green" if good else "red")


def summary_table(summaries: Sequence[Summary], signs: Symbols = UNICODE) -> RenderableType:
    """A row for each arm."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if signs is UNICODE else box.ASCII2, pad_edge=False, show_edge=False)
    table.add_column("arm", overflow="fold", max_width=18)
    for name in ("connected", "address changed", "95 % interval", "foreign packets", "resets", "longest stall"):
        table.add_column(name, justify="right", max_width=9)
    for arm in summaries:
        table.add_row(
            arm.name,
            f"{arm.connected.count}/{arm.connected.of}",
            f"{arm.changed.count}/{arm.changed.of}",
            percent(arm.changed, signs),
            known(arm.foreign_source_packets),
            known(arm.gateway_resets),
            "unknown" if arm.longest_bystander_stall_s is None else f"{arm.longest_bystander_stall_s:.2f} s",
        )
    return table


def known(count: int | None) -> str:
    """A count, or that nobody could count."""
    return "unknown" if count is None else str(count)


def show(
    console: Console, slots: Sequence[Slot], attempts: Sequence[Attempt], summaries: Sequence[Summary], verdict: Verdict
) -> None:
    """The final table: attempts, arms, and what they prove."""
    signs = symbols(console.encoding)
    legend = f"{signs.flag} the public address changed   {signs.yes} connected   {signs.no} not connected"
    console.print(attempts_table(slots, attempts, signs))
    console.print(legend, style="dim", highlight=False)
    console.print()
    console.print(summary_table(summaries, signs))
    console.print()
    if verdict.p_value is not None:
        console.print(
            f"Fisher's exact test on changed addresses, two-sided: p = {verdict.p_value:.2g}", highlight=False
        )
    console.print()
    console.print(verdict.because, style="bold", highlight=False, markup=False)


def left(slots: Sequence[Slot], attempts: Sequence[Attempt]) -> str:
    """How long the rest will take: each attempt as long as those of its arm so far, or as those of any."""
    done = {attempt.number for attempt in attempts}
    if not attempts:
        return ""
    seconds = 0.0
    for slot in slots:
        if slot.number not in done:
            alike = [a.lasted_s for a in attempts if a.arm == slot.arm] or [a.lasted_s for a in attempts]
            seconds += median(alike)
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes}:{rest:02d} left"


class Live:
    """The same while the trial runs: the table so far, what happens now, a bar and the time that remains. On standard
    error."""

    def __init__(self, console: Console, slots: Sequence[Slot], attempts: Sequence[Attempt]) -> None:
        from rich.live import Live as RichLive
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._slots = slots
        self._attempts = list(attempts)
        self._signs = symbols(console.encoding)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._task: TaskID = self._progress.add_task(
            "starting", total=len(slots), completed=len(attempts), left=left(slots, attempts)
        )
        self._console = console
        self._live = RichLive(self._render(), console=console, refresh_per_second=4, transient=True)

    def _render(self) -> RenderableType:
        from rich.console import Group

        return Group(attempts_table(self._slots, self._attempts, self._signs), self._progress)

    def now(self, doing: str) -> None:
        """Say what happens at present, in a few words."""
        self._progress.update(self._task, description=doing)
        if not self._console.is_terminal:
            self._console.print(doing, highlight=False, markup=False)

    def finished(self, attempt: Attempt) -> None:
        """Show an attempt that has ended."""
        self._attempts.append(attempt)
        self._progress.update(self._task, advance=1, left=left(self._slots, self._attempts))
        self._live.update(self._render())
        if not self._console.is_terminal:
            self._console.print(
                f"attempt {attempt.number}/{len(self._slots)} {attempt.arm}: {cell(attempt, self._signs).strip()}",
                highlight=False,
                markup=False,
            )

    def __enter__(self) -> Live:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
