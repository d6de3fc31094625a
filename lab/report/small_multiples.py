"""Lines in panels on shared axes, for studies: one column of a table makes the panels, another the lines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lab.report.layout import Sheet, plain_number, scale
from lab.report.theme import Style, columns_of, labels, look, styles
from lab.report.value_axis import Axis, fitted
from lab.statistics.language import say

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), "-.")


def panels(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    panel: str = "panel",
    line: str = "variant",
    title: str,
    of: str = "",
    names: tuple[str, str] = ("", ""),
    log: tuple[bool, bool] = (False, False),
    limits: tuple[float, float] | None = None,
    look_of: Mapping[str, Style] | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Draw lines in panels on shared axes: one panel per value of one column, one line per value of another.

    Several rows at one place (seeds) are drawn as their median with a band from the smallest to the largest.

    Args:
        table: one row per point.
        x, y: the columns of both axes. Names (layers) along x keep the order of the table.
        panel: the column of the panels, in the order of the table.
        line: the column of the lines.
        title: what is seen.
        of: the experiment, for the title.
        names: what the axes are called; the columns' names where empty.
        log: whether each axis is logarithmic; what is not above 0 is then left out.
        limits: of the y axis; None fits it to the values.
        look_of: the style of each line; None takes `lab.report.styles`.
        notes: sentences under the figure.

    Raises:
        DataError: the table lacks a column or has no rows.
    """
    columns_of(table, [panel, line, x, y], "the table of the panels")
    rows = table.astype({panel: str, line: str})
    named = not pd.api.types.is_numeric_dtype(rows[x])
    places = list(rows[x].unique()) if named else []
    if named:
        rows = rows.assign(**{x: rows[x].map(places.index)})
    values = rows[y].astype(float)
    rows = rows.assign(**{y: values.where(np.isfinite(values) & ((values > 0) | (not log[1])))})
    spread = rows.groupby([panel, line, x], sort=False)[y].agg(["median", "min", "max", "size"]).reset_index()
    shown, lines = list(rows[panel].unique()), list(rows[line].unique())
    look_of = look_of or styles(lines)
    ends = pd.concat([spread["min"], spread["max"]])
    shared = Axis(log[1], *limits, False) if limits else fitted(ends, log=log[1])
    many = bool((spread["size"] > 1).any())
    with look():
        sheet = Sheet(len(shown))
        for ax, name in zip(sheet.axes, shown, strict=True):
            of_panel = spread[spread[panel] == name]
            for i, key in enumerate(lines):
                points = of_panel[of_panel[line] == key].sort_values(x)
                if many:
                    band: dict[str, Any] = {"color": look_of[key].colour, "alpha": 0.14, "lw": 0}
                    ax.fill_between(points[x], points["min"], points["max"], **band)
                step = max(1, len(points) // 6)
                start = int(step * i / len(lines))
                ax.plot(points[x], points["median"], markevery=(start, step), **_looks(look_of[key], i))
            scale(ax, shared)
            if log[1] and shared.high > 1e4 * shared.low:
                ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}"))
            _across(ax, rows[x], log[0], places)
            sheet.name(ax, name, shown)
        of_lines = labels(lines)
        sheet.finish(
            title=title,
            of=of,
            x=names[0] or x,
            y=names[1] or y,
            legend=[Line2D([], [], label=of_lines[key], **_looks(look_of[key], i)) for i, key in enumerate(lines)],
            notes=[*notes, *([say("Lines: median over the seeds; bands: from the smallest to the largest.")] * many)],
        )
    return sheet.figure


def ranked(lines: Iterable[str]) -> dict[str, Style]:
    """Return styles for lines that have an order (layers, strengths), dark for the first.

    Args:
        lines: names; repetitions are ignored.
    """
    once = [str(name) for name in dict.fromkeys(lines)]
    return styles(["", *once], "", {name: float(i) for i, name in enumerate(once)})


def _looks(style: Style, place: int) -> dict[str, Any]:
    dashes: Any = _DASHES[place % len(_DASHES)]
    marker = {"marker": style.marker, "ms": 4.2, "mec": "white", "mew": 0.5}
    return {"color": style.colour, "lw": 1.3, "ls": dashes} | marker


def _across(ax: Axes, values: pd.Series, log: bool, places: Sequence[str]) -> None:
    low, high = float(values.min()), float(values.max())
    if log:
        ax.set_xscale("log")
        room = (high / low) ** 0.03 if high > low else 2.0
        ax.set_xlim(low / room, high * room)
        ax.xaxis.set_major_locator(LogLocator(numticks=5))
        ax.xaxis.set_major_formatter(FuncFormatter(plain_number))
        ax.xaxis.set_minor_locator(NullLocator())
        return
    room = 0.03 * (high - low) or 0.5
    ax.set_xlim(low - room, high + room)
    if places:
        short = [name.removeprefix("dense_") for name in places]
        ax.set_xticks(range(len(places)), [name[:3] for name in short])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
