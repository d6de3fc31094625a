"""The chart over the epochs, as it is drawn; its data comes from the page's script.

curves.js makes the rows for the chosen measure, variants and smoothing, sets the parameters "x0", "x1", "y0" and "y1"
(the ends of the axes), and makes paler what is not brought forward.
"""

from collections.abc import Sequence

import altair as alt

from lab.pages.epochs_series import Series
from lab.pages.vegalite import EPOCHS_AXIS, Spec, colour, dash, shape, spec
from lab.statistics.language import named, say

TABLES = ("bands", "raw", "singles", "lines", "marks", "points", "rule")
"""The tables that the script fills."""

# A line is "g" (its curve), "v", "c" (colour), "split", "w" (whether all runs still train), "e" and "y".
OPACITY: dict[str, dict[str, float]] = {
    "bands": {"usual": 0.13, "behind": 0.02},
    "raw": {"usual": 0.3, "behind": 0.06},
    "singles": {"usual": 0.6, "behind": 0.14},
    "lines": {"usual": 1, "behind": 0.14, "fewer": 0.4},
    "marks": {"usual": 1, "behind": 0.14},
}
"""The opacity of each table's shapes: usual, of what is behind the variant in front, and where fewer runs train.

curves.js sets them on the shapes that are drawn. As a condition of the specification they would be slow: Vega would
compute every point of every line anew whenever a name is under the mouse.
"""


def chart(series: Series, variants: Sequence[str]) -> Spec:
    """Return the chart: medians and bands of the shown variants, single seeds, marks, and what is compared.

    Args:
        series: its data.
        variants: their names, the baseline first.
    """

    def ends(axis: str) -> alt.Scale:
        low, high = alt.ExprRef(f"{axis}0"), alt.ExprRef(f"{axis}1")
        return alt.Scale(type="linear", domainMin=low, domainMax=high, zero=False, nice=False)

    def layer(name: str) -> alt.Chart:
        return alt.Chart(alt.NamedData(name))

    def usual(name: str) -> float:
        return OPACITY[name]["usual"]

    def height(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=None, scale=ends("y"), axis=alt.Axis(tickCount=6, format="~g"))

    x = alt.X("e:Q", title=say("epoch"), scale=ends("x"), axis=EPOCHS_AXIS)
    dashes = dash(["train", "validation"])
    curve = {"x": x, "y": height("y"), "color": colour(), "detail": "g:N", "strokeDash": dashes}
    bands = (
        layer("bands")
        .mark_area(clip=True, tooltip=None, opacity=usual("bands"))
        .encode(x=x, y=height("lo"), y2="hi:Q", color=colour(), detail="g:N")
    )
    raw = layer("raw").mark_line(strokeWidth=1, clip=True, opacity=usual("raw")).encode(**curve)
    lines = layer("lines").mark_line(strokeWidth=2, clip=True, opacity=usual("lines")).encode(**curve)
    singles = layer("singles").mark_line(strokeWidth=0.9, clip=True, opacity=usual("singles")).encode(**curve)
    marks = (
        layer("marks")
        .mark_point(size=80, strokeWidth=1.6, clip=True, opacity=usual("marks"))
        .encode(
            x=x,
            y=height("y"),
            shape=shape(),
            stroke=colour(alt.Stroke),
            fill=alt.condition("datum.mark == 'kept'", colour(alt.Fill), alt.value("var(--paper)")),
        )
    )
    rule = layer("rule").mark_rule(stroke="var(--soft)", strokeWidth=1, clip=True).encode(x=x)
    points = (
        layer("points")
        .mark_point(size=60, filled=True, stroke="var(--paper)", strokeWidth=1, opacity=1, clip=True)
        .encode(x=x, y=height("y"), color=colour())
    )
    axis = series.axis
    parameters = {"x0": 1, "x1": max(2, series.epochs), "y0": axis.low, "y1": axis.high}
    drawn = alt.layer(bands, rule, raw, singles, lines, marks, points)
    drawn = drawn.add_params(*(alt.param(name=name, value=value) for name, value in parameters.items()))
    names = say(", ").join(variants[:12]) + (say(" and others") if len(variants) > 12 else "")
    return spec(
        drawn,
        "curves",
        say(
            "Lines of the {metric} over {epochs} epochs, train solid and validation dashed, for {names}. "
            "The table of the comparison has the same runs in numbers.",
            metric=named(series.measures[0].name),
            epochs=series.epochs,
            names=names,
        ),
        300,
    )
