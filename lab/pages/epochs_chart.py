"""The chart over the epochs, as it is drawn: medians with bands, single seeds, marks, hover and zoom."""

from collections.abc import Sequence

import altair as alt

from lab.pages.epochs_series import Series
from lab.pages.vegalite import COLOUR, EPOCHS_AXIS, Spec, colour, dash, shape, spec, value_axis

# What the mouse finds is the mark nearest to it, which has the row as its "datum". Vega-Lite 6.4 looks there for the
# numbers of a tooltip but not for its names, so the tooltip is written out.
_ROW = "(datum.datum || datum)"
_FIELDS = {"epoch": ("e", "d"), "median": ("m", ".4~g"), "lower quartile": ("lo", ".4~g"),
           "upper quartile": ("hi", ".4~g"), "seeds": ("n", "d")}  # fmt: skip
_NUMBERS = [f"'{title}': format({_ROW}.{field}, '{form}')" for title, (field, form) in _FIELDS.items()]
_TOOLTIP = f"{{'variant': {_ROW}.name, 'measured on': {_ROW}.split, {', '.join(_NUMBERS)}}}"


def chart(series: Series, variants: Sequence[str]) -> Spec:
    """Return the chart: medians and bands of the shown variants, single seeds, marks, hover and zoom.

    The page's controls set its parameters: "shown" (places of variants), "seeds", "splits", "band", "whole" (the value
    axis), "first" and "last" (epochs).

    Args:
        series: its data.
        variants: their names, the baseline first.
    """

    def height(field: str) -> alt.Y:
        if not series.focus:
            return value_axis(field, series.axis, series.measured)
        ends = zip(series.focus, (series.axis.low, series.axis.high), strict=True)
        low, high = (alt.ExprRef(f"whole ? {all_:.6g} : {part:.6g}") for part, all_ in ends)
        scale = alt.Scale(domainMin=low, domainMax=high, zero=False, nice=False)
        return value_axis(field, series.axis, series.measured, scale)

    parameters = [
        alt.param(name="shown", value=series.shown),
        alt.param(name="seeds", value=[]),
        alt.param(name="splits", value=["train", "validation"]),
        alt.param(name="band", value=True),
        alt.param(name="whole", value=False),
        alt.param(name="first", value=1),
        alt.param(name="last", value=series.epochs),
    ]
    seen = "indexof(shown, datum.v) >= 0 && indexof(splits, datum.split) >= 0"
    inside = "datum.e >= first && datum.e <= last"
    # Without `nice`, the axis is as long as the epochs that are asked for.
    x = alt.X("e:Q", title="epoch", scale=alt.Scale(zero=False, nice=False, padding=7), axis=EPOCHS_AXIS)
    medians = (
        alt.Chart(alt.NamedData("medians"))
        .transform_filter(seen)
        .transform_calculate(c=COLOUR)
        .transform_flatten(["e", "m", "lo", "hi", "n"])
        .transform_filter(inside)
    )
    band = (
        medians.transform_filter("band && datum.split == 'validation'")
        .mark_area(opacity=0.13, clip=True, tooltip=None)
        .encode(x=x, y=height("lo"), y2="hi:Q", color=colour(), detail=["v:N", "whole:N"])
    )
    zoom = alt.selection_interval(
        name="zoom",
        bind="scales",
        # A finger scrolls the page, and so does a wheel unless the page's own zoom key is held.
        translate="[pointerdown[event.pointerType == 'mouse'], window:pointerup] > window:pointermove!",
        zoom="wheel![event.ctrlKey || event.metaKey]",
    )
    lines = (
        medians.mark_line(strokeWidth=2, clip=True)
        .encode(
            x=x,
            y=height("m"),
            color=colour(),
            strokeDash=dash(["train", "validation"]),
            detail=["v:N", "whole:N"],
            opacity=alt.condition("datum.whole", alt.value(1), alt.value(0.4)),
        )
        .add_params(zoom)
    )
    singles = (
        alt.Chart(alt.NamedData("seeds"))
        .transform_filter(f"{seen} && indexof(seeds, datum.s) >= 0")
        .transform_calculate(c=COLOUR)
        .transform_flatten(["e", "y"])
        .transform_filter(inside)
        .mark_line(strokeWidth=0.9, opacity=0.65, clip=True)
        .encode(
            x=x,
            y=height("y"),
            color=colour(),
            strokeDash=dash(["train", "validation"]),
            detail=["v:N", "s:N"],
        )
    )
    # Select by field values: the rows made by `flatten` share one identity.
    hover = alt.selection_point(
        name="hover", fields=["v", "split", "e"], nearest=True, on="pointermove", clear="pointerout"
    )
    points = (
        medians.mark_point(
            size=70, filled=True, stroke="var(--paper)", strokeWidth=1, clip=True, tooltip=alt.ExprRef(_TOOLTIP)
        )
        .encode(
            x=x, y=height("m"), color=colour(), opacity=alt.condition(hover, alt.value(1), alt.value(0), empty=False)
        )
        .add_params(hover)
    )
    marks = (
        alt.Chart(alt.NamedData("marks"))
        .transform_filter(f"indexof(shown, datum.v) >= 0 && indexof(splits, 'validation') >= 0 && {inside}")
        .transform_calculate(c=COLOUR)
        .mark_point(size=80, strokeWidth=1.6, opacity=1, clip=True)
        .encode(
            x=x,
            y=height("y"),
            shape=shape(),
            stroke=colour(alt.Stroke),
            fill=alt.condition("datum.mark == 'kept'", colour(alt.Fill), alt.value("var(--paper)")),
        )
    )
    chart = alt.layer(band, singles, lines, marks, points).add_params(*parameters)
    names = ", ".join(variants[:12]) + (" and others" if len(variants) > 12 else "")
    return spec(
        chart,
        "curves",
        f"Lines of the {series.measured} over {series.epochs} epochs, train solid and validation dashed, for {names}. "
        "The table of the comparison has the same runs in numbers.",
        300,
    )
