"""The drawing kit of studies: figures of one, two or many axes in the lab's looks, and the ready-made ones.

A context makes the axes, the script draws into them with matplotlib, and at the end of the context the title, the names
of the axes, the legend (of everything drawn with a label) and the notes are written:

    with single(title="the error of both fits", of="approximation", x="units", y="error", notes=["8 draws."]) as ax:
        ax.plot(sizes, errors, label="net", **line(look_of["net"]))
    return {"errors": figure_of(ax)}

    single, pair     one axes; two side by side
    decision_grid    what nets decide in the plane: one row per convention, one column per strength
    line             how a variant's line is drawn
    spread           the median of the seeds as a line, with a band from the smallest to the largest
    value_axis       the value axis, with its grid
    heading          a small title over one of several axes
    legend           entries to the right of an axes that no context finishes
    look, canvas     the settings to draw with, and an empty figure, where no context fits
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.report.histograms import activation_histograms, weight_histograms
from lab.report.landscapes import contours, relief, steps
from lab.report.layout import PANEL, WIDE, figure_of, footnote, headline_over, own, pair_of_axes, scale
from lab.report.layout import beside as legend
from lab.report.regions import decision
from lab.report.small_multiples import panels, ranked
from lab.report.theme import DASHED, Style, canvas, look, styles, text
from lab.report.value_axis import Axis

__all__ = [
    "DASHED",
    "activation_histograms",
    "canvas",
    "contours",
    "decision_grid",
    "figure_of",
    "heading",
    "legend",
    "line",
    "look",
    "pair",
    "panels",
    "ranked",
    "relief",
    "single",
    "spread",
    "steps",
    "styles",
    "text",
    "value_axis",
    "weight_histograms",
]

_COLUMN, _ROW = 3.2, 3.3


@contextmanager
def single(
    *,
    title: str,
    of: str,
    x: str = "",
    y: str = "",
    notes: Sequence[str] = (),
    size: tuple[float, float] = PANEL,
) -> Iterator[Axes]:
    """Make a figure of one axes, which `figure_of` returns afterwards.

    Args:
        title: what is seen.
        of: the experiment, which the title begins with.
        x, y: the names of the axes.
        notes: sentences under the axes.
        size: of the axes, in inches.
    """
    with look():
        ax = own(None, *size)
        yield ax
        _finish([ax], (x,), (y,))
        headline_over(ax, title, of, size[0])
        footnote(ax, notes, size[0])


@contextmanager
def pair(
    *,
    title: str,
    of: str,
    headings: tuple[str, str] = ("", ""),
    x: tuple[str, str],
    y: tuple[str, str],
    notes: Sequence[str] = (),
) -> Iterator[list[Axes]]:
    """Make a figure of two axes side by side, with one legend to their right.

    Args:
        title: what is seen.
        of: the experiment, which the title begins with.
        headings: small titles over both axes.
        x, y: the names of the axes of each.
        notes: sentences under the axes.
    """
    with look():
        _, axes = pair_of_axes()
        yield axes
        _finish(axes, x, y)
        for ax, words in zip(axes, headings, strict=True):
            if words:
                heading(ax, words)
        headline_over(axes[0], title, of, WIDE, above=26 if any(headings) else None)
        footnote(axes[0], notes, WIDE)


def _finish(axes: Sequence[Axes], x: Sequence[str], y: Sequence[str]) -> None:
    entries: dict[str, Line2D] = {}
    for ax, across, up in zip(axes, x, y, strict=True):
        ax.set_xlabel(across)
        ax.set_ylabel(up)
        handles, labels = ax.get_legend_handles_labels()
        entries |= {label: handle for label, handle in zip(labels, handles, strict=True) if label not in entries}
    if entries:
        legend(axes[-1], list(entries.values()))


def decision_grid(rows: Mapping[str, Mapping[str, pd.DataFrame]], points: tuple[np.ndarray, np.ndarray]) -> Figure:
    """Draw what nets decide everywhere in the plane, with the training points on top.

    Args:
        rows: for each row its name, empty where there is only one, and its panels: a table of
            `lab.probes.regions.decision_region` by title.
        points: (x of shape (n, 2), y of shape (n,)).
    """
    across, down = max(map(len, rows.values())), len(rows)
    with look():
        figure = canvas(_COLUMN * across, _ROW * down + 0.2)
        for i, (name, row) in enumerate(rows.items()):
            for j, (title, table) in enumerate(row.items()):
                place = (j + 0.17) / across, 1 - (i + 0.86) / down, 0.8 / across, 0.74 / down
                ax = decision(table, points, legend=False, title=" ", ax=figure.add_axes(place))
                text(ax.set_title(title), 9, fontweight="bold")
                ax.set_xlabel(ax.get_xlabel() if i == down - 1 else "")
                ax.set_ylabel("\n\n".join(filter(None, [name, ax.get_ylabel()])) if j == 0 else "")
    return figure


def line(style: Style) -> dict[str, Any]:
    """Return how a variant's line is drawn, as arguments of `Axes.plot`."""
    return {"color": style.colour, "marker": style.marker, "lw": 1.5, "ms": 4.5, "mec": "white", "mew": 0.5}


def spread(ax: Axes, table: pd.DataFrame, x: str, y: str, *, label: str, looks: Mapping[str, Any]) -> pd.DataFrame:
    """Draw the median of several rows at each place as a line, with a band from the smallest to the largest.

    Args:
        ax: where to draw.
        table: one row per place and seed.
        x, y: its columns.
        label: of the line, in the legend.
        looks: of the line, as `line` returns them.

    Returns:
        The "median", "min" and "max" at each place.
    """
    drawn = table.groupby(x)[y].agg(["median", "min", "max"])
    ax.fill_between(drawn.index, drawn["min"], drawn["max"], color=looks["color"], alpha=0.12, lw=0)
    ax.plot(drawn.index, drawn["median"], label=label, **looks)
    return drawn


def value_axis(ax: Axes, low: float, high: float, *, log: bool = False) -> None:
    """Give an axes its value axis from `low` to `high`, with a grid."""
    scale(ax, Axis(log, low, high, False))


def heading(ax: Axes, words: str, size: float = 9.0) -> None:
    """Write a small title over one of several axes."""
    text(ax.set_title(words, loc="left", pad=6), size, fontweight="bold")
