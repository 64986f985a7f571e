"""The trial on one axis of time: attempts, flags where the public address changed, stalls of the bystander, foreign
packets.

`timeline` is pure; `draw` makes it an SVG whose colours are the page's CSS variables, so that it follows light, dark
and paper.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from landfast.trials.result import Attempt

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Span:
    """From `at` for `lasts` seconds."""

    at: float
    lasts: float


@dataclass(frozen=True)
class Bar(Span):
    """An attempt; `connected` from when on, as far as it held."""

    number: int
    connected: Span | None


@dataclass(frozen=True)
class Band(Span):
    """A group of attempts with one arm."""

    group: int
    arm: str


@dataclass(frozen=True)
class Timeline:
    """Everything to draw, in seconds from the trial's start."""

    bands: tuple[Band, ...]
    bars: tuple[Bar, ...]
    flags: tuple[float, ...]
    stalls: tuple[Span, ...]
    foreign: tuple[float, ...] | None
    """None: nobody could see them."""

    @property
    def ends(self) -> float:
        """When the last attempt ended."""
        return max((band.at + band.lasts for band in self.bands), default=0.0)


def timeline(attempts: Sequence[Attempt]) -> Timeline:
    """Lay out finished attempts."""
    bands = []
    for (group, arm), of in groupby(attempts, key=lambda a: (a.group, a.arm)):
        members = list(of)
        first, last = members[0], members[-1]
        bands.append(Band(first.began_s, last.began_s + last.lasted_s - first.began_s, group, arm))
    unseen = any(a.foreign_source_packets is None for a in attempts)
    return Timeline(
        tuple(bands),
        tuple(Bar(a.began_s, a.lasted_s, a.number, _connected(a)) for a in attempts),
        tuple(a.began_s + change.at_s for a in attempts for change in a.address_changes),
        tuple(Span(a.began_s + stall.at_s, stall.lasted_s) for a in attempts for stall in a.bystander_stalls),
        None if unseen else tuple(a.began_s + at for a in attempts for at in a.foreign_at_s),
    )


def _connected(attempt: Attempt) -> Span | None:
    if attempt.time_to_connect_s is None or attempt.held_s is None:
        return None
    return Span(attempt.began_s + attempt.time_to_connect_s, attempt.held_s)


# matplotlib needs colours, the page has variables: each of these stands for one, and is nothing that occurs otherwise.
_COLOURS = {
    "--ink": "#010203",
    "--faint": "#010204",
    "--line": "#010205",
    "--bar": "#010206",
    "--good": "#010207",
    "--bad": "#010208",
    "--warn": "#010209",
    "--arm-0": "#01020a",
    "--arm-1": "#01020b",
    "--arm-2": "#01020c",
    "--arm-3": "#01020d",
}
_ARMS = 4
_WIDTH, _HEIGHT = 10.5, 3.1  # inches at 72 dots: the page's column
_LANES = ("connection", "address", "bystander", "foreign packets")


def draw(line: Timeline) -> str:
    """An SVG element, 756 wide and without outside references."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "landfast",
        "font.family": "sans-serif",
        "font.size": 9,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        axes = figure.add_axes((0.105, 0.14, 0.885, 0.84))
        axes.set(xlim=(0, max(line.ends, 1.0)), ylim=(-0.6, 4.35), yticks=[3, 2, 1, 0], yticklabels=_LANES)
        _bands(axes, line)
        _lanes(axes, line)
        axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 1.5, 2, 3, 6, 10], integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}"))
        axes.tick_params(length=0, colors=_COLOURS["--faint"])
        axes.spines[:].set_visible(False)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = written.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    for variable, colour in _COLOURS.items():
        drawn = drawn.replace(colour, f"var({variable})")
    title = "Timeline of the trial: groups, connections, changes of the public address, stalls and foreign packets"
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _bands(axes: Axes, line: Timeline) -> None:
    colours = _arm_colours([band.arm for band in line.bands])
    for band in line.bands:
        colour = colours[band.arm]
        axes.axvspan(band.at, band.at + band.lasts, color=colour, alpha=0.09, linewidth=0)
        axes.plot([band.at, band.at + band.lasts], [4.32, 4.32], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.text(band.at + band.lasts / 2, 3.82, band.arm, ha="center", color=colour, weight="bold", clip_on=True)


def _arm_colours(arms: Sequence[str]) -> dict[str, str]:
    names = list(dict.fromkeys(arms))
    return {name: _COLOURS[f"--arm-{number % _ARMS}"] for number, name in enumerate(names)}


def _lanes(axes: Axes, line: Timeline) -> None:
    from matplotlib.path import Path

    ink, faint, rule = _COLOURS["--ink"], _COLOURS["--faint"], _COLOURS["--line"]
    for bar in line.bars:
        axes.barh(3, bar.lasts, left=bar.at, height=0.5, color=_COLOURS["--bar"], linewidth=0)
        if bar.connected:
            axes.barh(3, bar.connected.lasts, left=bar.connected.at, height=0.5, color=_COLOURS["--good"], linewidth=0)
        axes.plot([bar.at, bar.at], [2.75, 3.25], color=faint, linewidth=0.8)
    for lane in (2, 1, 0):
        axes.axhline(lane, color=rule, linewidth=1, zorder=0)
    # A pole with its foot in the lane, and a pennant.
    flag = Path([(0, -1), (0, 1.2), (1.3, 0.75), (0, 0.3), (0, -1)], [Path.MOVETO] + [Path.LINETO] * 4)
    bad = _COLOURS["--bad"]
    axes.plot(line.flags, [2] * len(line.flags), linestyle="", marker=flag, markersize=15, color=bad, markeredgewidth=1)
    for stall in line.stalls:
        axes.barh(1, stall.lasts, left=stall.at, height=0.34, color=_COLOURS["--warn"], linewidth=0)
    if line.foreign is None:
        axes.text(0, 0.1, " not known: no right to capture", color=ink, va="bottom")
    else:
        axes.vlines(line.foreign, -0.25, 0.25, color=bad, linewidth=0.7, alpha=0.75)
