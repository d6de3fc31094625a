"""Histograms of what is inside models: the activations and the weights of their layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.report.layout import beside, footnote, headline, headline_over, note, own, plain_number, scale
from lab.report.theme import Style, canvas, characters, columns_of, labels, look, styles, text
from lab.report.value_axis import fitted
from lab.statistics.language import say

# A bar this many times the next lower one would flatten all others, so it is cut.
CUT = 4.0
_WIDE, _HIGH, _GAP = 1.5, 0.85, 0.16
_LEFT, _BOTTOM, _TOP = 1.3, 0.75, 0.1
_CELL = 8.0


def activation_histograms(table: pd.DataFrame, *, title: str = "activations layer by layer", of: str = "") -> Figure:
    """Draw how the values of each layer are spread: one row per variant, one column per layer, shared bins.

    Each panel has its own height, so that a shape can be seen where all values crowd into few bins; the share of the
    fullest bin is written into it.

    Args:
        table: as `lab.probes.activations.histogram` returns it ("layer", "left", "right", "share"), with a column
            "variant" where there are several.
        title: what is seen.
        of: the experiment, for the title.

    Raises:
        DataError: the table lacks a column or has no rows.
    """
    columns_of(table, ["layer", "left", "right", "share"], "the histogram")
    rows = table.astype({"layer": str}).assign(variant=table["variant"].astype(str) if "variant" in table else "")
    variants, layers = list(rows["variant"].unique()), list(rows["layer"].unique())
    look_of, cells = styles(variants), rows.groupby(["variant", "layer"], sort=False)
    inner, tall = len(layers) * (_WIDE + _GAP) - _GAP, len(variants) * (_HIGH + _GAP) - _GAP
    width, height = _LEFT + inner + 0.2, _BOTTOM + tall + _TOP
    names = labels(variants, characters(_LEFT - 0.2, 9.0, bold=True))
    headings = labels(layers, characters(_WIDE, _CELL))
    with look():
        figure = canvas(width, height)
        for (variant, layer), cell in cells:
            i, j = variants.index(variant), layers.index(layer)
            left, bottom = _LEFT + j * (_WIDE + _GAP), _BOTTOM + (len(variants) - 1 - i) * (_HIGH + _GAP)
            ax = figure.add_axes((left / width, bottom / height, _WIDE / width, _HIGH / height))
            _bars(ax, cell, look_of[str(variant)])
            ax.tick_params(labelbottom=i == len(variants) - 1)
            if i == 0:
                text(ax.set_title(headings[str(layer)], pad=3), _CELL)
            if j == 0:
                place = ((_LEFT - 0.12) / width, (bottom + _HIGH / 2) / height)
                text(figure.text(*place, names[str(variant)], ha="right", va="center"), 9, fontweight="bold")
        x = (_LEFT + inner / 2) / width
        text(figure.text(x, (_BOTTOM - 0.26) / height, "value", ha="center", va="top"), 9)
        over = headline(title, of, _LEFT + inner)
        text(figure.text(0.1 / width, (height + 0.22) / height, over, va="bottom"), 11, fontweight="bold")
        notes = [say("The number is the share of values in the fullest bin; each panel has its own height.")]
        if any(_cut(cell) for _, cell in cells):
            notes.append(say("A bar that reaches the top edge is cut."))
        if cells["share"].sum().min() < 0.995:
            notes.append(say("Not all values lie in the bins."))
        under = note(notes, _LEFT + inner)
        text(figure.text(0.1 / width, (_BOTTOM - 0.5) / height, under, va="top"), 7.5, color="0.35", linespacing=1.35)
    return figure


def _cut(cell: pd.DataFrame) -> bool:
    top = cell["share"].nlargest(2).to_numpy()
    return len(top) > 1 and top[1] > 0 and top[0] > CUT * top[1]


def _bars(ax: Axes, cell: pd.DataFrame, style: Style) -> None:
    shares = cell["share"].to_numpy()
    # A crowd at exactly zero, as behind ReLU, would hide the shape of the rest.
    top = 1.6 * np.sort(shares)[-2] if _cut(cell) else 1.3 * max(shares.max(), 1e-9)
    ax.bar(cell["left"], shares, cell["right"] - cell["left"], align="edge", color=style.colour, lw=0)
    ax.set_xlim(cell["left"].min(), cell["right"].max())
    ax.set_ylim(0, top)
    ax.set_yticks([])
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(plain_number))
    # Where the bars are lowest there is room for the number.
    place = int(np.argmin([part.max() for part in np.array_split(shares, 3)]))
    share = ax.annotate(
        f"{100 * shares.max():.3g} %", (place / 2, 1), ((3, 0, -3)[place], -2), xycoords="axes fraction",
        textcoords="offset points", ha=("left", "center", "right")[place], va="top",
    )  # fmt: skip
    text(share, 7.5, color="0.25")


def weight_histograms(
    table: pd.DataFrame,
    *,
    look_of: Mapping[str, Style] | None = None,
    title: str = "weights",
    of: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how the weights of each variant are spread as an outline, on a logarithmic axis that shows the tails too.

    Args:
        table: as `lab.probes.activations.histogram` returns it for `lab.probes.weights.kernels`, with a column
            "variant". Layers of one variant are added up.
        look_of: the style of each variant; None takes `lab.report.styles`.
        title: what is seen.
        of: the experiment, for the title.
        ax: where to draw; None makes a figure.

    Raises:
        DataError: the table lacks a column or has no rows.
    """
    columns_of(table, ["variant", "left", "right", "count"], "the histogram")
    variants = list(table["variant"].unique())
    look_of = look_of or styles(variants)
    names = labels(variants)
    with look():
        ax = own(ax)
        entries, drawn = [], []
        for i, variant in enumerate(variants):
            rows = table[table["variant"] == variant].groupby(["left", "right"], as_index=False)["count"].sum()
            shares = rows["count"] / rows["count"].sum()
            drawn.append(shares)
            looks: dict[str, Any] = {
                "color": look_of[variant].colour,
                "lw": 1.4,
                "ls": ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), "-.")[i % 4],
            }
            edges = [*rows["left"], rows["right"].iloc[-1]]
            ax.stairs(shares, edges, color=looks["color"], lw=looks["lw"], ls=looks["ls"])
            entries.append(Line2D([], [], label=names[variant], **looks))
        ax.set_xlim(table["left"].min(), table["right"].max())
        axis = fitted(pd.concat(drawn), log=True)
        # Where every weight lies outside of the bins there is nothing to take a logarithm of.
        if axis.log:
            scale(ax, axis)
        ax.set_xlabel(say("weight"))
        ax.set_ylabel(say("share of the weights within the axis"))
        beside(ax, entries)
        headline_over(ax, title, of)
        footnote(ax, ["Logarithmic axis: a bin without weights is empty."])
    return ax
