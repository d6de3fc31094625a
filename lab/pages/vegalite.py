"""Shared by all charts of a page: colours, scales and compact rows of data, as Vega-Lite made with Altair.

Every colour is a custom property of the style sheet ("var(--v0)"), so the charts follow the reader's light or dark
screen and print in light without being drawn again. Every name is given here: Altair counts up its own names within
a process, and the same tables must give the same bytes.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from lab.pages.look import MARKERS

Spec = dict[str, Any]
"""A chart without its data."""

Row = dict[str, Any]
"""A row of a chart's data: plain values and lists."""

DIGITS = 4
"""Significant digits of the numbers in a chart: as many as its tooltips show."""

_DASHES: dict[str, list[int]] = {"train": [], "validation": [6, 3], "test": [2, 2]}
SPLIT_COLOURS = {"train": "var(--ink)", "validation": "var(--validation)", "test": "var(--test)"}

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

LOOK = {
    "background": "transparent",
    "font": _FONT,
    "aria": False,
    "view": {"stroke": None},
    "title": {"font": _FONT},
    "legend": {"labelFont": _FONT, "labelFontSize": 12},
    "axis": {
        "labelFont": _FONT,
        "titleFont": _FONT,
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titlePadding": 8,
        "gridColor": "var(--hair)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "tickSize": 4,
        "labelPadding": 5,
        "labelSeparation": 6,
    },
}
"""The look of all charts of a page, as Vega's configuration."""


def short(values: Iterable[float]) -> list[float | None]:
    """Return numbers rounded to `DIGITS` significant digits; None where a number is not finite."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]


def spec(chart: Any, name: str, description: str, height: int) -> Spec:
    """Return a chart as a specification without data, as wide as its place on the page.

    Args:
        chart: the layers.
        name: the chart's, in the specification.
        description: what it shows, in words, for those who do not see it.
        height: in pixels, without the axes.
    """
    chart = chart.properties(
        name=name,
        description=description,
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    made: Spec = chart.to_dict()
    # Altair's own look gives way to that of the page.
    made.pop("config", None)
    return made


# A colour is looked up by the style sheet and a marker by its place, so that the size of a chart's specification does
# not depend on the number of variants.
COLOUR = "'var(--v' + datum.v + ')'"


def colour(channel: type[alt.Color] | type[alt.Stroke] | type[alt.Fill] = alt.Color) -> Any:
    """Return the variant's colour as a channel, from the field that `COLOUR` computes."""
    return channel("c:N", scale=None, legend=None)


def shape() -> alt.Shape:
    """Return the variant's marker as a channel, from the field "k", its place among all markers."""
    scale = alt.Scale(domain=list(range(len(MARKERS))), range=list(MARKERS.values()))
    return alt.Shape("k:N", scale=scale, legend=None)


def dash(splits: Sequence[str]) -> alt.StrokeDash:
    """Return the dashes of splits as a channel: train solid, validation dashed, test dotted."""
    scale = alt.Scale(domain=list(splits), range=[_DASHES[split] for split in splits])
    return alt.StrokeDash("split:N", scale=scale, legend=None)
