"""The chart over the epochs, as it is drawn; its data comes from the page's script.

curves.js makes the rows for the chosen measure, variants and smoothing, and sets the parameters: "x0", "x1", "y0", "y1"
(the ends of the axes), "front" (the place of the variant that is brought forward, or -1), "run" (of the run, or "") and
"at" (the epoch at which the variants are compared, or null).
"""

from collections.abc import Sequence

import altair as alt

from lab.pages.epochs_series import Series
from lab.pages.vegalite import EPOCHS_AXIS, Spec, colour, dash, shape, spec

TABLES = ("bands", "raw", "singles", "lines", "marks", "points", "rule")
"""The tables that the script fills."""

# A line is "g" (its curve), "v", "c" (colour), "split", "w" (whether all runs still train), "e" and "y".
_BEHIND = {"test": "run || front >= 0 && datum.v != front", "value": 0.14}
_FEWER = {"test": "!datum.w", "value": 0.4}


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

    def height(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=None, scale=ends("y"), axis=alt.Axis(tickCount=6, format="~g"))

    x = alt.X("e:Q", title="epoch", scale=ends("x"), axis=EPOCHS_AXIS)
    dashes = dash(["train", "validation"])
    curve = {"x": x, "y": height("y"), "color": colour(), "detail": "g:N", "strokeDash": dashes}
    bands = (
        layer("bands")
        .mark_area(clip=True, tooltip=None)
        .encode(x=x, y=height("lo"), y2="hi:Q", color=colour(), detail="g:N", opacity=_opacity([_BEHIND], 0.13, 0.02))
    )
    raw = layer("raw").mark_line(strokeWidth=1, clip=True).encode(**curve, opacity=_opacity([_BEHIND], 0.3, 0.06))
    lines = layer("lines").mark_line(strokeWidth=2, clip=True).encode(**curve, opacity=_opacity([_BEHIND, _FEWER], 1))
    chosen = {"test": "datum.r == run", "value": 1}
    singles = (
        layer("singles")
        .mark_line(clip=True)
        .encode(
            **curve,
            opacity=_opacity([chosen, _BEHIND], 0.6),
            strokeWidth={"condition": {"test": "datum.r == run", "value": 2.6}, "value": 0.9},
        )
    )
    marks = (
        layer("marks")
        .mark_point(size=80, strokeWidth=1.6, clip=True)
        .encode(
            x=x,
            y=height("y"),
            shape=shape(),
            stroke=colour(alt.Stroke),
            fill=alt.condition("datum.mark == 'kept'", colour(alt.Fill), alt.value("var(--paper)")),
            opacity=_opacity([_BEHIND], 1),
        )
    )
    rule = layer("rule").mark_rule(stroke="var(--soft)", strokeWidth=1, clip=True).encode(x=x)
    points = (
        layer("points")
        .mark_point(size=60, filled=True, stroke="var(--paper)", strokeWidth=1, opacity=1, clip=True)
        .encode(x=x, y=height("y"), color=colour())
    )
    axis = series.axis
    parameters = {"x0": 1, "x1": max(2, series.epochs), "y0": axis.low, "y1": axis.high, "front": -1, "run": ""}
    drawn = alt.layer(bands, rule, raw, singles, lines, marks, points)
    drawn = drawn.add_params(*(alt.param(name=name, value=value) for name, value in parameters.items()))
    names = ", ".join(variants[:12]) + (" and others" if len(variants) > 12 else "")
    return spec(
        drawn,
        "curves",
        f"Lines of the {series.measures[0].name} over {series.epochs} epochs, train solid and validation dashed, for "
        f"{names}. The table of the comparison has the same runs in numbers.",
        300,
    )


def _opacity(conditions: Sequence[dict[str, object]], value: float, behind: float | None = None) -> dict[str, object]:
    """Return an opacity as a channel; `behind` takes the place of the usual one of what is not brought forward."""
    tests = [one if behind is None or one is not _BEHIND else one | {"value": behind} for one in conditions]
    return {"condition": tests, "value": value}
