"""The figure of a decision region: what a model decides everywhere in the plane of its two features."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lab.report.layout import beside, headline_over, own
from lab.report.theme import columns_of, look, styles
from lab.statistics.language import say

SQUARE = (4.2, 4.2)


def decision(
    table: pd.DataFrame,
    points: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    title: str = "decision region",
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a model decides everywhere: the colour is the class, its strength how sure the model is.

    Args:
        table: as `lab.probes.regions.decision_region` returns it.
        points: (x of shape (n, 2), y of shape (n,)): examples to draw on top, one marker per class.
        title: which model.
        legend: whether to number the classes beside the axes.
        ax: where to draw; None makes a figure.

    Raises:
        DataError: the table lacks a column or has no rows.
    """
    columns_of(table, ["x1", "x2", "class", "probability", "p0", "p1"], "the decision region")
    chances = [name for name in table.columns if name[:1] == "p" and name[1:].isdigit()]
    # The baseline's black is no class's colour.
    look_of = list(styles(["", *(f"{i}" for i in range(len(chances)))], "").values())[1:]
    x1, x2, best = grid(table, "x1", "x2", "class")
    sure = grid(table, "x1", "x2", "probability")[2]
    least = 1 / len(chances)
    strength = 0.1 + 0.45 * np.clip((sure - least) / (1 - least), 0, 1)[..., None]
    colours = np.array([style.colour for style in look_of])[best.astype(int)]
    with look():
        ax = own(ax, *SQUARE)
        half = [(axis[1] - axis[0]) / 2 for axis in (x1, x2)]
        extent = (x1[0] - half[0], x1[-1] + half[0], x2[0] - half[1], x2[-1] + half[1])
        ax.imshow(1 - strength * (1 - colours), extent=extent, origin="lower", interpolation="nearest", aspect="equal")
        heights = np.array([grid(table, "x1", "x2", name)[2] for name in chances])
        for i in range(len(chances)):
            if 0 < (best == i).mean() < 1:
                # How far a class leads is smooth where the class itself jumps from pixel to pixel.
                lead = heights[i] - np.delete(heights, i, axis=0).max(axis=0)
                ax.contour(x1, x2, lead, [0.0], colors="0.15", linewidths=1.0)
        if points is not None:
            for i, style in enumerate(look_of):
                at = points[0][points[1] == i].T
                ax.plot(*at, ls="none", marker=style.marker, ms=5, mfc=style.colour, mec="white", mew=0.7)
        ax.set_xlim(x1[0], x1[-1])
        ax.set_ylim(x2[0], x2[-1])
        ax.set_xlabel(say("first feature"))
        ax.set_ylabel(say("second feature"))
        if legend:
            beside(ax, [
                Line2D([], [], ls="none", marker=style.marker, ms=6, mfc=style.colour, mec="white", label=str(i))
                for i, style in enumerate(look_of)
            ])  # fmt: skip
        headline_over(ax, title, "", SQUARE[0])
    return ax


def grid(table: pd.DataFrame, first: str, second: str, value: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both axes and the values as (second, first), from one row per point."""
    wide = table.pivot(index=second, columns=first, values=value)
    return wide.columns.to_numpy(float), wide.index.to_numpy(float), wide.to_numpy(float)
