"""The layout of figures, in inches, so that figures of one, four and twelve variants look alike.

The title says what is seen, one legend serves all panels, and notes under the axes state the rules that the figure
follows: what is averaged, what is left out, why an axis is as it is.
"""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lab.checks import UsageError
from lab.report.theme import canvas, characters, labels, lines, printable, text
from lab.report.value_axis import LOG_ABOVE, Axis
from lab.statistics.language import say
from lab.statistics.runs import FOLD

_LEFT, _RIGHT, _BOTTOM, _TOP = 0.72, 0.2, 0.62, 0.24
_ACROSS, _DOWN = 0.16, 0.38
# The size of a single panel, and the widths of one and of both of two panels side by side.
PANEL = (5.6, 3.4)
HALF = 3.6
WIDE = 2 * HALF + 0.75


def columns(panels: int) -> int:
    """Return how many columns a grid of panels has: nearly square, with few empty cells."""
    if panels <= 3:
        return panels
    nearest = math.ceil(math.sqrt(panels))
    return min((nearest, nearest + 1), key=lambda across: (-panels % across, across))


def _panel(panels: int) -> tuple[float, float]:
    for most, size in ((1, PANEL), (3, (3.1, 2.5)), (4, (3.3, 2.2)), (6, (2.6, 2.0))):
        if panels <= most:
            return size
    return (2.05, 1.6)


