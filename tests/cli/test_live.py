from __future__ import annotations

import io

from rich.console import Console

from landfast.cli.live import Live
from landfast.probes.questions import Interfaces, Translation
from landfast.walk import Began, Ended, Told
from tests.examinations import STUN, UP

NAT = Translation(STUN, "wlan0")


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)


def news(live: Live) -> None:
    live.hear(Began(Interfaces()))
    live.hear(Told(Interfaces(), UP))
    live.hear(Ended(Interfaces(), 0.25))
    live.hear(Began(NAT))


def test_without_a_terminal_each_answer_is_a_line() -> None:
    to = console(terminal=False)
    with Live(to) as live:
        news(live)
        live.hear(Ended(NAT, 1.0, "missing \x1b[2J"))
    assert isinstance(to.file, io.StringIO)
    assert to.file.getvalue() == "  interfaces: 1 fact, 0.2 s\n  nat wlan0: not asked: missing \\x1b[2J\n"


def test_on_a_terminal_what_is_being_asked_is_shown_and_gone_afterwards() -> None:
    to = console(terminal=True)
    with Live(to) as live:
        news(live)
        shown = live._render()
    assert shown.splitlines()[0] == "  interfaces: 1 fact, 0.2 s"
    assert shown.splitlines()[1].startswith("  nat wlan0: asking, ")
