"""Landscapes: contours with the paths of optimizers on them, and reliefs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.checks import DataError
from lab.report.layout import beside, footnote, headline, headline_over, own
from lab.report.regions import SQUARE, grid
from lab.report.theme import Style, canvas, columns_of, look, printable, styles, text
from lab.statistics.language import say

LEVELS = 18


def contours(
    table: pd.DataFrame,
    paths: Mapping[str, pd.DataFrame] | None = None,
    *,
    title: str = "",
    of: str = "",
    look_of: Mapping[str, Style] | None = None,
    levels: Sequence[float] | None = None,
    equal: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the height of a landscape as contours, with the paths of optimizers on it, from a ring to a dot.

    Args:
        table: as `lab.probes.regions.surface` or `lab.probes.loss_slices.slice_2d` returns it: two parameters and the
            height in the first three columns.
        paths: one table per path, as `lab.textbook.descent.trajectory` returns it: the columns of both parameters, in
            order.
        title: what is seen.
        of: the experiment, for the title.
        look_of: the style of each path; None takes `lab.report.styles`.
        levels: the heights of the contours, increasing. Those of `steps` give figures that can be compared; the
            heights of a path show how its steps leave the contours. None takes those of `steps` for the table.
        equal: give both axes one scale; only then does an orthogonal step look orthogonal.
        ax: where to draw; None makes a figure.

    Raises:
        DataError: a table lacks a column or has no rows.
    """
    first, second, height = _three(table)
    x, y, z = grid(table, first, second, height)
    paths = paths or {}
    look_of = look_of or styles(["", *paths], "")
    with look():
        size = _shape(x, y) if equal else SQUARE
        ax = own(ax, *size)
        at: np.ndarray = np.unique(steps(z) if levels is None else np.asarray(levels, float))
        logarithmic = at[0] > 0 and at[-1] > 10 * at[0]
        norm = LogNorm(at[0], at[-1]) if logarithmic else Normalize(at[0], at[-1])
        # A logarithm has no place for 0: what lies under the lowest contour is its inside.
        z = np.maximum(z, 0.5 * at[0]) if logarithmic else z
        ax.contourf(x, y, z, at, cmap="Greys", norm=norm, alpha=0.3, extend="both")
        lines = ax.contour(x, y, z, at, colors="0.45", linewidths=0.6)
        made = ax.clabel(lines, list(at[1::3]), fmt=lambda value: f"{value:.3g}", fontsize=7)
        for label in made:
            text(label, 7, color="0.25")
        entries = []
        for name, path in paths.items():
            columns_of(path, [first, second], f"the path {name}")
            style = look_of[name]
            colour: dict[str, Any] = {"color": style.colour}
            ax.plot(path[first], path[second], lw=1.1, marker=style.marker, ms=3, zorder=4, **colour)
            ax.plot(*path[[first, second]].iloc[0], marker="o", ms=7, mfc="white", mec=style.colour, mew=1.4, zorder=5)
            ax.plot(
                *path[[first, second]].iloc[-1], marker=style.marker, ms=7, mec="white", mew=0.8, zorder=5, **colour
            )
            entries.append(Line2D([], [], lw=1.1, marker=style.marker, ms=5, label=printable(name), **colour))
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        if equal:
            ax.set_aspect("equal")
        text(ax.set_xlabel(printable(first)), 9)
        text(ax.set_ylabel(printable(second)), 9)
        if len(entries) > 1:
            beside(ax, entries)
        headline_over(ax, title or f"{height} over {first} and {second}", of, size[0])
        notes = [say("Ring: the start.")] if paths else []
        notes += ["Contours at equal ratios of the height."] if logarithmic and levels is None else []
        footnote(ax, notes, size[0])
    return ax


def steps(*heights: np.ndarray, count: int = LEVELS) -> np.ndarray:
    """Return heights for contours that show the valley as well as the slopes, the same for several surfaces.

    Args:
        heights: of one surface or several; what is not finite is ignored.
        count: how many, at least 2.

    Returns:
        An increasing array from the lowest to the highest: at equal ratios where the highest is over ten times the
        lowest and none is negative (then from a thousandth of the highest on), at equal differences otherwise.
    """
    all_of_them = np.concatenate([np.ravel(height) for height in heights]).astype(float)
    finite = all_of_them[np.isfinite(all_of_them)]
    if not finite.size:
        return np.linspace(0, 1, count)
    low, high = float(finite.min()), float(finite.max())
    floor = max(low, high / 1000)
    if low >= 0 and high > 10 * floor:
        return np.geomspace(floor, high, count)
    return np.linspace(low, high if high > low else low + 1, count)


def relief(table: pd.DataFrame, path: pd.DataFrame | None = None, *, title: str = "", of: str = "") -> Figure:
    """Draw the height of a landscape as a surface in three dimensions, with a path on it.

    Args:
        table: as for `contours`.
        path: the columns of both parameters and the height, in order.
        title: what is seen.
        of: the experiment, for the title.

    Raises:
        DataError: a table lacks a column or has no rows.
    """
    first, second, height = _three(table)
    x, y, z = grid(table, first, second, height)
    if path is not None:
        columns_of(path, [first, second, height], "the path")
    with look():
        figure = canvas(5.6, 4.6)
        ax = figure.add_axes((0.0, 0.02, 0.92, 0.9), projection="3d", computed_zorder=False)
        every = max(1, len(x) // 40)
        a, b = np.meshgrid(x, y)
        surface: dict[str, Any] = {"cmap": "Greys", "alpha": 0.75, "rstride": every, "cstride": every, "zorder": 1}
        ax.plot_surface(a, b, z, edgecolor="0.55", linewidth=0.25, **surface)  # type: ignore[attr-defined]
        if path is not None:
            red = styles(["", "0", "1"], "")["1"].colour
            points = path[[first, second, height]].to_numpy().T
            ax.plot(*points, color=red, lw=1.4, marker="o", ms=2.6, zorder=4)
            ax.plot(*points[:, :1], marker="o", ms=7, mfc="white", mec=red, mew=1.4, zorder=5)
            ax.plot(*points[:, -1:], marker="o", ms=6, color=red, mec="white", mew=0.8, zorder=5)
        ax.view_init(38, -58)  # type: ignore[attr-defined]
        for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), (first, second, height), strict=True):  # type: ignore[attr-defined]
            text(axis.set_label_text(printable(name)), 9)
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        over = headline(title or f"{height} over {first} and {second}", of, 5.2)
        text(figure.text(0.04, 0.99, over, va="top"), 11, fontweight="bold")
    return figure


def _three(table: pd.DataFrame) -> tuple[str, str, str]:
    if len(table.columns) < 3 or not len(table):
        raise DataError(
            "a surface must have two parameters and the height in its first three columns, "
            f"got {', '.join(map(str, table.columns)) or 'none'} with {len(table)} rows"
        )
    names = [str(name) for name in table.columns if name not in ("accuracy",)]
    return names[0], names[1], names[2]


def _shape(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the size in inches of a panel in which both axes have one scale."""
    ratio = float((y[-1] - y[0]) / (x[-1] - x[0]))
    longest = 5.2
    return (longest, max(1.6, longest * ratio)) if ratio <= 1 else (max(1.6, longest / ratio), longest)