class Sheet:
    """A figure with a grid of panels on shared axes.

    Attributes:
        figure: the figure.
        axes: the panels, row by row.
    """

    def __init__(self, panels: int) -> None:
        across = columns(panels)
        down = -(-panels // across)
        self.panel, high = _panel(panels)
        self.inner = across * self.panel + (across - 1) * _ACROSS
        self.tall = down * high + (down - 1) * _DOWN
        self.width, self.height = _LEFT + self.inner + _RIGHT, _BOTTOM + self.tall + _TOP
        self.figure = canvas(self.width, self.height)
        self.axes: list[Axes] = []
        for index in range(panels):
            row, column = divmod(index, across)
            left = _LEFT + column * (self.panel + _ACROSS)
            bottom = _BOTTOM + (down - 1 - row) * (high + _DOWN)
            place = (left / self.width, bottom / self.height, self.panel / self.width, high / self.height)
            # The caller gives all panels the same limits: axes linked by matplotlib make 36 panels three times slower.
            ax = self.figure.add_axes(place)
            # Only the outer columns can reach beyond the sheet; the others need not be measured when it is saved.
            ax.set_in_layout(column in (0, across - 1))
            # A panel above an empty cell keeps its epochs.
            ax.tick_params(labelleft=column == 0, labelbottom=index + across >= panels)
            self.axes.append(ax)

    def name(self, ax: Axes, variant: str, variants: Sequence[str]) -> None:
        """Write a variant's name over its panel."""
        short = labels(variants, characters(0.92 * self.panel, 9.0, bold=True))[variant]
        text(ax.set_title(short, loc="left", pad=4), 9, fontweight="bold")

    def finish(self, *, title: str, of: str, x: str, y: str, legend: list[Line2D], notes: Sequence[str]) -> None:
        """Write what belongs to all panels: title, names of the axes, the legend and the notes."""

        def write(inches: float, up: float, words: str, size: float, **looks: object) -> None:
            text(self.figure.text(inches / self.width, up / self.height, words), size, **looks)

        write(_LEFT + self.inner / 2, _BOTTOM - 0.28, x, 9, ha="center", va="top")
        write(0.1, _BOTTOM + self.tall / 2, y, 9, ha="left", va="center", rotation="vertical")
        across = max(1, min(len(legend), int(self.inner / 1.8)))
        made = self.figure.legend(
            handles=legend,
            loc="lower left",
            bbox_to_anchor=(_LEFT / self.width, (self.height + 0.05) / self.height),
            ncols=across,
            borderaxespad=0.0,
            borderpad=0.0,
            handlelength=2.8,
            columnspacing=1.6,
        )
        _plain(made)
        above = self.height + 0.05 + 0.17 * -(-len(legend) // across) + 0.12
        write(_LEFT, above, headline(title, of, self.inner), 11, va="bottom", fontweight="bold")
        write(_LEFT, _BOTTOM - 0.52, note(notes, self.inner), 7.5, va="top", color="0.35", linespacing=1.35)


def headline(title: str, of: str, inches: float) -> str:
    """Return a title in lines that fit: what is seen, after the experiment in which it is seen."""
    words = f"{printable(of)}: {title}" if of else title[:1].upper() + title[1:]
    return "\n".join(lines(words, characters(inches, 11.0, bold=True)))


def note(sentences: Sequence[str], inches: float) -> str:
    """Return the notes in lines that fit."""
    return "\n".join(lines(say(" ").join(sentences), characters(inches, 7.5)))


def headline_over(ax: Axes, title: str, of: str, inches: float = PANEL[0], above: float | None = None) -> None:
    """Write a title over an axes, or `above` it by some points where something else stands between."""
    words = headline(title, of, inches)
    if above is None:
        made = ax.set_title(words, loc="left", pad=10)
    else:
        made = ax.annotate(words, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points")
    text(made, 11, fontweight="bold")


def footnote(ax: Axes, sentences: Sequence[str], inches: float = PANEL[0]) -> None:
    """Write the notes under an axes."""
    words = note(sentences, inches)
    made = ax.annotate(words, (0, 0), (0, -38), xycoords="axes fraction", textcoords="offset points", va="top")
    text(made, 7.5, color="0.35", linespacing=1.35)


def beside(ax: Axes, entries: list[Line2D]) -> None:
    """Put the legend to the right of an axes."""
    made = ax.legend(
        handles=entries,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        handlelength=3.4,
        labelspacing=0.6,
    )
    _plain(made)


def _plain(legend: Legend) -> None:
    for entry in legend.get_texts():
        text(entry)


def plain_number(value: float, position: int | None = None) -> str:
    """Return a tick's number without mathematics, as in 0.001, 10 and 1e-05."""
    return f"{value:g}"


def scale(ax: Axes, axis: Axis) -> None:
    """Give an axes its value axis."""
    if axis.log:
        # A zero has no place on a logarithmic axis: the line runs out at the bottom instead of breaking.
        ax.set_yscale("log", nonpositive="clip")
        decades = math.log10(axis.high / axis.low)
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2.5 else (1.0, 2.0, 5.0), numticks=9))
        ax.yaxis.set_major_formatter(FuncFormatter(plain_number))
        ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(axis.low, axis.high)
    ax.grid(axis="y", color="0.92", lw=0.7)
    ax.set_axisbelow(True)


def epochs_axis(ax: Axes, table: pd.DataFrame) -> None:
    """Give an axes the epochs of a table, as whole numbers."""
    first, last = min(1.0, float(table["epoch"].min())), float(table["epoch"].max())
    room = 0.02 * (last - first) or 0.5
    ax.set_xlim(first - room, last + room)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def own(ax: Axes | None, width: float = PANEL[0], height: float = PANEL[1]) -> Axes:
    """Return `ax`, or the axes of a new figure whose panel has a size in inches."""
    if ax is not None:
        return ax
    size = (_LEFT + width + _RIGHT, _BOTTOM + height + _TOP)
    return canvas(*size).add_axes((_LEFT / size[0], _BOTTOM / size[1], width / size[0], height / size[1]))


def figure_of(ax: Axes) -> Figure:
    """Return the figure of an axes made by `own`."""
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise UsageError("an axes must belong to a figure to be saved, got one that was removed; draw it again")
    return figure


def pair_of_axes() -> tuple[Figure, list[Axes]]:
    """Return a figure with two axes side by side."""
    width, height = _LEFT + WIDE + _RIGHT, _BOTTOM + 3.0 + _TOP
    figure = canvas(width, height)
    places = [(left / width, _BOTTOM / height, HALF / width, 3.0 / height) for left in (_LEFT, _LEFT + WIDE - HALF)]
    return figure, [figure.add_axes(place) for place in places]


def path_axes(count: int, below: bool) -> tuple[Figure, list[Axes], list[Axes]]:
    """Return a figure with `count` axes on one value axis, and under each a small one where `below` asks for it."""
    wide = {1: 4.8, 2: 3.4}.get(count, 2.7)
    low = 0.8 if below else 0.0
    gap = 0.16 if below else 0.0
    width, height = _LEFT + count * wide + (count - 1) * 0.2 + _RIGHT, _BOTTOM + low + gap + 2.6 + _TOP
    figure = canvas(width, height)
    tops: list[Axes] = []
    bottoms: list[Axes] = []
    for index in range(count):
        left = _LEFT + index * (wide + 0.2)
        place = (left / width, (_BOTTOM + low + gap) / height, wide / width, 2.6 / height)
        ax = figure.add_axes(place, sharey=tops[0] if tops else None)
        ax.tick_params(labelleft=index == 0, labelbottom=not below)
        tops.append(ax)
        if below:
            place = (left / width, _BOTTOM / height, wide / width, low / height)
            ax = figure.add_axes(place, sharex=ax, sharey=bottoms[0] if bottoms else None)
            ax.tick_params(labelleft=index == 0)
            bottoms.append(ax)
    return figure, tops, bottoms


_SEEDS = ("One seed", "{count} seeds", "{low} to {high} seeds")
_RUNS = ("One run", "{count} runs", "{low} to {high} runs")


def seeds_note(state: pd.DataFrame) -> str:
    """Return how many seeds, or runs in folds, a variant has, from one row per run."""
    counts = state.groupby("variant", sort=False).size()
    low, high = int(counts.min()), int(counts.max())
    one, many, span = _RUNS if FOLD in state else _SEEDS
    seeds = say(one) if high == 1 else say(many, count=low) if low == high else say(span, low=low, high=high)
    return say("{seeds} per variant.", seeds=seeds) if len(counts) > 1 else say("{seeds}.", seeds=seeds)


def diverged_note(state: pd.DataFrame) -> str:
    """Return how many runs diverged and what that means for the medians, from one row per run."""
    lost = int(state["diverged"].sum())
    return say("Diverged: {count} of {runs} runs, in no median.", count=lost, runs=len(state))


def axis_notes(axis: Axis) -> list[str]:
    """Return why an axis is logarithmic and that it cuts lines, where it is or does."""
    notes = []
    if axis.log:
        notes.append(
            say("Logarithmic axis: the highest value is over {times} times the lowest.", times=f"{LOG_ABOVE:g}")
        )
    if axis.cut:
        notes.append(say("Lines that reach the edge continue beyond it."))
    return notes
